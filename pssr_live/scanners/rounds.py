"""Sequences whose time points are all alike, which most are.

useq takes a minute for the events of a million frames. Those of one time point tell as
much about a plain time lapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Self, cast

from useq import MDAEvent, MDASequence


@dataclass(frozen=True, slots=True)
class Rounds:
    """A sequence that does the same at each time point.

    Attributes
    ----------
    events : tuple of MDAEvent
        Those of the first time point.
    starts_s : tuple of float
        When each time point begins.
    """

    events: tuple[MDAEvent, ...]
    starts_s: tuple[float, ...]

    @classmethod
    def of(cls, sequence: MDASequence) -> Self | None:
        """Return the rounds of a sequence; None if its time points may differ.

        The very sequence is looked through, as random points differ in a copy of it.
        """
        if not sequence.axis_order or str(sequence.axis_order[0]) != "t":
            return None
        if sequence.time_plan is None:
            return None
        if any(place.sequence is not None for place in sequence.stage_positions):
            return None
        if any(channel.acquire_every > 1 for channel in sequence.channels):
            return None
        first = takewhile(lambda event: not event.index.get("t"), sequence)
        return cls(
            tuple(first), tuple(cast("Iterator[float]", sequence.iter_axis("t")))
        )
