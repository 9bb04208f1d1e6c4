"""Boxes for numbers. A click selects what they hold, so that typing replaces it.

Else a click into "never", or into a unit, would take no digit at all.
"""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QFocusEvent
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox


class WholeBox(QSpinBox):
    """A whole number."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the number, once the click has placed its cursor."""
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)


class NumberBox(QDoubleSpinBox):
    """A number without the zeros at its end."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the number, once the click has placed its cursor."""
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)

    def textFromValue(self, value: float) -> str:
        """Return the digits that say something."""
        text, point = super().textFromValue(value), self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if point in text else text


def whole(low: int, high: int, unit: str = "") -> WholeBox:
    """Return a box for a whole number of something."""
    box = WholeBox()
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box


def number(low: float, high: float, unit: str) -> NumberBox:
    """Return a box for a number with its unit."""
    box = NumberBox()
    box.setDecimals(3)
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box
