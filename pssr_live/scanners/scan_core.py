"""A Micro-Manager core in which scanners written in Python behave like real ones.

`ScanCore` is pymmcore-plus' UniMMCore with its gaps for Python cameras closed:

* the pixel size follows the scanner, and events say what changed;
* stopping and cancelling reach the scanner, and wait until it has stopped;
* an error in the scanner ends the run instead of silently shortening it;
* the last frame of a sequence cannot slip between two questions of the MDA engine;
* the frame buffer holds a whole number of frames, so that it wraps without loss;
* the C++ shutter opens for a Python camera, and none is needed.

Cameras from C++ adapters gain by the last frame only; all else passes through.
"""

from __future__ import annotations

import weakref
from typing import Any, cast

import numpy as np
from pymmcore_plus.experimental.unicore import CameraDevice, Device, UniMMCore
from pymmcore_plus.experimental.unicore.core._sequence_buffer import SequenceBuffer

from pssr_live.errors import ScannerError
from pssr_live.scanners.patience import lengthen_timeouts
from pssr_live.scanners.scanning import (
    WatchedCamera,
    as_scanning,
    cancelled_in,
    derived_properties,
)

STOP_TIMEOUT_S = 30.0


class ScanCore(UniMMCore):
    """A core for C++ devices and for scanners written in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failure: Exception | None = None
        self._saw_none_left = self._was_stopped = False

    def loadPyDevice(self, label: str, device: Device) -> None:
        """Load a Python device, and let MDA cancellation reach it if it scans."""
        super().loadPyDevice(label, device)
        if (scanner := as_scanning(device)) is not None:
            scanner.abort_when(cancelled_in(weakref.ref(self)))

    def camera(self) -> CameraDevice | None:
        """Return the current camera's Python object; None for a C++ camera."""
        return self._py_camera()

    # ---- settings: what follows from them, and who is told

    def setProperty(
        self, label: str, propName: str, propValue: bool | float | int | str
    ) -> None:
        """Set a property; for a Python device also emit what changed."""
        device = self._pydevices[label] if label in self._pydevices else None
        before = derived_properties(device)
        super().setProperty(label, propName, propValue)
        if device is None:
            return
        # Emitted here and not in the device: the device is locked while it is set,
        # and a listener that asks it anything would wait for ever.
        changed = {propName: device.get_property_value(propName)}
        after = derived_properties(device)
        changed |= {name: v for name, v in after.items() if v != before[name]}
        for name, value in changed.items():
            self._state_cache[(label, name)] = value
            self.events.propertyChanged.emit(label, name, str(value))
        if isinstance(device, CameraDevice) and after != before:
            self.events.exposureChanged.emit(label, device.get_exposure())
            self.events.pixelSizeChanged.emit(self.getPixelSizeUm())

    def setExposure(self, *args: Any) -> None:
        """Set the exposure; for a Python camera also emit the one now in force."""
        super().setExposure(*args)
        label = args[0] if len(args) > 1 else self.getCameraDevice()
        if (camera := self._py_camera(label)) is not None:
            self.events.exposureChanged.emit(label, camera.get_exposure())

    def getPixelSizeUm(self, cached: bool = False) -> float:
        """Return the pixel size: the scanner's own where it knows it."""
        if (scanner := as_scanning(self._py_camera())) is not None:
            return scanner.pixel_size_um()
        return float(super().getPixelSizeUm(cached))

    def getPixelSizeAffine(self, cached: bool = False) -> Any:
        """Return the pixel-to-stage matrix: an unrotated one for scanners."""
        if (scanner := as_scanning(self._py_camera())) is not None:
            size = scanner.pixel_size_um()
            return (size, 0.0, 0.0, 0.0, size, 0.0)
        return super().getPixelSizeAffine(cached)

    # ---- acquisition

    def _do_snap_image(self) -> None:
        self._shutter(open_=True)
        try:
            super()._do_snap_image()
        finally:
            self._shutter(open_=False)

    def _do_start_sequence_acquisition(self, *args: Any) -> None:
        self._saw_none_left = self._was_stopped = False
        super()._do_start_sequence_acquisition(*args)

    def _do_start_continuous_sequence_acquisition(self, intervalMs: float = 0) -> None:
        self._saw_none_left = self._was_stopped = False
        super()._do_start_continuous_sequence_acquisition(intervalMs)

    def _start_sequence(
        self, cam: CameraDevice, n_images: int | None, stop_on_overflow: bool
    ) -> None:
        self._failure = None
        frame_bytes = int(np.prod(cam.shape())) * np.dtype(cam.dtype()).itemsize
        frames = max(4, self._seq_buffer.size_bytes // frame_bytes)
        if self._seq_buffer.size_bytes != frames * frame_bytes:
            self._seq_buffer = SequenceBuffer(frames * frame_bytes / 2**20)
        lengthen_timeouts(self, cam.get_exposure() / 1000)
        watched = cast("CameraDevice", WatchedCamera(cam, self._remember))
        self._shutter(open_=True)
        super()._start_sequence(watched, n_images, stop_on_overflow)

    def _do_stop_sequence_acquisition(self, cameraLabel: str) -> None:
        self._was_stopped = True
        camera = self._py_camera(cameraLabel)
        if camera is None:
            super()._do_stop_sequence_acquisition(cameraLabel)
            return
        if (scanner := as_scanning(camera)) is not None:
            scanner.abort()
        self._stop_acquisition_thread(timeout=STOP_TIMEOUT_S)
        self._shutter(open_=False)

    def getRemainingImageCount(self) -> int:
        """Return how many frames wait in the buffer."""
        count = int(super().getRemainingImageCount())
        self._saw_none_left = count == 0
        return count

    def isSequenceRunning(self, cameraLabel: str | None = None) -> bool:
        """Return whether the camera still delivers frames.

        Raises
        ------
        ScannerError
            Once, if a Python scanner failed in the sequence.
        """
        python = self._py_camera(cameraLabel) is not None
        if python and self._acquisition_thread is None:
            return False
        if self._scanning() if python else super().isSequenceRunning():
            return True
        missed = self._saw_none_left and not self._was_stopped
        if missed and super().getRemainingImageCount():
            # The last frames came after the caller counted none and before it asks
            # here. Telling it "ended" now would make it leave without them. Who stopped
            # the camera leaves on purpose, and what it left is nobody's live view.
            self._saw_none_left = False
            return True
        if not python:
            return False
        self._acquisition_thread = None
        self._shutter(open_=False)
        self._raise_failure()
        return False

    def _scanning(self) -> bool:
        thread = self._acquisition_thread
        return thread is not None and thread.is_alive()

    def _remember(self, failure: Exception) -> None:
        self._failure = failure

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise ScannerError(
                f"The scanner stopped in the middle of a sequence: {failure}; check "
                "its settings and start again."
            ) from failure

    def _do_shutter_open(self, shutterLabel: str, state: bool, /) -> None:
        # Without a shutter MMCore does nothing; UniMMCore asks for one named "".
        if shutterLabel:
            super()._do_shutter_open(shutterLabel, state)

    def _shutter(self, *, open_: bool) -> None:
        label = self.getShutterDevice()
        if self._py_camera() is not None and self.getAutoShutter() and label:
            self.setShutterOpen(label, open_)
            self.waitForDevice(label)
