"""A scanner of your own: a vendor's Python API as a camera of Micro-Manager.

`VendorSem` stands for what the vendor gives you; replace it. `SemCamera` is the part
to write: a few properties, and a loop that asks the API for images. With its profile,
`python_scanner.toml`, everything in pssr-live works on it.

Runs as it is: `python examples/python_scanner.py session_01`.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pymmcore_plus.experimental.unicore import CameraDevice, pymm_property
from useq import MDASequence

import pssr_live as pl
from pssr_live.restorer import Restorer
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.profiles import load_profile
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.session_plan import plan_session

PROFILE = Path(__file__).with_suffix(".toml")


class VendorSem:
    """What a microscope's vendor gives you: set things, and wait for an image."""

    field_um = 2.56
    line_flyback_s = 20e-6

    def __init__(self) -> None:
        self.pixels, self.dwell_s = 512, 0.2e-6

    def acquire(self, keep_on: Callable[[], bool]) -> npt.NDArray[np.uint8]:
        """Scan one image; gives up when `keep_on` says so."""
        ends = time.perf_counter()
        ends += self.pixels * (self.pixels * self.dwell_s + self.line_flyback_s)
        y, x = np.mgrid[: self.pixels, : self.pixels] * (512 / self.pixels)
        image = np.random.default_rng().poisson(60 + 40 * np.sin(x / 9) * np.cos(y / 7))
        while keep_on() and (left_s := ends - time.perf_counter()) > 0:
            time.sleep(min(left_s, 0.05))
        return image.clip(0, 255).astype(np.uint8)


class SemCamera(CameraDevice):
    """The vendor's scanner as a camera: one image is one scan of the field."""

    def __init__(self, sem: VendorSem) -> None:
        super().__init__()
        self._sem = sem
        self._stop = False
        self._cancelled: Callable[[], bool] = bool

    # The properties that the profile names. `limits` and not `allowed_values`, which
    # would refuse the text that configuration files hold.

    @pymm_property(limits=(64, 2048))
    def Pixels(self) -> int:
        """Lines of an image, and pixels of a line."""
        return self._sem.pixels

    @Pixels.setter
    def _set_pixels(self, value: int) -> None:
        self._sem.pixels = int(value)

    @pymm_property(limits=(0.02, 100.0))
    def Dwell_us(self) -> float:
        """Time of the beam on a pixel."""
        return self._sem.dwell_s * 1e6

    @Dwell_us.setter
    def _set_dwell_us(self, value: float) -> None:
        self._sem.dwell_s = float(value) / 1e6

    # What Micro-Manager asks of a camera.

    def get_exposure(self) -> float:
        """Return the frame time in ms: for a scanner it follows from the rest."""
        sem = self._sem
        return 1e3 * sem.pixels * (sem.pixels * sem.dwell_s + sem.line_flyback_s)

    def set_exposure(self, exposure: float) -> None:
        """Accept any exposure without effect."""

    def shape(self) -> tuple[int, int]:
        """Lines and pixels."""
        return self._sem.pixels, self._sem.pixels

    def dtype(self) -> npt.DTypeLike:
        """8-bit grey levels."""
        return np.uint8

    def start_sequence(
        self,
        n: int | None,
        get_buffer: Callable[[Sequence[int], npt.DTypeLike], npt.NDArray[Any]],
    ) -> Iterator[Mapping[str, Any]]:
        """Scan `n` images, or until stopped."""
        self._stop = False
        taken = 0
        while n is None or taken < n:
            image = self._sem.acquire(self._may_go_on)
            if not self._may_go_on():
                return
            get_buffer(image.shape, image.dtype)[:] = image
            taken += 1
            yield {}

    def _may_go_on(self) -> bool:
        return not (self._stop or self._cancelled())

    # What pssr-live asks of a scanner beyond that: with these four, the pixel size
    # follows the density, and Ctrl-C reaches a scan that takes minutes.

    def pixel_size_um(self) -> float:
        """Distance of neighbouring pixels in the sample."""
        return self._sem.field_um / self._sem.pixels

    def derived_properties(self) -> Mapping[str, float]:
        """Read-only properties that follow from others: none here."""
        return {}

    def abort(self) -> None:
        """Give up the scan in progress."""
        self._stop = True

    def abort_when(self, cancelled: Callable[[], bool]) -> None:
        """Ask `cancelled` while scanning."""
        self._cancelled = cancelled


def sem_core(sem: VendorSem) -> ScanCore:
    """Return a core whose camera is the vendor's scanner."""
    core = open_core(None)
    core.loadPyDevice("SEM", SemCamera(sem))
    core.initializeDevice("SEM")
    core.setCameraDevice("SEM")
    core.setAutoShutter(False)
    return core


def main(save: str) -> None:
    core = sem_core(VendorSem())
    restorer = Restorer("em-mf5-x4-live")
    sequence = MDASequence(time_plan={"interval": 0, "loops": 5})
    plan = plan_session(core, sequence, restorer, Path(save), load_profile(PROFILE))
    live = pl.LiveRestoration(restorer, save, core=core)
    report = acquire(core, plan.sequence, live, scan=plan.scan)
    print(report["status"], f"{report['scan']['dose_ratio']:.0f} times less dose")
    close_core(core)


if __name__ == "__main__":
    main(sys.argv[1])
