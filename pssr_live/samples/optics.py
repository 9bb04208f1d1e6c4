"""Where the beam looks, and what it sees of a cloud of emitters.

A scanned picture is a list of rows, each measured at its own moment. `ScanGrid`
says where the pixel centres lie; `splat` adds up what a Gaussian PSF sees of
point emitters at those centres. Along the fast axis the beam moves while it
measures, so a pixel is the PSF-blurred object integrated over the pixel's width;
along the slow axis it is a point sample. Both are evaluated in closed form, so a
coarse scan is really a coarse scan and not a shrunken fine one.

Units: micrometres and seconds. Arrays are (Y, X).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array
from scipy.special import erf

FloatArray = npt.NDArray[np.floating[Any]]
REACH_SIGMAS = 3.0  # beyond this an emitter gives less than 1 % of its peak


@dataclass(frozen=True, slots=True)
class ScanGrid:
    """The pixel centres of one scan.

    Attributes
    ----------
    height, width : int
        Rows and pixels in a row.
    pixel_size_um : float
        Distance of neighbouring pixel centres, the same on both axes.
    origin_um : tuple of float
        (y, x) of the upper left *corner* of the upper left pixel, so that grids of
        different density over one field cover exactly the same area.
    psf_sigma_um : float
        Standard deviation of the Gaussian PSF.
    dwell_fraction : float
        The part of a pixel's width that the beam travels while it measures:
        1 for a steadily moving beam, 0 for one that stops at pixel centres.
    """

    height: int
    width: int
    pixel_size_um: float
    origin_um: tuple[float, float] = (0.0, 0.0)
    psf_sigma_um: float = 0.09
    dwell_fraction: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, pixels in a row."""
        return self.height, self.width

    def row_of(self, y_um: FloatArray) -> FloatArray:
        """Fractional row index of a height in the sample."""
        return (y_um - self.origin_um[0]) / self.pixel_size_um - 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Emitters:
    """Point emitters at one moment: position, brightness and own radius, each (N,)."""

    y_um: FloatArray
    x_um: FloatArray
    weight: FloatArray
    radius_um: FloatArray


def splat(emitters: Emitters, grid: ScanGrid) -> FloatArray:
    """Return what the scan sees of `emitters`: (Y, X) float32, in units of weight.

    An emitter of weight 1 and radius r has peak 1 under a point-sampling beam with
    PSF sigma s, whatever s and r are: brightness does not depend on the density of
    the scan.
    """
    sigma = np.hypot(grid.psf_sigma_um, emitters.radius_um) / grid.pixel_size_um
    row = grid.row_of(emitters.y_um)
    column = (emitters.x_um - grid.origin_um[1]) / grid.pixel_size_um - 0.5
    picture = np.zeros(grid.shape, np.float32)
    # Cost grows with the square of an emitter's reach: each size gets its own pass.
    reaches = np.ceil(REACH_SIGMAS * sigma + 0.5 * grid.dwell_fraction).astype(int)
    for reach in np.unique(reaches):
        some = (reaches == reach) & (row > -reach) & (row < grid.height - 1 + reach)
        some &= (column > -reach) & (column < grid.width - 1 + reach)
        weight = emitters.weight[some].astype(np.float32)
        spot = (row[some], column[some], sigma[some].astype(np.float32), weight)
        picture += _splat_alike(spot, int(reach), grid)
    return picture


def _splat_alike(
    spot: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    reach: int,
    grid: ScanGrid,
) -> FloatArray:
    row, column, sigma, weight = spot
    span = np.arange(-reach, reach + 1, dtype=np.int32)
    row0, column0 = np.rint(row).astype(np.int32), np.rint(column).astype(np.int32)
    away_y = (row0 - row).astype(np.float32)[:, None] + span.astype(np.float32)
    away_x = (column0 - column).astype(np.float32)[:, None] + span.astype(np.float32)
    profile_y = np.exp(-0.5 * (away_y / sigma[:, None]) ** 2) * weight[:, None]
    profile_x = _fast_axis_profile(away_x, sigma[:, None], grid.dwell_fraction)
    # A frame of pixels around the picture takes what falls outside.
    edge = 2 * reach
    height, width = grid.height + 2 * edge, grid.width + 2 * edge
    # A spot is the product of its two profiles, and the picture their sum over all
    # spots: a matrix product, sparse on one side. No BLAS: its threads would fight
    # with the network's.
    spots = np.arange(len(row) + 1, dtype=np.int32)
    rows = (row0 + np.int32(edge))[:, None] + span
    upright = csc_array(
        (profile_y.ravel(), rows.ravel(), spots * np.int32(len(span))),
        shape=(height, len(row)),
    )
    across = np.zeros((len(row), width), np.float32)
    columns = (column0 + np.int32(edge))[:, None] + span
    np.put_along_axis(across, columns.astype(np.intp), profile_x, axis=1)
    inside = slice(edge, edge + grid.height), slice(edge, edge + grid.width)
    picture: FloatArray = (upright @ across)[inside]
    return picture


def _fast_axis_profile(
    dx: FloatArray, sigma: FloatArray, dwell_fraction: float
) -> FloatArray:
    if dwell_fraction <= 0:
        return np.exp(-0.5 * (dx / sigma) ** 2)
    half = 0.5 * dwell_fraction
    root2_sigma = np.float32(np.sqrt(2)) * sigma
    area = erf((dx + half) / root2_sigma) - erf((dx - half) / root2_sigma)
    scale = np.float32(np.sqrt(np.pi / 2)) * sigma / dwell_fraction
    profile: FloatArray = (area * scale).astype(np.float32)
    return profile


def upsample_bilinear(coarse: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Bilinear resize on pixel centres: for fields that are smooth anyway."""

    def axis(length: int, new: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
        at = np.clip((np.arange(new) + 0.5) * length / new - 0.5, 0, length - 1)
        low = np.minimum(at.astype(np.int64), max(length - 2, 0))
        return low, (at - low).astype(np.float32)

    low_y, part_y = axis(coarse.shape[0], shape[0])
    low_x, part_x = axis(coarse.shape[1], shape[1])
    high_y = np.minimum(low_y + 1, coarse.shape[0] - 1)
    high_x = np.minimum(low_x + 1, coarse.shape[1] - 1)
    rows = coarse[low_y] * (1 - part_y)[:, None] + coarse[high_y] * part_y[:, None]
    result: FloatArray = rows[:, low_x] * (1 - part_x) + rows[:, high_x] * part_x
    return result
