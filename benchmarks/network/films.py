"""The fixed test set: films of cells that no training sees, scanned coarsely once.

Every scene moves at three speeds and is scanned at three photon levels. The truth is
free of noise and has brightness 0..1; so has the scan, noise apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import torch

from pssr_live.errors import SettingsError
from pssr_live.samples.mito import MitoLook, MitoSample
from pssr_live.samples.optics import ScanGrid
from pssr_live.training.scans.crappify import crappify
from pssr_live.training.scans.ranges import draw, one_scanner

Image = npt.NDArray[np.float32]

SCALE = 4
SIDE = 256  # of the truth
FRAMES = 9  # in a simulated film
TARGETS = (4, 6)  # which are judged: a causal window needs four frames before
REAL_FRAMES, REAL_TARGETS = 14, tuple(range(4, 12))
SPEEDS_PX = {"slow": 0.3, "middle": 1.0, "fast": 3.0}  # of the truth, per frame
PHOTONS = (10, 20, 40)  # at brightness 1
REAL_PHOTONS = 20
PIXEL_UM = 0.05
FIRST_SEED = 700  # training has samples from 1000 on
GRID_PX = 64  # sides of real films: every network divides them without rest

# All that is drawn is named: the defaults widen with what the shelf's models learn
# from, and the benchmark must not change with them.
TRAINED_ON = one_scanner(
    blur_px=(0.0, 1.2),
    sharp_share=0.5,
    spoiled_pixels=(0.0, 0.01),
    spoiled_share=0.3,
    dwell_fraction=(0.0, 1.0),
    jitter_px=(0.0, 0.4),
    photons=(8.0, 80.0),
    read_noise=(0.005, 0.03),
    gain=(1.0, 1.0),
    offset=(0.0, 0.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One scene at one speed and one photon level.

    Attributes
    ----------
    scans : ndarray, (frames, h, w)
    truths : ndarray, (frames, 4 h, 4 w)
    targets : tuple of int
        The frames that are judged.
    """

    scene: str
    speed: str
    photons: int
    scans: Image = field(repr=False)
    truths: Image = field(repr=False)
    targets: tuple[int, ...] = TARGETS

    def window(self, target: int, n_frames: int, lookahead: int) -> Image:
        """Return the frames (T, h, w) that frame `target` is restored from."""
        end = target + lookahead + 1
        return self.scans[end - n_frames : end]


def simulated(scenes: int) -> list[Film]:
    """Make the films of `scenes` cells: each at three speeds, three photon levels."""
    films: list[Film] = []
    for number in range(scenes):
        for speed, pace_px in SPEEDS_PX.items():
            truths = _film(FIRST_SEED + number, pace_px)
            for photons in PHOTONS:
                scans = _scanned(truths, photons, [number, photons, len(films)])
                name = f"cell {number + 1}"
                films.append(Film(name, speed, photons, scans, truths))
    return films


def real(folder: Path) -> list[Film]:
    """Make a film of each movie (TIFF, at least 14 frames) in `folder`.

    Raises
    ------
    SettingsError
        If there is none.
    """
    films: list[Film] = []
    for path in sorted([*folder.glob("*.tif"), *folder.glob("*.tiff")]):
        movie = tifffile.imread(path)
        if movie.ndim == 3 and len(movie) >= REAL_FRAMES:
            truths = _from_movie(movie)
            scans = _scanned(truths, REAL_PHOTONS, [len(films), REAL_PHOTONS])
            made = Film(path.stem, "real", REAL_PHOTONS, scans, truths, REAL_TARGETS)
            films.append(made)
    if not films:
        raise SettingsError(
            f"{folder} holds no TIFF movie (frames, Y, X) of {REAL_FRAMES} frames or "
            "more: name a folder of time-lapse movies."
        )
    return films


def digest(films: Iterable[Film]) -> str:
    """Return the SHA-256 of all scans and truths: the same only for the same test."""
    made = hashlib.sha256()
    for film in films:
        for part in (film.scans, film.truths):
            made.update(np.ascontiguousarray(part).tobytes())
    return made.hexdigest()


def _film(seed: int, pace_px: float) -> Image:
    rng = np.random.default_rng(seed)
    look = MitoLook() if rng.random() < 0.4 else MitoLook.random(rng)
    field_um = SIDE * PIXEL_UM
    sample = MitoSample(seed, 2 * field_um, look)
    top, left = rng.uniform(0, field_um, 2)
    psf_um = float(rng.uniform(0.065, 0.13))
    corner = (float(top), float(left))
    grid = ScanGrid(SIDE, SIDE, PIXEL_UM, corner, psf_sigma_um=psf_um)
    step_s = pace_px * PIXEL_UM * look.period_s / (2 * np.pi * look.reach_um)
    within = np.linspace(0, step_s, SIDE)
    start_s = rng.uniform(0, 100)
    film = [sample.scan(grid, start_s + k * step_s + within) for k in range(FRAMES)]
    return _levelled(np.stack(film))


def _from_movie(movie: npt.NDArray[Any]) -> Image:
    first = (len(movie) - REAL_FRAMES) // 2
    sides = [min(SIDE, extent // GRID_PX * GRID_PX) for extent in movie.shape[1:]]
    top, left = (
        (extent - side) // 2
        for extent, side in zip(movie.shape[1:], sides, strict=True)
    )
    rows, columns = slice(top, top + sides[0]), slice(left, left + sides[1])
    return _levelled(movie[first : first + REAL_FRAMES, rows, columns])


def _levelled(film: npt.NDArray[Any]) -> Image:
    values = film.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.8))
    levelled: Image = np.clip((values - low) / (high - low), 0, 2).astype(np.float32)
    return levelled


def _scanned(truths: Image, photons: int, seed: list[int]) -> Image:
    """Scan a film coarsely: a steady beam, little jitter, read noise of 2 %."""
    known = replace(
        TRAINED_ON,
        dwell_fraction=(1.0, 1.0),
        sharp_share=1.0,
        jitter_px=(0.2, 0.2),
        photons=(photons, photons),
        read_noise=(0.02, 0.02),
        spoiled_pixels=(0.005, 0.005),
        spoiled_share=1.0,
    )
    number = int(np.random.default_rng(seed).integers(2**31))
    generator = torch.Generator().manual_seed(number)
    how = draw(known, 1, generator)
    scans = crappify(torch.from_numpy(truths)[None], SCALE, how, generator)
    made: Image = scans[0].numpy()
    return made
