"""Run an MDA sequence with live restoration: what `run` and `demo` do.

A first Ctrl-C ends the run cleanly, with every acquired frame on disk; a second one
interrupts at once, and still closes the files.
"""

from __future__ import annotations

import itertools
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import RunState
from useq import MDASequence

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.pipeline import Progress
from pssr_live.scanners.arrivals import run_layout
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.sequence import check_sequence

_MOST_HEARD = 20  # different warnings; a fault in each frame must not fill a report


def acquire(
    core: CMMCorePlus,
    sequence: MDASequence,
    live: LiveRestoration,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run `sequence`, restore it live, and return the report.

    `live` must have been made for `core`. `progress` is called with (frames acquired,
    frames expected) as they come.

    Raises
    ------
    ScannerError
        If the acquisition failed; everything acquired until then is on disk.
    """
    check_sequence(core, sequence)
    with (
        live,
        _clean_interrupt(core),
        _heard(live.warnings),
        _counted(core, sequence, progress),
    ):
        try:
            core.mda.run(sequence, output=live)
        except PssrLiveError:
            raise
        except Exception as error:  # whatever a device or the MDA engine throws
            reason = " ".join(str(error).split()).rstrip(" .") or type(error).__name__
            raise ScannerError(
                f"The acquisition stopped: {reason}; the frames until then are safe."
            ) from error
    return live.report


@contextmanager
def _clean_interrupt(core: CMMCorePlus) -> Iterator[None]:
    """Make the first Ctrl-C cancel the run instead of tearing it down."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.getsignal(signal.SIGINT)

    def cancel(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        if core.mda.status.phase == RunState.IDLE:  # nothing that could be cancelled
            raise KeyboardInterrupt
        core.mda.cancel()

    signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _counted(
    core: CMMCorePlus, sequence: MDASequence, progress: Progress | None
) -> Iterator[None]:
    """Tell `progress` of each frame."""
    expected = len(run_layout(sequence))
    if progress is None or not expected:
        yield
        return
    arrivals = itertools.count(1)

    def count() -> None:
        progress(next(arrivals), expected)

    core.mda.events.frameReady.connect(count)
    try:
        yield
    finally:
        core.mda.events.frameReady.disconnect(count)


@contextmanager
def _heard(warnings: list[str]) -> Iterator[None]:
    """Collect what the MDA engine only logs: a snap or a property that failed."""
    handler = _Listener(warnings)
    logger = logging.getLogger("pymmcore-plus")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        said = f"Micro-Manager: {' '.join(record.getMessage().split())}"
        known = said in self._warnings or said.startswith("Micro-Manager: MDA ")
        if not known and len(self._warnings) < _MOST_HEARD:
            self._warnings.append(said)
