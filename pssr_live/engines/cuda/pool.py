"""Pictures that land in page-locked memory and are handed out as they are.

A picture belongs to whoever asked for it, for as long as he likes. Its memory returns
to the pool when nobody holds the picture, or any view of it, any more; it outlives
the engine if it must. One place is never handed out: when all others are, pictures
land there and are copied.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from pssr_live.engines.cuda.counts import LITTLE, Counts
from pssr_live.engines.cuda.protocol import HostMemory


class Lease:
    """The owner, in numpy's eyes, of one picture; gone when no view is left.

    It is no array, and that is the point: numpy gives a view of a view the first array
    as its base, and an array of the whole pool would tell nothing.
    """

    def __init__(self, address: int, shape: tuple[int, int]) -> None:
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "data": (address, False),
            "shape": shape,
            "typestr": LITTLE.str,
        }


class PicturePool:
    """A few places for pictures of one size.

    Parameters
    ----------
    allocate : callable
        Reserves page-locked memory.
    nbytes : int
        Size of a place; the picture lies at its beginning.
    shape : (int, int)
        Of the pictures, which are of 16-bit counts.
    count : int
        How many can be handed out at a time.
    """

    def __init__(
        self,
        allocate: Callable[[int], HostMemory],
        nbytes: int,
        shape: tuple[int, int],
        count: int,
    ) -> None:
        self._shape = shape
        self.places = [allocate(nbytes) for _ in range(count + 1)]
        self._spare = count
        self._free = deque(range(count))
        self._closed = False

    def next_place(self) -> int:
        """Return where the next picture shall land: one of `places`."""
        return self._free[0] if self._free else self._spare

    def picture(self, place: int) -> Counts:
        """Return the picture (Y, X) in a place, to be read before the next one."""
        size = 2 * self._shape[0] * self._shape[1]
        counts = self.places[place].array[:size].view(LITTLE)
        return counts.reshape(self._shape)

    def hand_out(self, place: int) -> Counts:
        """Return the picture in `place` (Y, X), the caller's to keep."""
        if place == self._spare:
            return self.picture(place).copy()
        self._free.remove(place)
        lease = Lease(self.places[place].address, self._shape)
        returned = weakref.finalize(lease, self._take_back, place)
        returned.atexit = False  # at exit the driver may be gone already
        return np.asarray(lease)

    def close(self) -> None:
        """Free what nobody holds; the rest is freed as it returns."""
        self._closed = True
        self.places[self._spare].free()
        while self._free:
            self.places[self._free.popleft()].free()

    def _take_back(self, place: int) -> None:
        # Called in whichever thread dropped the picture. Adding to a deque is safe.
        if self._closed:
            self.places[place].free()
        else:
            self._free.appendleft(place)  # the one used last is warm, and has a graph
