"""What is written over a picture: titles, the scale bar, the value under the cursor.

Drawn in pixels of the screen, so that zooming leaves it alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from pssr_live.app import theme
from pssr_live.storage.preview import bar_length_um

MARGIN = 12.0
SHADE = QColor(0, 0, 0, 150)


@dataclass(frozen=True, slots=True)
class Overlay:
    """The words of one pane.

    Attributes
    ----------
    title : str
        At the top left.
    plate : str
        A warning plate at the top right; empty for none.
    empty : str
        In the middle, where there is no picture.
    value : str
        At the lower left.
    place : str
        Under the title: where the frame was taken.
    """

    title: str = ""
    plate: str = ""
    empty: str = ""
    value: str = ""
    place: str = ""


def draw(
    painter: QPainter,
    size: tuple[float, float],
    said: Overlay,
    view_um: float | None,
    in_um: bool,
) -> None:
    """Draw an overlay.

    Parameters
    ----------
    painter : QPainter
        In pixels of the pane.
    size : tuple of float
        Width and height of the pane.
    said : Overlay
        What to write.
    view_um : float or None
        What the pane's width shows, in micrometres or raw pixels; None if nothing.
    in_um : bool
        Which of the two.
    """
    width, height = size
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if said.title:
        _text(painter, said.title, MARGIN, MARGIN, _font(8.5, bold=True), theme.TEXT)
    if said.place:
        _place(painter, said.place, width)
    if said.plate:
        _plate(painter, said.plate, width - MARGIN, MARGIN)
    if said.empty:
        painter.setFont(_font(10))
        painter.setPen(QColor(theme.FAINT))
        middle = QRectF(24, 0, width - 48, height)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(middle, int(flags), said.empty)
    if said.value:
        font = _font(8.5)
        top = height - MARGIN - QFontMetricsF(font).height() - 6
        _text(painter, said.value, MARGIN, top, font, theme.TEXT)
    if view_um:
        _scale_bar(painter, width, height, view_um, in_um)


def _text(
    painter: QPainter, text: str, left: float, top: float, font: QFont, colour: str
) -> None:
    metrics = QFontMetricsF(font)
    box = QRectF(left, top, metrics.horizontalAdvance(text) + 12, metrics.height() + 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(SHADE)
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)


def _place(painter: QPainter, text: str, width: float) -> None:
    """Write a place under the title; a long name of a position ends with dots."""
    font = _font(8.5)
    metrics = QFontMetricsF(font)
    room = width - 2 * MARGIN - 12
    short = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
    _text(painter, short, MARGIN, MARGIN + metrics.height() + 10, font, theme.TEXT)


def _plate(painter: QPainter, text: str, right: float, top: float) -> None:
    font = _font(8, bold=True)
    metrics = QFontMetricsF(font)
    wide = metrics.horizontalAdvance(text) + 14
    box = QRectF(right - wide, top, wide, metrics.height() + 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.RED if "NOT" in text else theme.AMBER))
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font)
    painter.setPen(QColor(theme.BACK))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)


def _scale_bar(
    painter: QPainter, width: float, height: float, view_um: float, in_um: bool
) -> None:
    length_um = bar_length_um(view_um)
    end, base = width - MARGIN - 2, height - MARGIN - 2
    start = end - length_um / view_um * width
    painter.setPen(QPen(QColor(0, 0, 0, 170), 6, c=Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(start - 1.5, base), QPointF(end + 1.5, base))
    painter.setPen(QPen(QColor(theme.TEXT), 3, c=Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(start, base), QPointF(end, base))
    said = f"{length_um:g} {'µm' if in_um else 'px'}"
    font = _font(8.5, bold=True)
    metrics = QFontMetricsF(font)
    wide = metrics.horizontalAdvance(said) + 12
    left = (start + end) / 2 - wide / 2
    left = min(left, width - MARGIN - wide + 2)
    _text(painter, said, left, base - metrics.height() - 12, font, theme.TEXT)


def _font(points: float, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setFamilies(theme.FAMILIES)
    font.setPointSizeF(points)
    font.setBold(bold)
    return font
