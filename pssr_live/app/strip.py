"""The status strip: numbers that are measured, the engine, and the trust light."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QElidingLabel

from pssr_live.app import theme
from pssr_live.app.status import Reading, Tone
from pssr_live.app.trust import Colour, Light

_TONES = {
    Tone.PLAIN: theme.TEXT,
    Tone.FAINT: theme.FAINT,
    Tone.WARN: theme.AMBER,
    Tone.BAD: theme.RED,
}
_LIGHTS = {
    Colour.OFF: theme.FAINT,
    Colour.GREEN: theme.GREEN,
    Colour.AMBER: theme.AMBER,
    Colour.RED: theme.RED,
}


class Strip(QFrame):
    """The line at the bottom of the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("strip")
        self._cells: dict[str, QLabel] = {}
        self._row = QHBoxLayout()
        self._row.setSpacing(20)
        self.engine = QElidingLabel()
        self.engine.setMinimumWidth(60)
        self.light = TrustLight()
        engine = _cell("engine", self.engine)
        trust = _cell("trust", self.light)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 7)
        row.setSpacing(20)
        row.addLayout(self._row)
        row.addLayout(engine, 1)
        row.addLayout(trust)

    def show_readings(self, shown: Sequence[Reading]) -> None:
        """Show the numbers."""
        for reading in shown:
            if reading.name not in self._cells:
                self._add(reading)
            value = self._cells[reading.name]
            if value.text() != reading.value:
                value.setText(reading.value)
            theme.tint(value, _TONES[reading.tone])

    def show_engine(self, line: str, why: str, *, restores: bool) -> None:
        """Name the engine, with the reasons in its tip."""
        self.engine.setText(line)
        self.engine.setToolTip(why)
        theme.tint(self.engine, "" if restores else theme.RED)

    def value_of(self, name: str) -> str:
        """Return what stands under a caption."""
        return self._cells[name].text()

    def _add(self, reading: Reading) -> None:
        value = QLabel()
        value.setToolTip(reading.tip)
        value.setMinimumWidth(value.fontMetrics().horizontalAdvance("100.0 /s"))
        self._cells[reading.name] = value
        self._row.addLayout(_cell(reading.name, value))


class TrustLight(QWidget):
    """A lamp, and what it means."""

    def __init__(self) -> None:
        super().__init__()
        self._light = Light(Colour.OFF, "no picture yet", "")
        self._words = QLabel(self._light.words)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 0, 0, 0)
        row.addWidget(self._words)
        width = self._words.fontMetrics().horizontalAdvance("reference disagrees, -0.0")
        self.setMinimumWidth(width)

    @property
    def light(self) -> Light:
        """What it shows."""
        return self._light

    def show_light(self, light: Light) -> None:
        """Show another light."""
        if light != self._light:
            self._light = light
            self._words.setText(light.words)
            self.setToolTip(light.why)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lamp."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(_LIGHTS[self._light.colour])
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        glow = QColor(colour)
        glow.setAlpha(60 if self._light.colour is not Colour.OFF else 0)
        painter.setBrush(glow)
        painter.drawEllipse(QRectF(-1, middle - 8, 16, 16))
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(2, middle - 5, 10, 10))
        painter.end()


def _cell(name: str, value: QWidget) -> QVBoxLayout:
    caption = QLabel(name)
    caption.setObjectName("caption")
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(caption)
    column.addWidget(value)
    return column
