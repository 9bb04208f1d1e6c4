"""The measured time of a frame, whatever pauses a sequence makes between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from pymmcore_plus import CMMCorePlus


class FrameClock:
    """Measures frames of a run: from one to the next, or from event to frame.

    Frames that the camera streams follow each other without a new event: their mean
    distance is the frame time. A run without such frames gives the median time from
    an event to its frame, with the way of the stage in it.
    """

    def __init__(self, clock_s: Callable[[], float] = time.perf_counter) -> None:
        self._clock_s = clock_s
        self._event_s: float | None = None
        self._frame_s: float | None = None
        self._streamed_s, self._streamed = 0.0, 0
        self._snapped_s: list[float] = []

    def event(self) -> None:
        """Take note that the engine turns to an event."""
        self._event_s, self._frame_s = self._clock_s(), None

    def frame(self) -> None:
        """Take note of a frame."""
        now_s = self._clock_s()
        if self._frame_s is not None:
            self._streamed_s += now_s - self._frame_s
            self._streamed += 1
        elif self._event_s is not None:
            self._snapped_s.append(now_s - self._event_s)
        self._frame_s = now_s

    @property
    def frame_time_ms(self) -> float | None:
        """The time of a frame; None before it is known."""
        if self._streamed:
            return 1000 * self._streamed_s / self._streamed
        return 1000 * median(self._snapped_s) if self._snapped_s else None

    @contextmanager
    def following(self, core: CMMCorePlus) -> Iterator[None]:
        """Measure what the core's MDA does in this block."""
        events = core.mda.events
        events.eventStarted.connect(self.event)
        events.frameReady.connect(self.frame)
        try:
            yield
        finally:
            events.eventStarted.disconnect(self.event)
            events.frameReady.disconnect(self.frame)
