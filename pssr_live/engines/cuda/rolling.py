"""Which frames of a window must travel to the device, and which are there already.

The next window of a series is the last one moved by one frame. The device keeps the
last window of each of a few series in numbered slots; a window that follows its
predecessor *shifts* the slot and uploads one frame, any other one is uploaded *whole*.
Frames are the same only if they are the same object: frames never change.

A missing frame uploads nothing. Whatever lies in its place is blanked by `valid`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from pssr_live.frame import Frame, Series
from pssr_live.window import Window

Frames = tuple[Frame | None, ...]
Key = tuple[Series, np.dtype[Any]]


class Kind(Enum):
    """How a window comes to the device."""

    SHIFT = "shift"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Move:
    """What brings one window to the device.

    Attributes
    ----------
    slot : int
        Where the series is kept.
    kind : Kind
        SHIFT if all frames but the newest are there, one place further on.
    uploads : tuple of (int, Frame)
        Frames to upload, with their places in the window.
    """

    slot: int
    kind: Kind
    uploads: tuple[tuple[int, Frame], ...]


class RollingSlots:
    """Remembers which window lies in which slot; the longest unused one is given up.

    Parameters
    ----------
    count : int
        How many series are kept.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: OrderedDict[Key, tuple[int, Frames]] = OrderedDict()

    def take(self, window: Window) -> Move:
        """Return what brings `window` to the device, and take it as done."""
        key = (window.target.series, window.target.pixels.dtype)
        if key not in self._held:
            self._held[key] = self._free_slot(), ()
        slot, before = self._held.pop(key)
        self._held[key] = slot, window.frames
        if _follows(window.frames, before):
            places, kind = [len(before) - 1], Kind.SHIFT
        else:
            places, kind = list(range(len(window.frames))), Kind.WHOLE
        chosen = ((place, window.frames[place]) for place in places)
        uploads = tuple((place, f) for place, f in chosen if f is not None)
        return Move(slot, kind, uploads)

    def forget(self) -> None:
        """Take the contents of all slots as lost."""
        self._held = OrderedDict(
            (key, (slot, ())) for key, (slot, _) in self._held.items()
        )

    def _free_slot(self) -> int:
        if len(self._held) < self._count:
            return len(self._held)
        _, (slot, _) = self._held.popitem(last=False)
        return slot


def _follows(frames: Frames, before: Frames) -> bool:
    """Tell whether `frames` is `before` moved by one frame."""
    if len(before) < 2:  # with one frame there is nothing to keep
        return False
    kept = zip(frames[:-1], before[1:], strict=True)
    return all(new is old for new, old in kept)
