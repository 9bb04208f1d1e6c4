"""A chart with one logarithmic or linear pair of axes, drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ImageDraw, ImageFont

from pssr_live.evaluation.pair import Real
from pssr_live.storage.preview import COMPUTED, TEXT

GRID = (44, 48, 56)
MUTED = (140, 146, 156)
POINTS = (92, 200, 255)

_Pixel = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """A rectangle (left, top, right, bottom) of a picture with values on its sides.

    `log` says whether both axes show logarithms; limits are values, not logarithms.
    """

    draw: ImageDraw.ImageDraw
    box: tuple[int, int, int, int]
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    log: bool = False

    def frame(self, title: str, x_label: str, y_label: str) -> None:
        """Draw the grid, its numbers and its names."""
        left, top, right, bottom = self.box
        for value in self._ticks(*self.x_limits):
            x, _ = self.at(value, self.y_limits[0])
            self.draw.line((x, top, x, bottom), GRID)
            self._text((x, bottom + 8), f"{value:g}", MUTED, 15, "mt")
        for value in self._ticks(*self.y_limits):
            _, y = self.at(self.x_limits[0], value)
            self.draw.line((left, y, right, y), GRID)
            self._text((left - 8, y), f"{value:g}", MUTED, 15, "rm")
        self.draw.rectangle(self.box, outline=MUTED)
        self._text((left, top - 34), title, TEXT, 21, "ls")
        self._text((left, top - 10), y_label, MUTED, 15, "ls")
        self._text((right, bottom + 32), x_label, MUTED, 15, "rt")

    def points(self, x: Real, y: Real, colour: tuple[int, ...] = POINTS) -> None:
        """Draw a dot at each value."""
        for at_x, at_y in self._inside(x, y):
            dot = (at_x - 4, at_y - 4, at_x + 4, at_y + 4)
            self.draw.ellipse(dot, fill=colour)

    def curve(self, x: Real, y: Real, colour: tuple[int, ...] = COMPUTED) -> None:
        """Draw a line through all values."""
        path = list(self._inside(x, y))
        if len(path) > 1:
            self.draw.line(path, fill=colour, width=3, joint="curve")

    def legend(self, entries: Iterable[tuple[str, tuple[int, ...]]], y: int) -> None:
        """Draw names with their colours, downwards from `y` below the top."""
        right, top = self.box[2] - 16, self.box[1] + y
        for n, (text, colour) in enumerate(entries):
            self._text((right, top + 24 * n), text, colour, 16, "rt")

    def at(self, x: float, y: float) -> _Pixel:
        """Return where values lie on the picture."""
        left, top, right, bottom = self.box
        across = self._share(x, self.x_limits)
        up = self._share(y, self.y_limits)
        return left + across * (right - left), bottom - up * (bottom - top)

    def _share(self, value: float, limits: tuple[float, float]) -> float:
        low, high = limits
        if self.log:
            return float(np.log(value / low) / np.log(high / low))
        return (value - low) / (high - low)

    def _inside(self, x: Real, y: Real) -> Iterable[_Pixel]:
        for one, other in zip(x, y, strict=True):
            shown = np.isfinite(other) and (other > 0 or not self.log)
            if shown and 0 <= self._share(other, self.y_limits) <= 1:
                yield self.at(float(one), float(other))

    def _ticks(self, low: float, high: float) -> list[float]:
        if self.log:
            powers = range(int(np.floor(np.log10(low))), int(np.log10(high)) + 2)
            step = max(1, len(powers) // 8)
            marks = [float(f"{m}e{p}") for p in powers[::step] for m in (1, 2, 5)]
            few = np.log10(high / low) < 2
            return [
                v for v in marks if low <= v <= high and (few or f"{v:e}"[0] == "1")
            ]
        raw = (high - low) / 5
        power = 10.0 ** np.floor(np.log10(raw))
        step_by = power * min(m for m in (1, 2, 5, 10) if m * power >= raw)
        first = np.ceil(low / step_by)
        return [float(step_by * n) for n in np.arange(first, high / step_by + 1e-9)]

    def _text(self, at: Any, text: str, colour: Any, size: int, anchor: str) -> None:
        font = ImageFont.load_default(size)
        self.draw.text(at, text, colour, font, anchor=anchor)
