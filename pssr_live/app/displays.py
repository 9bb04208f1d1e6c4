"""The bar under the panes: how pictures are shown, all channels of them."""

from __future__ import annotations

import time
from dataclasses import replace

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout

from pssr_live.app.channel_row import ChannelRow
from pssr_live.app.picture import Display, Look, Picture

HISTOGRAM_S = 0.25  # between two of them


class Displays(QFrame):
    """Rows of channels, and the buttons of the panes.

    Signals
    -------
    changed : Display
        How pictures shall look from now on.
    began_afresh : None
        Automatic contrast shall begin anew.
    """

    changed = Signal(object)
    began_afresh = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("displays")
        self.rows: dict[str, ChannelRow] = {}
        self._display = Display()
        self._next_s = 0.0
        self._late: Picture | None = None  # that came too soon after another one
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_late)
        self.side = _toggle("Side by side", "Raw and restored in two panes (V)")
        self.split = _toggle("Split", "Both in one pane, with a divider (V)")
        self.flicker = _toggle("Flicker", "Raw in the place of restored, and back (F)")
        self.marks = _toggle("Saturation", "Mark saturated pixels in red (M)")
        self.doubts = _toggle(
            "Doubts",
            "Mark where the restored picture differs from its scan by more than noise "
            "(W): orange where it shows more, blue where less. Needs the microscope's "
            "calibration; detail smaller than a raw pixel cannot be checked so",
        )
        self.fit = _toggle("Fit", "Show the whole field (0)")
        self.fit.setCheckable(False)
        self.side.setChecked(True)
        self.marks.setChecked(True)
        self.doubts.setChecked(True)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(12, 8, 12, 0)
        buttons.setSpacing(6)
        for button in (self.side, self.split, self.flicker):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for button in (self.marks, self.doubts, self.fit):
            buttons.addWidget(button)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 4)
        whole.setSpacing(0)
        whole.addLayout(buttons)
        whole.addLayout(self._rows)
        self.marks.toggled.connect(lambda on: self._change(marks=on))
        self.doubts.toggled.connect(lambda on: self._change(doubts=on))

    @property
    def display(self) -> Display:
        """How pictures look."""
        return self._display

    def use(self, display: Display) -> None:
        """Begin with another display; its looks serve for channels that turn up."""
        self._display = display
        self.marks.setChecked(display.marks)
        self.doubts.setChecked(display.doubts)
        self.changed.emit(display)

    def show_picture(self, picture: Picture) -> None:
        """Show the contrast of a picture, with a row for each of its channels."""
        is_new = list(picture.scene) != list(self.rows)
        now_s = time.monotonic()
        if not is_new and now_s < self._next_s:
            # A histogram need not be drawn 30 times a second; the last one must be.
            self._late = picture
            if not self._later.isActive():
                self._later.start(round(1000 * HISTOGRAM_S))
            return
        self._late = None
        self._next_s = now_s + HISTOGRAM_S
        if is_new:
            self._make_rows(list(picture.scene))
        for name, row in self.rows.items():
            row.show_contrast(picture.histograms[name], picture.levels[name])

    def set_bit_depth(self, bits: int | None) -> None:
        """Tell where the detector is saturated."""
        self._change(bit_depth=bits)

    def set_room(self, room: tuple[int, int]) -> None:
        """Tell how large a pane is on the screen."""
        if room != self._display.room:
            self._change(room=room)

    def toggle_auto(self) -> None:
        """Turn automatic contrast of all channels on, or off if it is on."""
        on = not all(row.auto.isChecked() for row in self.rows.values())
        for row in self.rows.values():
            row.auto.setChecked(on)

    def reset(self) -> None:
        """Let automatic contrast of all channels begin anew."""
        for row in self.rows.values():
            row.reset.click()

    def toggle_channel(self, place: int) -> None:
        """Show a channel, or hide it."""
        rows = list(self.rows.values())
        if place < len(rows) > 1:
            rows[place].eye.click()

    # -- within

    def _show_late(self) -> None:
        if self._late is not None:
            self._next_s = 0.0
            self.show_picture(self._late)

    def _make_rows(self, names: list[str]) -> None:
        for row in self.rows.values():
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = {}
        for place, name in enumerate(names):
            look = self._display.look(name, place, len(names))
            row = ChannelRow(name, look, alone=len(names) == 1)
            row.changed.connect(lambda look, name=name: self._look(name, look))
            row.began_afresh.connect(self.began_afresh)
            self._rows.addWidget(row)
            self.rows[name] = row

    def _look(self, name: str, look: Look) -> None:
        self._change(looks={**self._display.looks, name: look})

    def _change(self, **changes: object) -> None:
        self._display = replace(self._display, **changes)  # type: ignore[arg-type]
        self.changed.emit(self._display)


def _toggle(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setCheckable(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
