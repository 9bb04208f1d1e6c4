"""The true interval of a run: a scanner may be slower than its plan."""

from __future__ import annotations

from collections import deque
from statistics import median

from pssr_live.frame import Frame, Series

REMEMBERED = 10_000  # intervals; the median of so many is that of all
TOLERANCE = 0.1  # of the planned interval
FEWEST = 3  # intervals to tell a slow scanner from one that stumbled
LEAST_S = 0.02  # within which a computer hands frames over earlier or later


class TimePoints:
    """Holds the times of a run's first series against the interval planned.

    Parameters
    ----------
    planned_s : float or None
        None where there is none to hold them against.
    """

    def __init__(self, planned_s: float | None) -> None:
        self._planned_s = planned_s
        self._series: Series | None = None
        self._last: tuple[int, float] | None = None
        self._intervals_s: deque[float] = deque(maxlen=REMEMBERED)

    def take(self, frame: Frame) -> None:
        """Take note of a frame's time."""
        if self._series is None:
            self._series = frame.series
        if self._planned_s is None or frame.series != self._series:
            return
        t = frame.index.get("t", 0)
        if self._last is not None and t > self._last[0]:
            elapsed_s = frame.time_s - self._last[1]
            self._intervals_s.append(elapsed_s / (t - self._last[0]))
        self._last = t, frame.time_s

    @property
    def true_s(self) -> float | None:
        """The interval that the run had; None where it is the one planned."""
        if self._planned_s is None or len(self._intervals_s) < FEWEST:
            return None
        true_s = median(self._intervals_s)
        beside_s = abs(true_s - self._planned_s)
        if beside_s <= max(LEAST_S, TOLERANCE * self._planned_s):
            return None
        return round(true_s, 6)

    def warnings(self) -> list[str]:
        """Return what a person should know of the interval."""
        if (true_s := self.true_s) is None:
            return []
        return [
            f"The interval of {self._planned_s:g} s was not kept: time points came "
            f"{true_s:.3g} s apart, which is what the files tell."
        ]
