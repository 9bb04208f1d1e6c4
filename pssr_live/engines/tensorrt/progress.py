"""How far a builder is, from the phases and steps that it reports."""

from __future__ import annotations

import threading
from typing import Any

from pssr_live.engines.engine import BuildProgress
from pssr_live.engines.tensorrt.flavour import Flavour


class Phases:
    """Nested phases with steps, as one share that never goes back.

    A phase that begins within a step of another one takes that step's part of it.
    """

    def __init__(self, progress: BuildProgress) -> None:
        self._progress = progress
        self._spans: dict[str, tuple[float, float, int]] = {}  # from, to, steps
        self._at: dict[str, float] = {}
        self._most = 0.0

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        """Begin a phase of so many steps, within `parent` if there is one."""
        low, high = 0.0, 1.0
        if parent in self._spans and parent is not None:
            outer_low, outer_high, outer_steps = self._spans[parent]
            low = self._at[parent]
            high = min(low + (outer_high - outer_low) / outer_steps, outer_high)
        self._spans[phase] = (low, high, max(steps, 1))
        self._at[phase] = low

    def step(self, phase: str, step: int) -> None:
        """End step `step`, counted from 0, of a phase."""
        if phase not in self._spans:
            return
        low, high, steps = self._spans[phase]
        self._at[phase] = low + (high - low) * min((step + 1) / steps, 1.0)
        self._most = max(self._most, self._at[phase])
        self._progress(self._most)

    def finish(self, phase: str) -> None:
        """End a phase."""
        self._spans.pop(phase, None)
        self._at.pop(phase, None)


def watching(
    flavour: Flavour, progress: BuildProgress, cancelled: threading.Event
) -> Any:
    """Return an `IProgressMonitor` that reports, and stops once `cancelled` is set."""
    trt = flavour.module
    phases = Phases(progress)

    class Watching(trt.IProgressMonitor):  # type: ignore[misc, name-defined]
        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            phases.start(phase, parent, steps)

        def step_complete(self, phase: str, step: int) -> bool:
            phases.step(phase, step)
            return not cancelled.is_set()

        def phase_finish(self, phase: str) -> None:
            phases.finish(phase)

    return Watching()
