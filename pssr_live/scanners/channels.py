"""Names of channels, from the events that bring them.

A number in the index is no name: a position with channels of its own counts them from
0 again, and a list of events has no channels beside those of its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from useq import MDAEvent

from pssr_live.frame import Frame

Place = tuple[tuple[str, int], ...]


def named_channels(events: Iterable[MDAEvent]) -> tuple[str, ...]:
    """Return the name of each channel, by its number in the index.

    It is empty where events of one number have different names: a file has one name
    for it, and none is better than a wrong one.
    """
    names: dict[int, set[str]] = {}
    for event in events:
        name = event.channel.config if event.channel else ""
        names.setdefault(int(event.index.get("c", 0)), set()).add(name)
    numbers = range(max(names, default=-1) + 1)
    agreed = tuple(_agreed(names.get(number, set())) for number in numbers)
    return agreed if any(agreed) else ()


class ChannelsSeen:
    """The channel names of the frames of a run, for what its files know of themselves.

    Parameters
    ----------
    known : sequence of str
        The names that were known before the first frame, by number.
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = dict(enumerate(known))
        self._names: dict[Place, str] = {}

    def take(self, frame: Frame) -> None:
        """Take note of a frame's channel."""
        at = ((axis, n) for axis, n in frame.index.items() if axis not in "tz")
        self._names.setdefault(tuple(sorted(at)), frame.channel_name)

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """Return the names that were not known, under "channels"; nothing without any.

        Each entry has a `name` and the numbers of the index that it holds for: `c`
        alone, or also the position and the like where places differ.
        """
        entries: list[dict[str, Any]] = []
        by_number: dict[int, dict[Place, str]] = {}
        for place, name in self._names.items():
            by_number.setdefault(dict(place).get("c", 0), {})[place] = name
        for number, names in sorted(by_number.items()):
            agreed = _agreed(set(names.values()))
            if agreed and agreed != self._known.get(number):
                entries.append({"c": number, "name": agreed})
            elif not agreed:
                entries += [dict(at) | {"name": n} for at, n in names.items() if n]
        return {"channels": entries} if entries else {}


def _agreed(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""
