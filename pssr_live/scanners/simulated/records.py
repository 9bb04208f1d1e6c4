"""What was scanned, frame by frame, so that the truth can be rendered afterwards."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

from pssr_live.errors import ScannerError
from pssr_live.scanners.simulated.settings import ScanSettings

KEPT = 65_536  # about 10 MB


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One delivered frame.

    Attributes
    ----------
    number : int
        Place in the order of delivery since the sample was put in, from 0.
    settings : ScanSettings
        The scanner's state for this frame.
    start_s : float
        The sample's time when the scan of the frame began.
    dose_ms_per_um2 : float
        The dose that the sample had taken before this frame.
    """

    number: int
    settings: ScanSettings
    start_s: float
    dose_ms_per_um2: float

    @property
    def fade(self) -> float:
        """The part of the fluorescence that earlier frames left, 0..1."""
        if not self.settings.optics.fades:
            return 1.0
        return math.exp(-self.settings.bleaching_um2_per_ms * self.dose_ms_per_um2)


class ScanLog:
    """The sample's clock and dose, and records of the last `KEPT` frames.

    Thread-safe: the acquisition thread writes while others ask for the truth.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Begin with a fresh sample: time 0, no dose, no frames."""
        with self._lock:
            self._records: deque[ScanRecord] = deque(maxlen=KEPT)
            self._next = 0
            self._time_s = 0.0
            self._dose_ms_per_um2 = 0.0

    @property
    def frames(self) -> int:
        """Frames delivered since the sample was put in: the next frame's number."""
        return self._next

    def plan(self, settings: ScanSettings) -> ScanRecord:
        """Return what the next frame would be."""
        with self._lock:
            start_s = self._time_s + settings.rest_ms / 1000
            return ScanRecord(self._next, settings, start_s, self._dose_ms_per_um2)

    def commit(self, record: ScanRecord) -> None:
        """Enter a planned frame as delivered: time passes, the sample takes dose."""
        with self._lock:
            self._records.append(record)
            self._next = record.number + 1
            frame_s = record.settings.timing.frame_time_ms / 1000
            self._time_s = record.start_s + frame_s
            self._dose_ms_per_um2 = (
                record.dose_ms_per_um2 + record.settings.dose_ms_per_um2
            )

    def __getitem__(self, number: int) -> ScanRecord:
        with self._lock:
            first = self._next - len(self._records)
            if not first <= number < self._next:
                raise ScannerError(
                    f"Frame {number} of the simulated scanner is not known; ask for "
                    f"one from {first} to {self._next - 1}."
                )
            return self._records[number - first]
