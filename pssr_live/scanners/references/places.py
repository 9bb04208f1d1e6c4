"""Where in the run the frame of a reference is."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pssr_live.errors import StorageError

_ARRIVAL_S = 10.0  # in which a frame arrives that was scanned before its reference
_LOOK_S = 0.01
_REMEMBERED = 4096  # frames; a reference follows its own

Key = tuple[tuple[str, int], ...]


class Places:
    """The ordinals of the last frames, by index; for one writer and one reader."""

    def __init__(self) -> None:
        self._arrived: dict[Key, int] = {}
        self._all_came = False

    def add(self, index: Mapping[str, int], ordinal: int) -> None:
        """Remember a frame that arrived."""
        self._arrived[_key(index)] = ordinal
        if len(self._arrived) > _REMEMBERED:
            del self._arrived[next(iter(self._arrived))]

    def close(self) -> None:
        """Wait for no frame any more: all came that will."""
        self._all_came = True

    def wait_for(self, index: Mapping[str, int]) -> int:
        """Return a frame's ordinal; it comes by another thread, perhaps later.

        Raises
        ------
        StorageError
            If it does not come: it was lost.
        """
        until = time.perf_counter() + _ARRIVAL_S
        while True:
            is_last_look = self._all_came or time.perf_counter() > until
            if (ordinal := self._find(index)) is not None:
                return ordinal
            if is_last_look:
                raise StorageError(f"Its frame {dict(index)} never came.")
            time.sleep(_LOOK_S)

    def _find(self, index: Mapping[str, int]) -> int | None:
        """Return the last frame of an index, which may tell less than the frame's."""
        if (ordinal := self._arrived.get(_key(index))) is not None or not index:
            return ordinal
        told = index.items()
        return next(
            (
                self._arrived[key]
                for key in reversed(list(self._arrived))
                if told <= dict(key).items()
            ),
            None,
        )


def _key(index: Mapping[str, int]) -> Key:
    return tuple(sorted(index.items()))
