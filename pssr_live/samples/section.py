"""A stained section in an electron microscope: neuropil that only drifts.

The picture is drawn once, on a canvas as fine as a 1024 x 1024 scan needs (see
`neuropil`), and then sampled like the real thing: through a Gaussian PSF, integrated
along the fast axis, each row at its own time of a slow stage drift.

Brightness is 0..1 as in bright field: dark membranes, light cytoplasm. Beyond the
section it is 0. Units: micrometres, seconds. Arrays are (Y, X).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from pssr_live.samples.motion import Wander
from pssr_live.samples.neuropil import draw_neuropil
from pssr_live.samples.optics import ScanGrid

FloatArray = npt.NDArray[np.floating[Any]]
FINEST_SCAN = 1024
MARGIN = 0.03  # of the field, on each side: what drift brings into view
DRIFT_REACH = 0.006  # of the field
DRIFT_PERIOD_S = 40.0


class SectionSample:
    """A section that may be scanned at any time.

    Parameters
    ----------
    seed : int
        The same seed always gives the same section.
    field_um : float
        Side of the square field that it fills.
    """

    name = "em"

    def __init__(self, seed: int, field_um: float = 2.56) -> None:
        self.field_um = field_um
        rng = np.random.default_rng([seed, 0x73656374])
        self._pixel_um = field_um / FINEST_SCAN
        self._margin_um = MARGIN * field_um
        side = FINEST_SCAN + 2 * int(np.ceil(MARGIN * FINEST_SCAN))
        self._canvas = draw_neuropil(rng, side, self._pixel_um)
        self._drift = Wander.random(rng, 1, DRIFT_REACH * field_um, DRIFT_PERIOD_S)
        self._blurred: dict[float, FloatArray] = {}

    def scan(self, grid: ScanGrid, row_times_s: FloatArray) -> FloatArray:
        """Return the noise-free scan (Y, X), 0..1, each row at its own time."""
        drift = self._drift.at(np.zeros(grid.height, np.int64), row_times_s)
        pixel = grid.pixel_size_um
        down_um = grid.origin_um[0] + (np.arange(grid.height) + 0.5) * pixel
        across_um = grid.origin_um[1] + (np.arange(grid.width) + 0.5) * pixel
        lines = self._lines(down_um + drift[:, 0], grid.psf_sigma_um)
        middle = self._on_canvas(across_um + drift[:, 1:])
        # A beam that stops at pixel centres still sees a canvas pixel's width.
        half = 0.5 * max(pixel * grid.dwell_fraction / self._pixel_um, 1.0)
        area = np.zeros((len(lines), lines.shape[1] + 1))
        np.cumsum(lines, axis=1, out=area[:, 1:])
        seen = _at(area, middle + half) - _at(area, middle - half)
        return (seen / (2 * half)).astype(np.float32)

    def _on_canvas(self, at_um: FloatArray) -> FloatArray:
        """Turn a place in the field into canvas pixels, from the canvas' edge."""
        return (at_um + self._margin_um) / self._pixel_um

    def _lines(self, down_um: FloatArray, psf_sigma_um: float) -> FloatArray:
        """Return canvas lines at heights in the field: (Y, canvas width)."""
        if psf_sigma_um not in self._blurred:
            sigma = psf_sigma_um / self._pixel_um
            self._blurred = {psf_sigma_um: gaussian_filter(self._canvas, sigma)}
        canvas = self._blurred[psf_sigma_um]
        at = self._on_canvas(down_um) - 0.5
        above = np.clip(np.floor(at).astype(np.int64), 0, len(canvas) - 2)
        part = np.clip(at - above, 0, 1).astype(np.float32)[:, None]
        lines: FloatArray = canvas[above] * (1 - part) + canvas[above + 1] * part
        lines[(at < -0.5) | (at > len(canvas) - 0.5)] = 0
        return lines


def _at(area: FloatArray, edge: FloatArray) -> FloatArray:
    """Evaluate each row of `area` (Y, N) at fractional places `edge` (Y, X)."""
    edge = np.clip(edge, 0, area.shape[1] - 1)
    below = np.minimum(edge.astype(np.int64), area.shape[1] - 2)
    part = edge - below
    flat = below + np.arange(len(area))[:, None] * area.shape[1]
    low = area.ravel()[flat]
    value: FloatArray = low + part * (area.ravel()[flat + 1] - low)
    return value
