"""A slider over a list of values, with the value beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

CAPTION, VALUE = 52, 86  # pixels
SETTLE_MS = 180  # after which a value that was dragged to is taken


class Steps(QWidget):
    """Chooses one of some numbers.

    Signals
    -------
    moved : float
        While it is dragged.
    chosen : float
        When it has come to rest.
    """

    moved = Signal(float)
    chosen = Signal(float)

    def __init__(self, caption: str, words: Callable[[float], str], tip: str) -> None:
        super().__init__()
        self._words = words
        self._values: list[float] = []
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(tip)
        self.slider.setPageStep(1)
        self.value_label = QLabel()
        name = QLabel(caption)
        name.setObjectName("dim")
        name.setFixedWidth(CAPTION)
        self.value_label.setFixedWidth(VALUE)
        self.value_label.setAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(name)
        row.addWidget(self.slider, 1)
        row.addWidget(self.value_label)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE_MS)
        self._settled.timeout.connect(lambda: self.chosen.emit(self.value()))
        self.slider.valueChanged.connect(self._move)

    def offer(self, values: Sequence[float], now: float) -> None:
        """Offer values; the one now set is added if it is not among them."""
        if self._settled.isActive() or self.slider.isSliderDown():
            return  # a person is choosing
        self._values = sorted({*values, now})
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(self._values) - 1)
        self.slider.setValue(self._values.index(now))
        self.slider.blockSignals(False)
        self.value_label.setText(self._words(now))

    def value(self) -> float:
        """Return the value under the handle."""
        return self._values[self.slider.value()]

    def step(self, by: int) -> None:
        """Go to a neighbouring value, where the scanner has such a setting."""
        if self.isEnabled() and not self.isHidden() and self._values:
            self.slider.setValue(self.slider.value() + by)

    def _move(self) -> None:
        self.value_label.setText(self._words(self.value()))
        self.moved.emit(self.value())
        self._settled.start()


def one_two_five(low: float, high: float) -> list[float]:
    """Return the round numbers from `low` to `high`.

    >>> one_two_five(0.3, 6)
    [0.3, 0.5, 1.0, 2.0, 5.0, 6.0]
    """
    found = {low, high}
    for power in range(-6, 9):
        for digit in (1, 2, 5):
            value = float(f"{digit}e{power}")
            if low < value < high:
                found.add(value)
    return sorted(float(value) for value in found)
