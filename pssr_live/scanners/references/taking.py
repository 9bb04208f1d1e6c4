"""References of one live session: the engine that takes them, and who receives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent

from pssr_live.scanners.references.engine import References, install
from pssr_live.scanners.references.plan import ReferencePlan
from pssr_live.scanners.references.recording import ReferenceRecording


class ReferenceTaking:
    """Lets a core take references, until `remove`.

    Parameters
    ----------
    core : CMMCorePlus
        The core that will run the MDA.
    plan : ReferencePlan
        When, and of what.
    scale : int
        How many times more pixels per axis full density has.

    Raises
    ------
    ScannerError
        If the core's MDA engine cannot take references.

    Attributes
    ----------
    recording : ReferenceRecording
        What receives them.
    """

    def __init__(self, core: CMMCorePlus, plan: ReferencePlan, scale: int) -> None:
        self.recording = ReferenceRecording()
        self._core = core
        self._wanted = References(plan, scale, self.recording.take)
        self._undo = install(core, self._wanted)

    def among(self, events: Iterable[MDAEvent]) -> Iterator[MDAEvent]:
        """Yield events, and the planned references among them."""
        return self._wanted.among(events, self._core)

    def remove(self) -> None:
        """Give the core its own MDA engine back; a second call does nothing."""
        self._undo()
