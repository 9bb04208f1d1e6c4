"""A plan and what callbacks ask for, as one sequence that grows while it runs.

The MDA runner asks a sequence for its setup and metadata, and an iterator for one
event after the other. `FedSequence` is both, so that a fed run sets the microscope up
like the plan it came from. It is a generator's sequence for everything else: nobody
can know how long it will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from pydantic import PrivateAttr
from pymmcore_plus.mda._generator_sequence import GeneratorMDASequence
from useq import MDAEvent, MDASequence

from pssr_live.scanners.arrivals import steps_of
from pssr_live.scanners.channels import named_channels
from pssr_live.scanners.grids import once
from pssr_live.storage.layout import RunLayout


class FedSequence(GeneratorMDASequence):
    """What `core.mda.run` takes; made by `LiveRestoration.feed`."""

    _events: Iterator[MDAEvent] = PrivateAttr(default_factory=lambda: iter(()))

    @classmethod
    def running(cls, events: Iterator[MDAEvent], **like: Any) -> Self:
        """Return a sequence of `events`, set up as the fields in `like` say."""
        fed = cls(**like)
        fed._events = events
        return fed

    def __iter__(self) -> Self:  # type: ignore[override]
        """Return itself: it is run once."""
        return self

    def __next__(self) -> MDAEvent:
        """Return the next event; called by the MDA runner."""
        return next(self._events)

    def __str__(self) -> str:
        """Return its name: its events are not known."""
        return "FedSequence()"


def fed_sequence(plan: Iterable[MDAEvent], events: Iterator[MDAEvent]) -> FedSequence:
    """Return the sequence that sets up like `plan` and runs `events`."""
    kept: dict[str, Any] = {}
    if isinstance(plan, MDASequence):
        # Shared and not copied: the engine tells a grid how large the field is.
        kept = {
            "setup": plan.setup,
            "metadata": dict(plan.metadata),
            "grid_plan": plan.grid_plan,
            "stage_positions": plan.stage_positions,
        }
    return FedSequence.running(events, **kept)


def fed_layout(plan: Iterable[MDAEvent]) -> RunLayout:
    """Return what is known of the frames of a fed run: not how many there are."""
    if not isinstance(plan, MDASequence) or not plan.axis_order:
        return RunLayout()  # events that can be had only once
    images = (e for e in once(plan) if e.action.type == "acquire_image")
    return RunLayout(None, named_channels(images), *steps_of(plan))
