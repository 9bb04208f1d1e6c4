"""The time of a frame, measured on a camera that streams."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.scanners.patience import FRAMES_PER_TIMEOUT
from pssr_live.scanners.profiles.on_core import sentence

FRAMES = (5, 30)  # at least and at most; in between, as many as fit into
ENOUGH_MS = 500.0
LOOK_S = 0.001
LEAST_WAIT_S = 5.0


def measured_frame_ms(core: CMMCorePlus, expected_ms: float) -> float:
    """Return the median distance of frames that follow each other, in ms.

    Without the first two, which have the start of the camera in them.

    Raises
    ------
    ScannerError
        If the camera fails, or gives no frame for five expected ones.
    """
    fitting = round(ENOUGH_MS / max(expected_ms, 1.0))
    frames = min(max(fitting, FRAMES[0]), FRAMES[1])
    try:
        core.startSequenceAcquisition(frames, 0, True)
        try:
            times_s = _arrivals_s(core, frames, expected_ms)
        finally:
            core.stopSequenceAcquisition()
    except ScannerError:
        raise
    except Exception as error:  # whatever a device throws
        raise ScannerError(
            f"The camera {core.getCameraDevice()!r} does not scan: {sentence(error)}."
        ) from error
    return 1000 * median(b - a for a, b in pairwise(times_s[1:]))


def _arrivals_s(core: CMMCorePlus, frames: int, expected_ms: float) -> list[float]:
    """Return when each frame of the sequence arrived; all detectors are one frame."""
    detectors = core.getNumberOfCameraChannels()
    wait_s = max(LEAST_WAIT_S, FRAMES_PER_TIMEOUT * expected_ms / 1000)
    times_s: list[float] = []
    images, last_s = 0, time.perf_counter()
    while len(times_s) < frames:
        if core.getRemainingImageCount():
            core.popNextImage()
            images, last_s = images + 1, time.perf_counter()
            if images % detectors == 0:
                times_s.append(last_s)
        elif time.perf_counter() - last_s > wait_s or not core.isSequenceRunning():
            raise ScannerError(
                f"The camera {core.getCameraDevice()!r} gave {images} of "
                f"{frames * detectors} frames and no more: check it."
            )
        else:
            time.sleep(LOOK_S)
    return times_s
