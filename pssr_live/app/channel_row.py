"""One channel's contrast: histogram, colour, automatic or by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from pssr_live.app import theme
from pssr_live.app.levels import Histogram, Levels
from pssr_live.app.picture import Look
from pssr_live.app.render import COLOURS

HEIGHT = 74
SIDE_WIDTH = 260  # so that the histograms of several channels stand in line
MUCH = 1e-3  # of the pixels saturated: worth a red figure


class ChannelRow(QWidget):
    """Shows and changes how a channel looks.

    Signals
    -------
    changed : Look
        What was chosen.
    began_afresh : None
        Automatic contrast shall begin anew.
    """

    changed = Signal(object)
    began_afresh = Signal()

    def __init__(self, name: str, look: Look, *, alone: bool) -> None:
        super().__init__()
        self.look = look
        self._alone = alone
        self._levels = Levels(0, 1)
        self.setFixedHeight(HEIGHT)
        self.eye = _button(name, "Show this channel (keys 1 to 9)", checkable=True)
        self.eye.setChecked(look.visible)
        self.eye.setVisible(not alone)
        self.colour = _button("", "Colour of this channel")
        self.colour.setMenu(self._colours())
        self.colour.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.auto = _button("Auto", "Automatic contrast (A)", checkable=True)
        self.auto.setChecked(look.fixed is None)
        self.reset = _button("Reset", "Let automatic contrast begin anew (C)")
        self.saturated = QLabel()
        self.saturated.setObjectName("caption")
        self.plot, self._curve, self.region = _plot()
        self._lay_out()
        self._paint_swatch()
        self.eye.toggled.connect(lambda on: self._change(visible=on))
        self.auto.toggled.connect(self._set_auto)
        self.reset.clicked.connect(self._reset)
        self.region.sigRegionChanged.connect(self._by_hand)

    def show_contrast(self, seen: Histogram, levels: Levels) -> None:
        """Show the histogram of the newest frame and the contrast in force."""
        self._curve.setData(seen.edges, seen.heights)
        low, high = float(seen.edges[0]), float(seen.edges[-1])
        self.plot.setXRange(min(low, levels.low), max(high, levels.high), padding=0.02)
        self._levels = levels
        if not self.region.lines[0].moving and not self.region.lines[1].moving:
            self.region.blockSignals(True)
            self.region.setRegion((levels.low, levels.high))
            self.region.blockSignals(False)
        share = seen.saturated
        self.saturated.setText("" if share == 0 else f"{share:.2%} saturated")
        colour = theme.RED if share > MUCH else theme.AMBER
        theme.tint(self.saturated, colour)

    # -- within

    def _change(self, **changes: Any) -> None:
        self.look = replace(self.look, **changes)
        self.changed.emit(self.look)

    def _set_auto(self, on: bool) -> None:
        self._change(fixed=None if on else self._levels)

    def _reset(self) -> None:
        self.auto.setChecked(True)
        self.began_afresh.emit()

    def _by_hand(self) -> None:
        low, high = self.region.getRegion()
        levels = Levels(float(low), max(float(high), float(low) + 1))
        self.auto.blockSignals(True)
        self.auto.setChecked(False)
        self.auto.blockSignals(False)
        self._change(fixed=levels)

    def _paint_colour(self, name: str) -> None:
        self._change(colour=name)
        self._paint_swatch()

    def _paint_swatch(self) -> None:
        self.colour.setIcon(_swatch(self.look.colour))
        fill = QColor(*COLOURS[self.look.colour])
        self._curve.setPen(pg.mkPen(fill, width=1))
        fill.setAlpha(70)
        self._curve.setBrush(fill)

    def _colours(self) -> QMenu:
        menu = QMenu(self)
        for name in COLOURS:
            choose: Callable[[], None] = partial(self._paint_colour, name)
            menu.addAction(_swatch(name), name).triggered.connect(choose)
        return menu

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for widget in (self.eye, self.colour):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        for widget in (self.auto, self.reset):
            buttons.addWidget(widget)
        buttons_and_more = QWidget()
        buttons_and_more.setMinimumWidth(0 if self._alone else SIDE_WIDTH)
        left = QVBoxLayout(buttons_and_more)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(2)
        left.addLayout(buttons)
        left.addWidget(self.saturated)
        left.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(12)
        row.addWidget(buttons_and_more)
        row.addWidget(self.plot, 1)


def _plot() -> tuple[Any, Any, Any]:
    plot = pg.PlotWidget(background=None)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(False, False)
    plot.hideButtons()
    plot.hideAxis("left")
    axis = plot.getAxis("bottom")
    axis.setPen(theme.EDGE)
    axis.setTextPen(theme.DIM)
    axis.setStyle(tickLength=3, tickTextOffset=2)
    axis.setHeight(18)
    plot.setYRange(0, 1.05, padding=0)
    curve = pg.PlotCurveItem(np.arange(2), np.zeros(1), stepMode="center", fillLevel=0)
    plot.addItem(curve)
    region = pg.LinearRegionItem(
        brush=(255, 255, 255, 14), hoverBrush=(255, 255, 255, 24), pen=theme.ACCENT
    )
    plot.addItem(region)
    return plot, curve, region


def _swatch(name: str) -> QIcon:
    pixmap = QPixmap(14, 14)
    pixmap.fill(QColor(*COLOURS[name]))
    return QIcon(pixmap)


def _button(text: str, tip: str, *, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
