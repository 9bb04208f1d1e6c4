"""Profiles: nerve cells as a section cuts them, and how deep in its cell a pixel is.

A power diagram of random seeds with bent coordinates: every pixel knows its cell and
its distance to the cell's border. Lengths are micrometres; images are square (Y, X).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import zoom
from scipy.spatial import cKDTree

from pssr_live.samples.optics import upsample_bilinear

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
SEED_SPACING_UM = 0.42
LARGE_PROFILES = 3  # the first cells: a cell body or big dendrite, two large axons
COARSE = 4  # cells are looked for on every fourth pixel, then refined
CANDIDATES = 4  # cells that a pixel near a coarse pixel can belong to


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Which cell each pixel is in, and how deep."""

    cell: IntArray  # (Y, X)
    depth_um: FloatArray  # (Y, X), 0 at the border between two cells
    count: int

    def places(
        self, rng: np.random.Generator, deeper_um: float, cells: IntArray, many: int
    ) -> Iterator[tuple[int, int]]:
        """Draw up to `many` pixels that lie so deep in one of `cells`."""
        fits = np.flatnonzero((self.depth_um > deeper_um) & np.isin(self.cell, cells))
        for at in rng.choice(fits, min(many, len(fits)), replace=False):
            yield divmod(int(at), self.cell.shape[1])


def grow_profiles(rng: np.random.Generator, side: int, pixel_um: float) -> Profiles:
    """Return the profiles of a section of `side` x `side` pixels."""
    extent = side * pixel_um
    count = int((extent / SEED_SPACING_UM) ** 2 * 1.3)
    seeds = rng.uniform(-0.05, 1.05, (count, 2)) * extent
    reach = rng.gamma(2.0, 0.09, count)
    reach[:LARGE_PROFILES] = (1.0, 0.62, 0.55)
    # In a power diagram a seed's weight adds to its squared distance: as a third
    # coordinate it lets an ordinary nearest-neighbour search find the cell.
    lift = np.sqrt(reach.max() ** 2 - reach**2)
    lifted = np.column_stack([seeds, lift])
    axis = (np.arange(side) + 0.5) * pixel_um
    knot = max(8, round(0.22 / pixel_um))
    y = axis[:, None] + 0.045 * smooth_noise(rng, side, knot)
    x = axis[None, :] + 0.045 * smooth_noise(rng, side, knot)
    few = np.stack([y[::COARSE, ::COARSE], x[::COARSE, ::COARSE]], axis=-1)
    level = np.zeros((*few.shape[:2], 1))
    _, near = cKDTree(lifted).query(np.dstack([few, level]), k=CANDIDATES)
    near = near.repeat(COARSE, axis=0).repeat(COARSE, axis=1)[:side, :side]
    return _refine(y, x, lifted.astype(np.float32), near)


def _refine(
    y: FloatArray, x: FloatArray, lifted: FloatArray, near: IntArray
) -> Profiles:
    best = second = np.full(y.shape, np.inf, np.float32)
    cell = other = np.zeros(y.shape, np.int64)
    for rank in range(near.shape[2]):
        seed = near[:, :, rank]
        far = (y - lifted[seed, 0]) ** 2 + (x - lifted[seed, 1]) ** 2
        far = (far + lifted[seed, 2] ** 2).astype(np.float32)
        first, runner_up = far < best, far < second
        second = np.where(first, best, np.where(runner_up, far, second))
        other = np.where(first, cell, np.where(runner_up, seed, other))
        best, cell = np.where(first, far, best), np.where(first, seed, cell)
    apart = np.hypot(*(lifted[cell, axis] - lifted[other, axis] for axis in (0, 1)))
    depth = (second - best) / (2 * apart + 1e-6)
    return Profiles(cell, depth.astype(np.float32), len(lifted))


def smooth_noise(rng: np.random.Generator, side: int, knot: int) -> FloatArray:
    """Noise of unit variance at its knots, which are `knot` pixels apart."""
    coarse = rng.standard_normal((side // knot + 4,) * 2).astype(np.float32)
    finer = zoom(coarse, 4, order=3)
    shown = int(np.ceil(side * 4 / knot)) + 1
    return upsample_bilinear(finer[4 : 4 + shown, 4 : 4 + shown], (side, side))
