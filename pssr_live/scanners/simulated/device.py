"""The simulated point scanner as a Python device of a Micro-Manager core.

Time. The sample has its own clock. It starts at 0 when the sample is put in (at
start, and whenever `Sample` or `Seed` are set) and advances by the nominal frame time
of each delivered frame, however long the computer took. So a run can be repeated
exactly; pauses between frames leave the sample where it was, and `Rest_ms` lets it
live on without the beam. `RealTime` only decides
when frames are handed over: "On", when their last line is scanned; "Off", at once.

Exposure. A scan's duration follows from its geometry: `get_exposure` returns the
frame time, and setting an exposure is accepted and has no effect, as with other point
scanners. Set `Dwell_us` instead.

Bleaching. The sample remembers the beam time per area that it has taken, as one
number for all of it.
"""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pymmcore_plus.experimental.unicore import CameraDevice

from pssr_live.errors import ScannerError
from pssr_live.samples.sample import Sample, make_sample
from pssr_live.scanners.scanning import Frames, GetBuffer
from pssr_live.scanners.simulated.beam import brightness, detected, expected_adu
from pssr_live.scanners.simulated.properties import (
    PROPERTIES,
    PropertySpec,
    typed,
    way_out,
)
from pssr_live.scanners.simulated.records import ScanLog, ScanRecord
from pssr_live.scanners.simulated.settings import (
    FULL_RESOLUTION,
    OPTICS,
    ScanSettings,
)

FIXED_WHILE_SCANNING = frozenset({"resolution", "zoom", "roi", "sample", "seed"})
FRESH_SAMPLE = frozenset({"sample", "seed"})
ASK_EVERY_S = 0.05  # how often a waiting scan looks whether it was cancelled


