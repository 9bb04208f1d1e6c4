"""A run that is restored and not recorded: frames only pass through."""

from __future__ import annotations

import time
from collections.abc import Callable

from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Pixels, Restored
from pssr_live.pipeline import LivePipeline, Trouble
from pssr_live.restorer import Restorer
from pssr_live.scanners.ordinals import Ordinals
from pssr_live.storage.layout import RunLayout


class _Nowhere:
    """The recorder of a run that nobody wants to keep."""

    def write_raw(self, frame: Frame) -> None:
        """Keep nothing."""

    def write_restored(self, restored: Restored) -> None:
        """Keep nothing."""

    def read_raw(self, ordinal: int) -> Pixels:
        """Fail: nothing was kept."""
        raise StorageError(f"Frame {ordinal} was not recorded; give a folder to save.")

    def note(self, frame: Frame, status: Trouble, reason: str) -> None:
        """Keep nothing."""


class PassingRun:
    """What `RunRecording` is, without files.

    Parameters
    ----------
    restorer : Restorer
        What restores.
    layout : RunLayout
        The frames that are expected.
    on_trouble, on_restored : callable
        As for `LivePipeline`.
    """

    def __init__(
        self,
        restorer: Restorer,
        layout: RunLayout,
        on_trouble: Callable[[Exception], None],
        on_restored: Callable[[Restored], None],
    ) -> None:
        self._begun = time.perf_counter()
        self._ordinals = Ordinals(layout.indices or ())
        self.pipeline = LivePipeline(
            restorer, _Nowhere(), self.clock_s, on_trouble, on_restored
        )

    def clock_s(self) -> float:
        """Return the seconds since the run began."""
        return time.perf_counter() - self._begun

    def ordinal_of(self, index: dict[str, int]) -> int:
        """Return the place of a frame in the run, by its index."""
        return self._ordinals.take(index)
