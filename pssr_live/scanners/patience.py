"""How long the MDA engine waits for a frame: by the real time of one.

The engine knows the exposure of an event, which says nothing about a scanner: a slow
scan would be given up in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import MDAEngine

FRAMES_PER_TIMEOUT = 5  # the engine's own rule, but for the real frame time


def lengthen_timeouts(core: CMMCorePlus, frame_s: float) -> None:
    """Let the engine wait five frames; it never waits less than before."""
    wait_s = FRAMES_PER_TIMEOUT * frame_s
    engine = core.mda.engine
    if isinstance(engine, MDAEngine):
        engine.timeout_base = max(engine.timeout_base, wait_s)
        if engine.timeout_first_frame is not None:
            engine.timeout_first_frame = max(engine.timeout_first_frame, wait_s)


@contextmanager
def patient(core: CMMCorePlus, frame_s: float) -> Iterator[None]:
    """Lengthen the timeouts of engine and devices for a run, and put them back."""
    engine = core.mda.engine
    before_ms = core.getTimeoutMs()
    before = None
    if isinstance(engine, MDAEngine):
        before = engine.timeout_base, engine.timeout_first_frame
    lengthen_timeouts(core, frame_s)
    core.setTimeoutMs(max(before_ms, round(1000 * FRAMES_PER_TIMEOUT * frame_s)))
    try:
        yield
    finally:
        core.setTimeoutMs(before_ms)
        if isinstance(engine, MDAEngine) and before is not None:
            engine.timeout_base, engine.timeout_first_frame = before
