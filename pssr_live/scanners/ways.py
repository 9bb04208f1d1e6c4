"""Channel and place of events that say them without an index.

A script may give nothing but `MDAEvent(channel="DAPI", x_pos=10)`. Windows go by the
index, so that without one they would mix channels and places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Self

from useq import MDAEvent

from pssr_live.frame import series_of
from pssr_live.storage.layout import RunLayout


class Ways:
    """Numbers the channels, places and planes of a run, as they are first named.

    What an event does not name stays as it was. An index that an event has is
    believed, but for a channel that it leaves out: one series has one channel.

    Parameters
    ----------
    channel_names : sequence of str
        Those that have their number already; empty where it has several.
    """

    def __init__(self, channel_names: Sequence[str] = ()) -> None:
        self._now: dict[str, Hashable] = {}
        # A number whose name is not known is taken all the same.
        channels: dict[Hashable, int] = {n or c: c for c, n in enumerate(channel_names)}
        self._numbers = {"c": channels}
        self._times: Counter[Hashable] = Counter()

    @classmethod
    def unless_known(cls, layout: RunLayout) -> Self | None:
        """Return them for a run whose frames are not known beforehand."""
        return cls(layout.channel_names) if layout.indices is None else None

    def completed(self, index: dict[str, int], event: MDAEvent) -> dict[str, int]:
        """Return `index` with what it does not tell of `event`."""
        found = {
            axis: number
            for axis, named in _named(event).items()
            if (number := self._number(axis, named)) is not None
        }
        if index:
            added = {"c": found["c"]} if "c" in found else {}
            return added | index
        if not found:
            return {}
        series = series_of(found)
        self._times[series] += 1
        return {"t": self._times[series] - 1} | found

    def with_index(self, event: MDAEvent) -> MDAEvent:
        """Return an event with the index that it lacks; one without image as it is."""
        if event.action.type != "acquire_image":
            return event
        index = {str(axis): int(at) for axis, at in event.index.items()}
        completed = self.completed(index, event)
        replaced: MDAEvent = event.replace(index=completed)
        return event if completed == index else replaced

    def _number(self, axis: str, named: Hashable) -> int | None:
        """Return the number of what is set now; None while nothing was ever named."""
        if named is not None:
            self._now[axis] = named
        now = self._now.get(axis)
        numbers = self._numbers.setdefault(axis, {})
        number = numbers.setdefault(now, len(numbers))
        return None if now is None else number


def _named(event: MDAEvent) -> dict[str, Hashable]:
    channel, place = event.channel, (event.x_pos, event.y_pos)
    return {
        "c": None if channel is None else channel.config,
        "p": None if place == (None, None) else place,
        "z": event.z_pos,
    }
