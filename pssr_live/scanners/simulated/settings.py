"""All settings of the simulated scanner and what follows from them.

`ScanSettings` is frozen: a frame takes one snapshot and nothing can change under it.
`properties` says what each setting means and which values it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.samples.optics import ScanGrid
from pssr_live.scanners.timing import ScanTiming

FloatArray = npt.NDArray[np.floating[Any]]
FULL_RESOLUTION = 512


@dataclass(frozen=True, slots=True)
class Optics:
    """The microscope that a sample is looked at with.

    Attributes
    ----------
    field_um : float
        Side of the square field at zoom 1.
    psf_sigma_um : float
        Standard deviation of the Gaussian PSF.
    fades : bool
        Whether the signal bleaches: fluorescence does, a stained section does not.
    """

    field_um: float
    psf_sigma_um: float
    fades: bool


OPTICS = {
    "mito": Optics(field_um=25.6, psf_sigma_um=0.09, fades=True),
    "division": Optics(field_um=25.6, psf_sigma_um=0.09, fades=True),
    "em": Optics(field_um=2.56, psf_sigma_um=0.005, fades=False),
}


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """One state of the scanner."""

    resolution: int = FULL_RESOLUTION
    dwell_us: float = 1.0
    zoom: float = 1.0
    line_overhead_us: float = 100.0
    averages: int = 1
    rest_ms: float = 0.0
    sample: str = "mito"
    seed: int = 0
    photons_per_us: float = 20.0
    gain_adu: float = 40.0
    offset_adu: float = 100.0
    read_noise_adu: float = 12.0
    line_jitter_ppm: float = 400.0
    bleaching_um2_per_ms: float = 0.02
    real_time: str = "On"
    roi: tuple[int, int, int, int] | None = None  # x, y, width, height; None = all

    @property
    def optics(self) -> Optics:
        """The microscope for the sample."""
        return OPTICS[self.sample]

    @property
    def rectangle(self) -> tuple[int, int, int, int]:
        """What is scanned, as (x, y, width, height) in pixels."""
        return self.roi or (0, 0, self.resolution, self.resolution)

    @property
    def pixel_size_um(self) -> float:
        """Distance of neighbouring pixels in the sample."""
        return self.optics.field_um / self.zoom / self.resolution

    @property
    def timing(self) -> ScanTiming:
        """What a frame costs."""
        _, _, pixels, lines = self.rectangle
        return ScanTiming(
            lines, pixels, self.dwell_us, self.line_overhead_us, self.averages
        )

    @property
    def dose_ms_per_um2(self) -> float:
        """Beam time on each square micrometre of the scanned field in a frame."""
        _, _, width, height = self.rectangle
        area_um2 = width * height * self.pixel_size_um**2
        return self.timing.dose_us / 1000 / area_um2

    def grid(self, resolution: int | None = None) -> ScanGrid:
        """Return the pixel centres of a scan, or of the same area at `resolution`."""
        finer = (resolution or self.resolution) / self.resolution
        x, y, width, height = self.rectangle
        pixel_um = self.pixel_size_um
        # Zooming keeps the middle of the field in the middle.
        margin_um = (self.optics.field_um - self.resolution * pixel_um) / 2
        return ScanGrid(
            height=max(1, round(height * finer)),
            width=max(1, round(width * finer)),
            pixel_size_um=pixel_um / finer,
            origin_um=(margin_um + y * pixel_um, margin_um + x * pixel_um),
            psf_sigma_um=self.optics.psf_sigma_um,
        )

    def row_times_s(self, start_s: float, rows: int) -> FloatArray:
        """Return when the beam crosses each of `rows` rows over the scanned area.

        With `averages`, the mean time over all passes.
        """
        pass_s = self.timing.pass_time_ms / 1000
        middle_s = start_s + (self.averages - 1) / 2 * pass_s
        return middle_s + (np.arange(rows) + 0.5) * (pass_s / rows)
