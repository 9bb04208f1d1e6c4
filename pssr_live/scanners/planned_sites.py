"""Where a plan sends the stage, and what it calls the positions, from its events.

The places of random points differ from copy to copy of a sequence, and those of a grid
follow from the field that the engine tells it. So the very sequence that is run is
looked through, once the run has begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from useq import MDAEvent, MDASequence

from pssr_live.storage.layout import Index
from pssr_live.storage.sites import ImageKey, Site, SitesTold, StagePoint


def index_of(event: MDAEvent) -> dict[str, int]:
    """Return the index of an event in plain words and numbers."""
    return {str(axis): int(at) for axis, at in event.index.items()}


def note_site(told: SitesTold, index: Index, event: MDAEvent) -> None:
    """Take note of where an event goes."""
    point = StagePoint(event.x_pos, event.y_pos, event.z_pos)
    told.take(index, point, event.pos_name or "")


def sites_of(plan: Iterable[MDAEvent]) -> tuple[Site, ...]:
    """Return the sites of a plan that can be looked through; none of others."""
    told = SitesTold()
    if isinstance(plan, MDASequence) and plan.axis_order:
        for event in _until_it_repeats(plan):
            if event.action.type == "acquire_image":
                note_site(told, index_of(event), event)
    return told.sites()


def position_names(plan: Iterable[MDAEvent]) -> dict[ImageKey, str]:
    """Return what a plan calls its positions; nothing for those without a name."""
    return {site.at: site.name for site in sites_of(plan) if site.name}


def _until_it_repeats(plan: MDASequence) -> Iterator[MDAEvent]:
    """Yield the events of the first time point, or all where time comes within others.

    A long run has many events, and its places are those of its first time point.
    """
    own_times = any(p.sequence and p.sequence.time_plan for p in plan.stage_positions)
    in_rounds = not own_times and str(plan.axis_order[0]) == "t"
    for event in plan:
        if in_rounds and event.index.get("t", 0) > 0:
            return
        yield event
