"""Each frame's place in a run: by its index, never by its arrival."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from pssr_live.storage.layout import Index

Key = tuple[tuple[str, int], ...]


class Ordinals:
    """The places of a run's frames, known beforehand or told as events go out.

    Any thread may ask.

    Parameters
    ----------
    indices : iterable of mappings
        The MDA indices that are known beforehand, in the order of acquisition.
    """

    def __init__(self, indices: Iterable[Index] = ()) -> None:
        self._lock = threading.Lock()
        self._awaited: dict[Key, deque[int]] = {}
        self._planned = self._next = 0
        for ordinal, index in enumerate(indices):
            self._await(index, ordinal)
            self._planned = ordinal + 1

    def expect(self, index: Index) -> None:
        """Keep the next place for a frame of `index`, whose event goes out now."""
        with self._lock:
            self._await(index, self._next)
            self._next += 1

    def take(self, index: Index) -> int:
        """Return the place of a frame that arrived.

        A frame of an index that nobody expected follows the last one, and never takes
        the place of one that was known beforehand.
        """
        with self._lock:
            places = self._awaited.get(_key(index))
            follows = max(self._next, self._planned)
            ordinal = places.popleft() if places else follows
            self._next = max(self._next, ordinal + 1)
            return ordinal

    def awaited(self) -> dict[int, Index]:
        """Return the indices of the frames that did not arrive, by ordinal."""
        with self._lock:
            return {
                ordinal: dict(key)
                for key, places in self._awaited.items()
                for ordinal in places
            }

    def __len__(self) -> int:
        """Return the number of places given away so far."""
        return self._next

    def _await(self, index: Index, ordinal: int) -> None:
        self._awaited.setdefault(_key(index), deque()).append(ordinal)


def _key(index: Index) -> Key:
    return tuple(sorted((str(axis), int(at)) for axis, at in index.items()))