class SimulatedScanner(CameraDevice):
    """A point scanner over a simulated sample; see the module's description."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = ScanSettings()
        self._log = ScanLog()
        self._scanning = False
        self._abort = threading.Event()
        self._cancelled: Callable[[], bool] = bool
        for spec in PROPERTIES:
            self._register(spec)
        for name in self.derived_properties():
            self._register_derived(name)

    # ---- what a run leaves behind

    @property
    def settings(self) -> ScanSettings:
        """The settings now in force."""
        return self._settings

    @property
    def frames_scanned(self) -> int:
        """Frames delivered since the sample was put in: the next frame's number."""
        return self._log.frames

    def record(self, number: int) -> ScanRecord:
        """Return the record of frame `number`, counted in the order of delivery.

        Raises
        ------
        ScannerError
            If there was no such frame, or it is too long ago.
        """
        return self._log[number]

    def truth(
        self, frame: int | ScanRecord, resolution: int = FULL_RESOLUTION
    ) -> npt.NDArray[np.float32]:
        """Return what a perfect scan would have shown, for scoring only.

        Parameters
        ----------
        frame : int or ScanRecord
            A frame's number in the order of delivery, or its record.
        resolution : int
            Pixels per axis of the whole field; a ROI keeps its part of them.

        Returns
        -------
        ndarray, (Y, X) float32
            In the frame's ADU, with its fading, each row at the time when the frame's
            own scan passed its height; without noise and line jitter.
        """
        record = self.record(frame) if isinstance(frame, int) else frame
        seen = brightness(_sample(record.settings), record, resolution)
        return expected_adu(seen, record).astype(np.float32, copy=False)

    @property
    def sample(self) -> Sample:
        """The sample, which knows what will happen to it; for scoring only."""
        return _sample(self._settings)

    # ---- settings

    def set_property_value(self, prop_name: str, value: Any) -> None:
        """Set a property from a number or, as in a .cfg file, from its text.

        Raises
        ------
        ScannerError
            If there is no such property, or the value does not suit it.
        """
        if not self.has_property(prop_name):
            raise ScannerError(
                f"The scanner has no property {prop_name!r}; choose one of: "
                f"{', '.join(self.get_property_names())}."
            )
        info = self.get_property_info(prop_name)
        try:
            super().set_property_value(prop_name, typed(value, info))
        except ValueError as error:
            raise ScannerError(
                f"{prop_name} cannot be {value!r}; {way_out(info)}."
            ) from error

    def get_exposure(self) -> float:
        """Return the frame time in ms."""
        return self._settings.timing.frame_time_ms

    def set_exposure(self, exposure: float) -> None:
        """Accept any exposure without effect: `Dwell_us` decides."""

    def pixel_size_um(self) -> float:
        """Distance of neighbouring pixels in the sample."""
        return self._settings.pixel_size_um

    def derived_properties(self) -> Mapping[str, float]:
        """Frame time and pixel size, as read-only properties by name."""
        return {
            "FrameTime_ms": self._settings.timing.frame_time_ms,
            "PixelSize_um": self._settings.pixel_size_um,
        }

    def shape(self) -> tuple[int, int]:
        """Lines and pixels of a frame."""
        _, _, width, height = self._settings.rectangle
        return height, width

    def dtype(self) -> npt.DTypeLike:
        """16-bit grey levels."""
        return np.uint16

    def get_roi(self) -> tuple[int, int, int, int]:
        """Return what is scanned, as (x, y, width, height) in pixels."""
        return self._settings.rectangle

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Scan only a rectangle: fewer lines, shorter lines.

        What reaches beyond the field is cut off; the MDA engine puts back the
        rectangle from before a run, which may belong to another resolution.

        Raises
        ------
        ScannerError
            If nothing of it lies in the field, or a sequence is running.
        """
        side = self._settings.resolution
        left, top = max(0, x), max(0, y)
        inside = (left, top, min(x + width, side) - left, min(y + height, side) - top)
        if inside[2] < 1 or inside[3] < 1:
            raise ScannerError(
                f"The ROI x={x} y={y} width={width} height={height} holds nothing of "
                f"the {side} x {side} field; give one that lies inside."
            )
        self._change(roi=None if inside == (0, 0, side, side) else inside)

    def clear_roi(self) -> None:
        """Scan the whole field."""
        self._change(roi=None)

    # ---- scanning

    def start_sequence(self, n: int | None, get_buffer: GetBuffer) -> Frames:
        """Scan `n` frames, or until stopped; see `CameraDevice.start_sequence`.

        Raises
        ------
        ScannerError
            If a scan is under way, or (while scanning) a single frame was stopped.
        """
        if self._scanning:
            raise ScannerError(
                "The scanner is in the middle of a sequence; stop it before you "
                "start another."
            )
        self._abort.clear()
        _sample(self._settings)  # built before the clock runs
        self._scanning = True
        return self._scan(n, get_buffer)

    def abort(self) -> None:
        """Give up the frame in progress; returns at once, from any thread."""
        self._abort.set()

    def abort_when(self, cancelled: Callable[[], bool]) -> None:
        """Ask `cancelled` several times a second while scanning."""
        self._cancelled = cancelled

    def shutdown(self) -> None:
        """Stop scanning."""
        self.abort()

    def _scan(self, n: int | None, get_buffer: GetBuffer) -> Frames:
        delivered, due_s = 0, time.perf_counter()
        try:
            while n is None or delivered < n:
                record = self._log.plan(self._settings)
                timing, rest_ms = record.settings.timing, record.settings.rest_ms
                frame_s = (timing.frame_time_ms + rest_ms) / 1000
                pixels = detected(brightness(_sample(record.settings), record), record)
                # A late frame may be made up for, but only one: after a long pause
                # frames must not come faster than they can be scanned.
                due_s = max(due_s, time.perf_counter() - frame_s) + frame_s
                if not self._wait_until(due_s if self._in_real_time() else 0):
                    return
                # Taken only now: a slot taken and not filled would stay in the way.
                get_buffer(pixels.shape, pixels.dtype)[:] = pixels
                self._log.commit(record)
                delivered += 1
                self._scanning = delivered != n
                yield {"ScanNumber": str(record.number)}
        finally:
            self._scanning = False

    def _in_real_time(self) -> bool:
        return self._settings.real_time == "On"

    def _wait_until(self, due_s: float) -> bool:
        """Wait, and return True; False if a sequence was stopped meanwhile."""
        # UniMMCore does not pass a stop on to the device, but it runs the device in
        # a thread that carries the event.
        stop = getattr(threading.current_thread(), "stop_event", None)
        while not (self._abort.is_set() or self._cancelled()):
            if stop is not None and stop.is_set():
                return False
            left_s = due_s - time.perf_counter()
            if left_s <= 0:
                return True
            (stop or self._abort).wait(min(left_s, ASK_EVERY_S))
        if stop is None:
            raise ScannerError("The scan was stopped before its last line; scan again.")
        return False

    # ---- properties

    def _register(self, spec: PropertySpec) -> None:
        def change(scanner: SimulatedScanner, value: Any) -> None:
            scanner._change(**{spec.field: spec.kind(value)})

        self.register_property(
            name=spec.name,
            default_value=getattr(self._settings, spec.field),
            getter=operator.attrgetter(f"_settings.{spec.field}"),
            setter=change,
            limits=spec.limits,
            allowed_values=spec.allowed,
            property_type=spec.kind,
        )

    def _register_derived(self, name: str) -> None:
        def value(scanner: SimulatedScanner) -> float:
            return scanner.derived_properties()[name]

        self.register_property(
            name=name, getter=value, is_read_only=True, property_type=float
        )

    def _change(self, **changes: Any) -> None:
        now = self._settings
        new = {name: v for name, v in changes.items() if getattr(now, name) != v}
        if self._scanning and FIXED_WHILE_SCANNING & new.keys():
            what = ", ".join(sorted(FIXED_WHILE_SCANNING & new.keys()))
            raise ScannerError(
                f"The scanner cannot change {what} in the middle of a sequence; stop "
                "the sequence first."
            )
        if "resolution" in new:
            new["roi"] = None  # its pixels were other pixels
        self._settings = replace(now, **new)
        if FRESH_SAMPLE & changes.keys():
            self._log.restart()


def _sample(settings: ScanSettings) -> Sample:
    return _kept_sample(settings.sample, settings.seed)


@lru_cache(maxsize=2)
def _kept_sample(name: str, seed: int) -> Sample:
    return make_sample(name, seed, OPTICS[name].field_um)
