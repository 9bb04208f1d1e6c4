"""A camera that runs freely, and the one thread that takes what it gives.

The core's buffer has one consumer: whatever else shows pictures does not pop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.frame import Pixels
from pssr_live.worker import Worker

LOOK_S = (0.001, 0.02)  # a tenth of a frame's time, but within these


class FreeRun:
    """Runs the camera and hands over its frames, from a thread of its own.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    take : callable
        Called with each image and its tags.
    wants_rest : callable
        Whether what the camera gave until it was stopped is wanted.
    fail : callable
        Called with whatever the camera, or `take`, throws.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        take: Callable[[Pixels, Any], None],
        wants_rest: Callable[[], bool],
        fail: Callable[[Exception], None],
    ) -> None:
        self._core, self._take = core, take
        self._wants_rest, self._fail = wants_rest, fail
        self._worker: Worker | None = None
        self._stopping = threading.Event()

    @property
    def is_working(self) -> bool:
        """Whether its thread has not ended yet."""
        worker = self._worker
        return worker is not None and worker.is_working

    @property
    def is_stopping(self) -> bool:
        """Whether it was stopped on purpose."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the camera; raises what that throws."""
        self._stopping.clear()
        self._core.startContinuousSequenceAcquisition(0)
        self._look_s = min(max(self._core.getExposure() / 1e4, LOOK_S[0]), LOOK_S[1])
        self._worker = Worker("pssr-live frames", self._acquire)
        self._worker.start()

    def stop(self) -> None:
        """Stop the camera, and return when everything that is wanted was taken."""
        self._stopping.set()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.wait()

    def _acquire(self) -> None:
        core = self._core
        try:
            while not self._stopping.is_set():
                if core.getRemainingImageCount():
                    self._take(*core.popNextImageAndMD())
                elif core.isSequenceRunning():
                    self._stopping.wait(self._look_s)
                elif not core.getRemainingImageCount():
                    raise ScannerError("somebody stopped it, or it gave no reason")
        except Exception as error:  # whatever a camera throws
            self._fail(error)
        self._end()

    def _end(self) -> None:
        """Stop the camera and take what it gave before."""
        core = self._core
        try:
            core.stopSequenceAcquisition()
            while self._wants_rest() and core.getRemainingImageCount():
                self._take(*core.popNextImageAndMD())
        except Exception as error:
            self._fail(error)
