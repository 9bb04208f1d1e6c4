"""Which frames an output needs: the rolling window of PSSR-MF, one per series.

A network with `n_frames = 5` and `lookahead = 2` restores frame k from k-2 .. k+2;
with `lookahead = 0` from k-4 .. k. Every frame gets exactly one window, also the
first and the last: what a window lacks is marked as missing, never made up. A gap in
time ends a segment: its last windows are completed as at the end of a stream, and
the next frame starts a new one.

Frames of different channels, positions or planes never meet in a window, and neither
do frames so unlike in brightness that no map suits both: a flash, a dark frame. Where a
sample stands still and is deep, windows may follow the planes of a stack instead of
time (`axis="z"`): then frames of different times never meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pssr_live.errors import SettingsError
from pssr_live.frame import Frame, Pixels, Series, series_of
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
        The map that suits the target, and with it all `frames`.
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
    axis : str
        The axis of the index that it follows, time or depth.

    Raises
    ------
    SettingsError
        If a window of `n_frames` has no frame with `lookahead` others after it.
    """

    def __init__(self, n_frames: int, lookahead: int, axis: str = "t") -> None:
        if not 0 <= lookahead < n_frames:
            raise SettingsError(
                f"A window of {n_frames} frames cannot look {lookahead} ahead: give a "
                "lookahead of 0 or more, and less than n_frames."
            )
        self._axis = axis
        self._past = n_frames - 1 - lookahead
        self._lookahead = lookahead
        self._segment: deque[tuple[Frame, IntensityMap]] = deque(maxlen=n_frames)
        self._waiting = 0  # frames at the end of the segment without their window
        self._held = HeldIntensity()

    def push(self, frame: Frame) -> list[Window]:
        """Take the next frame; return the windows that it completes."""
        done = []
        if self._segment and _breaks(self._segment[-1][0], frame, self._axis):
            done = self.flush()
        self._segment.append((frame, self._held.see(frame.pixels)))
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
        there = list(self._segment)
        place = len(there) - self._waiting
        self._waiting -= 1
        target, suiting = there[place]
        alike = [frame if held == suiting else None for frame, held in there]
        span = range(place - self._past, place + self._lookahead + 1)
        chosen = tuple(alike[k] if 0 <= k < len(alike) else None for k in span)
        return Window(chosen, target, suiting)


class RollingWindows:
    """One `RollingWindow` for each series that turns up.

    Parameters
    ----------
    n_frames, lookahead : int
        As for `RollingWindow`.
    axis : str
        What windows follow: "t", time, or "z", the planes of a stack.
    """

    def __init__(self, n_frames: int, lookahead: int, axis: str = "t") -> None:
        self._shape = (n_frames, lookahead, axis)
        self._axis = axis
        self._series: dict[Series, RollingWindow] = {}
        self._stacks: dict[Series, tuple[Series, int]] = {}  # open: series, last plane

    def push(self, frame: Frame) -> list[Window]:
        """Take the next frame of any series; return the windows it completes."""
        series = series_of(frame.index, self._axis)
        done = self._end_stack(series, frame) if self._axis != "t" else []
        rolling = self._series.get(series)
        if rolling is None:
            rolling = self._series[series] = RollingWindow(*self._shape)
        return [*done, *rolling.push(frame)]

    def of(self, frames: Iterable[Frame]) -> Iterator[Window]:
        """Take all frames of a movie; yield their windows."""
        for frame in frames:
            yield from self.push(frame)
        yield from self.flush()

    def end(self, series: Series) -> list[Window]:
        """Complete all windows of a series that gets no more frames, and forget it."""
        rolling = self._series.pop(series, None)
        return [] if rolling is None else rolling.flush()

    def _end_stack(self, series: Series, frame: Frame) -> list[Window]:
        """Complete the stack before, when a new one begins in the same place.

        Without this every stack of a long run would be kept until its end.
        """
        place = tuple(entry for entry in series if entry[0] != "t")
        plane = frame.index.get(self._axis, 0)
        before, last = self._stacks.get(place, (series, plane))
        self._stacks[place] = (series, plane)
        return self.end(before) if before != series and plane < last else []

    def flush(self) -> Iterator[Window]:
        """Complete all windows of all series, at the end of a run."""
        for rolling in self._series.values():
            yield from rolling.flush()


def _breaks(last: Frame, new: Frame, axis: str) -> bool:
    """Tell whether `new` is not the neighbour of `last`, in time or depth."""
    if new.after_gap or new.pixels.shape != last.pixels.shape:
        return True
    if axis in new.index and axis in last.index:
        return new.index[axis] != last.index[axis] + 1
    return False
