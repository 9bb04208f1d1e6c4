"""Run an MDA sequence with live restoration: what `run` and `demo` do.

A first Ctrl-C ends the run cleanly, with every acquired frame on disk; a second one
interrupts at once, and still closes the files. The hardware is put back as it was
after either, as after a success or an error. A service that is stopped and a terminal
that is closed count as Ctrl-C.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import RunState
from useq import MDASequence

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.pipeline import Progress
from pssr_live.scanners.arrivals import by_detector, doubts, run_layout
from pssr_live.scanners.frame_clock import FrameClock
from pssr_live.scanners.grids import on_field_of
from pssr_live.scanners.hardware_kept import (
    engine_restores_nothing,
    hardware_kept,
    leaves_stage,
    touched,
)
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.interrupts import interrupt_once
from pssr_live.scanners.patience import patient
from pssr_live.scanners.profiles.on_core import sentence
from pssr_live.scanners.scan_plan import ScanPlan
from pssr_live.scanners.sequence_check import check_sequence


def acquire(
    core: CMMCorePlus,
    sequence: MDASequence,
    live: LiveRestoration,
    progress: Progress | None = None,
    scan: ScanPlan | None = None,
) -> dict[str, Any]:
    """Run `sequence`, restore it live, put the hardware back, return the report.

    `live` must have been made for `core`. `progress` is called with (frames acquired,
    frames expected) as they come. With `scan`, the report tells time and dose, and
    the engine waits for frames as long as this scanner needs.

    Raises
    ------
    ScannerError
        If the microscope is busy or lacks something, or if the acquisition failed;
        everything acquired until then is on disk.
    """
    profile = None if scan is None else scan.profile
    addresses = touched(core, sequence, profile)
    stays = leaves_stage(sequence)
    with (
        interrupt_once(partial(_cancelled, core)),
        hardware_kept(core, addresses, stage=not stays) as hardware,
    ):
        check_sequence(core, sequence)
        sequence = on_field_of(core, sequence)
        clock = FrameClock()
        if scan is not None:
            live.sections["scan"] = lambda: scan.report(clock.frame_time_ms)
        with (
            live,
            _counted(core, sequence, progress),
            clock.following(core),
            engine_restores_nothing(core),
            patient(core, 0 if scan is None else scan.low.time_ms / 1000),
        ):
            live.warnings += doubts(sequence)
            try:
                _run(core, sequence, live)
            finally:  # before deferred frames, which need no microscope
                live.warnings += hardware.put_back()
                if scan is not None:
                    live.warnings += scan.doubt(clock.frame_time_ms)
    return live.report


def _run(core: CMMCorePlus, sequence: MDASequence, live: LiveRestoration) -> None:
    """Run the MDA; whatever a device or the engine throws becomes one sentence."""
    try:
        core.mda.run(sequence, output=live)
    except PssrLiveError:
        raise
    except TimeoutError as error:
        raise ScannerError(
            f"The camera {core.getCameraDevice()!r} stopped delivering frames, and "
            "was given up; check it, the frames until then are safe."
        ) from error
    except Exception as error:
        raise ScannerError(
            f"The acquisition stopped: {sentence(error)}; the frames until then are "
            "safe."
        ) from error


def _cancelled(core: CMMCorePlus) -> bool:
    """Cancel the run; False if there is none that could be."""
    if core.mda.status.phase == RunState.IDLE:
        return False
    core.mda.cancel()
    return True


@contextmanager
def _counted(
    core: CMMCorePlus, sequence: MDASequence, progress: Progress | None
) -> Iterator[None]:
    """Tell `progress` of each frame."""
    detectors = core.getNumberOfCameraChannels()
    expected = len(by_detector(run_layout(sequence), detectors))
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
