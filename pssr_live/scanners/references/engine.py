"""An MDA engine that takes references, on top of whichever engine a core has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import MDAEngine, SkipEvent
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.references.plan import (
    ReferencePlan,
    is_reference,
    plan_of,
    with_references,
)
from pssr_live.scanners.references.scan import (
    ReferenceScan,
    ScannerLeftBehind,
    scan_reference,
)


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What became of one reference.

    Attributes
    ----------
    index : dict of str to int
        The MDA index of the frame that it belongs to.
    scan : ReferenceScan or None
        None if it failed.
    reason : str
        Why it failed; empty if it did not.
    at_s, elapsed_s : float
        When it ended, on the clock of `time.perf_counter`, and how long it took,
        switching to and fro included.
    """

    index: dict[str, int]
    scan: ReferenceScan | None
    reason: str
    at_s: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class References:
    """What an engine needs to know to take references."""

    plan: ReferencePlan
    scale: int
    take: Callable[[Taken], None]

    def among(
        self, events: Iterable[MDAEvent], core: CMMCorePlus
    ) -> Iterator[MDAEvent]:
        """Yield events, and references as planned for the field that is set now."""
        shape = core.getImageHeight(), core.getImageWidth()
        every = self.plan.spacing(self.scale, shape)
        return with_references(events, every, self.plan.tile, self.plan.density)


class ReferencingEngine(MDAEngine):
    """An MDA engine that also knows reference events; made by `install`.

    References yield no image to the run: they go to `References.take`.
    """

    pssr_live_references: References

    def event_iterator(self, events: Iterable[MDAEvent]) -> Iterator[MDAEvent]:
        """Insert references, then merge for the hardware as the engine always does."""
        # Who gives single events has put references among them, or wants none.
        if isinstance(events, MDASequence):
            events = self.pssr_live_references.among(events, self.mmcore)
        return super().event_iterator(events)

    def setup_event(self, event: MDAEvent) -> None:
        """Set the hardware; where that fails for a reference, leave it out."""
        if not is_reference(event):
            super().setup_event(event)
            return
        begun = time.perf_counter()
        try:
            super().setup_event(event)
        except Exception as error:  # whatever a device throws: the run goes on
            self._hand_over(event, begun, None, error)
            raise SkipEvent(0, "its reference cannot be taken") from error

    def exec_event(self, event: MDAEvent) -> Iterable[Any]:
        """Take a reference, or do what the engine always does."""
        if not is_reference(event):
            return super().exec_event(event)
        begun, wanted = time.perf_counter(), self.pssr_live_references
        try:
            plan = plan_of(event)
            self._hand_over(
                event, begun, scan_reference(self.mmcore, wanted.scale, plan), None
            )
        except Exception as error:  # whatever a device throws: the run goes on
            self._hand_over(event, begun, None, error)
            if isinstance(error, ScannerLeftBehind):
                raise
        return ()

    def _hand_over(
        self,
        event: MDAEvent,
        begun: float,
        scan: ReferenceScan | None,
        error: Exception | None,
    ) -> None:
        index = {str(axis): int(at) for axis, at in event.index.items()}
        self.pssr_live_references.take(_taken(index, begun, scan, error))


def install(core: CMMCorePlus, references: References) -> Callable[[], None]:
    """Make the engine of `core` take references; return what undoes that.

    Engine settings and the methods of an engine of one's own stay in force.

    Raises
    ------
    ScannerError
        If the engine is no `MDAEngine`, or a run is going on.
    """
    engine = core.mda.engine
    if not isinstance(engine, MDAEngine):
        raise ScannerError(
            f"The MDA engine is a {type(engine).__name__} and takes no references: "
            "derive it from pymmcore_plus.mda.MDAEngine, or do without references."
        )
    if core.mda.is_running():
        raise ScannerError(
            "References cannot be added to a run that is going on: start it inside "
            "the `with` block."
        )
    before = type(engine)
    bases = (ReferencingEngine,) if before is MDAEngine else (ReferencingEngine, before)
    kind = type(f"Referencing{before.__name__}", bases, {})
    ours = cast("ReferencingEngine", object.__new__(kind))
    # One set of attributes for both: whatever is changed in one holds in the other.
    ours.__dict__ = engine.__dict__
    ours.pssr_live_references = references
    core.register_mda_engine(ours)

    def undo() -> None:
        if core.mda.engine is not ours:  # somebody has put in another one
            return
        # A run that does not end keeps its engine; its references go nowhere.
        with suppress(RuntimeError):
            core.register_mda_engine(engine)
            del engine.__dict__["pssr_live_references"]

    return undo


def take_reference(
    core: CMMCorePlus, scale: int, plan: ReferencePlan, index: dict[str, int]
) -> Taken:
    """Scan one reference outside of an MDA, for the frame `index`.

    Raises
    ------
    ScannerLeftBehind
        If the scanner could not be put back; any other fault is told in the result.
    """
    begun = time.perf_counter()
    try:
        return _taken(index, begun, scan_reference(core, scale, plan), None)
    except ScannerLeftBehind:
        raise
    except Exception as error:  # whatever a device throws: live mode goes on
        return _taken(index, begun, None, error)


def _taken(
    index: dict[str, int],
    begun: float,
    scan: ReferenceScan | None,
    error: Exception | None,
) -> Taken:
    now = time.perf_counter()
    reason = "" if error is None else _reason(error)
    return Taken(index, scan, reason, now, now - begun)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(" .") or type(error).__name__
