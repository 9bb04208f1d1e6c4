"""Which frames an output needs: the rolling window of PSSR-MF, one per series.

A network with `n_frames = 5` and `lookahead = 2` restores frame k from k-2 .. k+2;
with `lookahead = 0` from k-4 .. k. Every frame gets exactly one window, also the
first and the last: what a window lacks is marked as missing, never made up. A gap in
time ends a segment: its last windows are completed as at the end of a stream, and
the next frame starts a new one.

Frames of different channels, positions or planes never meet in a window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pssr_live.frame import Frame, Pixels, Series
from pssr_live.intensity import FloatArray, HeldIntensity, IntensityMap


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What one output is made from.

    Attributes
    ----------
    frames : tuple of (Frame or None)
        As many as the network takes, oldest first; None where a frame is missing.
    target : Frame
        The frame to restore, one of `frames`.
    intensity : IntensityMap
        The map that held when the window was complete.
    """

    frames: tuple[Frame | None, ...]
    target: Frame
    intensity: IntensityMap

    @property
    def sources(self) -> tuple[int, ...]:
        """Ordinals of the frames that are there, oldest first."""
        return tuple(frame.ordinal for frame in self.frames if frame is not None)

    def values(self) -> FloatArray:
        """Return the frames in network units (T, Y, X); missing ones are 0."""
        height, width = self.target.pixels.shape
        values = np.zeros((len(self.frames), height, width), np.float32)
        for place, frame in zip(values, self.frames, strict=True):
            if frame is not None:
                place[:] = self.intensity.forward(frame.pixels)
        return values

    def valid(self) -> FloatArray:
        """Return 1 for each frame that is there and 0 for each that is not (T,)."""
        return np.array([frame is not None for frame in self.frames], np.float32)

    def without_pixels(self) -> Window:
        """Return a copy light enough to keep until its frames are read back."""
        return self._with(lambda ordinal: NO_PIXELS)

    def with_pixels(self, read: Callable[[int], Pixels]) -> Window:
        """Return a copy whose pixels are `read(ordinal)`."""
        return self._with(read)

    def _with(self, read: Callable[[int], Pixels]) -> Window:
        frames = tuple(
            None if frame is None else replace(frame, pixels=read(frame.ordinal))
            for frame in self.frames
        )
        place = self.frames.index(self.target)
        target = frames[place]
        assert target is not None  # noqa: S101 - a window always has its target
        return Window(frames, target, self.intensity)


NO_PIXELS: Pixels = np.empty((0, 0), np.uint16)


class RollingWindow:
    """Turns the frames of one series into windows, one for each frame, in order.

    Parameters
    ----------
    n_frames : int
        Frames in a window.
    lookahead : int
        How many of them come after the target.
    """

    def __init__(self, n_frames: int, lookahead: int) -> None:
        self._past = n_frames - 1 - lookahead
        self._lookahead = lookahead
        self._segment: deque[Frame] = deque(maxlen=n_frames)
        self._waiting = 0  # frames at the end of the segment without their window
        self._held = HeldIntensity()
        self._map: IntensityMap | None = None

    def push(self, frame: Frame) -> list[Window]:
        """Take the next frame; return the windows that it completes."""
        done = []
        if self._segment and _breaks(self._segment[-1], frame):
            done = self.flush()
        self._map = self._held.see(frame.pixels)
        self._segment.append(frame)
        self._waiting += 1
        if self._waiting > self._lookahead:
            done.append(self._take_oldest())
        return done

    def flush(self) -> list[Window]:
        """Complete all windows without what follows, and forget the segment."""
        done = []
        while self._waiting:
            done.append(self._take_oldest())
        self._segment.clear()
        return done

    def _take_oldest(self) -> Window:
        frames = list(self._segment)
        place = len(frames) - self._waiting
        self._waiting -= 1
        span = range(place - self._past, place + self._lookahead + 1)
        chosen = tuple(frames[k] if 0 <= k < len(frames) else None for k in span)
        assert self._map is not None  # noqa: S101 - set by the push before
        return Window(chosen, frames[place], self._map)


class RollingWindows:
    """One `RollingWindow` for each series that turns up."""

    def __init__(self, n_frames: int, lookahead: int) -> None:
        self._shape = (n_frames, lookahead)
        self._series: dict[Series, RollingWindow] = {}

    def push(self, frame: Frame) -> list[Window]:
        """Take the next frame of any series; return the windows it completes."""
        rolling = self._series.get(frame.series)
        if rolling is None:
            rolling = self._series[frame.series] = RollingWindow(*self._shape)
        return rolling.push(frame)

    def end(self, series: Series) -> list[Window]:
        """Complete all windows of a series that gets no more frames, and forget it."""
        rolling = self._series.pop(series, None)
        return [] if rolling is None else rolling.flush()

    def flush(self) -> Iterator[Window]:
        """Complete all windows of all series, at the end of a run."""
        for rolling in self._series.values():
            yield from rolling.flush()


def _breaks(last: Frame, new: Frame) -> bool:
    """Tell whether `new` is not the neighbour in time of `last`."""
    if new.after_gap or new.pixels.shape != last.pixels.shape:
        return True
    if "t" in new.index and "t" in last.index:
        return new.index["t"] != last.index["t"] + 1
    return False
