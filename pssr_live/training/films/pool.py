"""Clips from a person's own images: tiles with something on them, moving or moved.

The first frame of a clip is brightness about 0..1. A clip is seeded by its number, so
a pool is the same however often it is made. See `clips` for what a pool is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from pssr_live.errors import SettingsError
from pssr_live.samples.neuropil import draw_neuropil
from pssr_live.storage.disk import check_room, disk_errors
from pssr_live.training.films.clips import (
    MARGIN_PX,
    PoolPlan,
    real_clip,
    simulated_clip,
)
from pssr_live.training.films.images import Plane, open_images
from pssr_live.training.films.many import Pool, Progress, make_clips
from pssr_live.training.films.sources import SATURATED_SHARE, Source

CANDIDATES = 8  # places that a tile is chosen from
LARGEST_BYTES = 4_000_000_000


@dataclass(frozen=True, slots=True)
class OwnPool:
    """What a pool is made from.

    Attributes
    ----------
    sources : tuple of Source
        Each gives the same number of clips.
    clips, frames, side : int
        Size of the pool.
    simulated : str
        "mito" or "em": what simulated clips show.
    simulated_share : float
        Share of clips that are simulated.
    smooth_px : float
        Gaussian that quietens the images' own noise.
    """

    sources: tuple[Source, ...]
    clips: int
    frames: int
    side: int
    seed: int
    simulated: str = "mito"
    simulated_share: float = 0.0
    smooth_px: float = 0.6

    @property
    def key(self) -> str:
        """A name that is another one whenever the pool would be."""
        return _short_hash(
            [
                self.images,
                [self.clips, self.frames, self.side, self.seed, self.smooth_px],
                [self.simulated, self.simulated_share],
            ]
        )

    @property
    def images(self) -> str:
        """What stands for the images, wherever their files are."""
        return _short_hash([[s.takes, sorted(s.hashes)] for s in self.sources])

    @property
    def size_bytes(self) -> int:
        """What the pool takes in memory and on disk."""
        return 2 * self.clips * self.frames * self.side**2


def make_pool(plan: OwnPool, progress: Progress) -> Pool:
    """Make all clips: (clips, frames, side, side).

    Raises
    ------
    SettingsError
        If a process that makes clips was ended from outside.
    """
    shape = (plan.frames, plan.side, plan.side)
    return make_clips(partial(_numbered, plan), plan.clips, shape, progress)


def _numbered(plan: OwnPool, number: int) -> Plane:
    rng = np.random.default_rng([plan.seed, number])
    size = PoolPlan(frames=plan.frames, size=plan.side)
    if number < plan.clips * (plan.simulated_share if plan.sources else 1):
        return _simulated(rng, plan.simulated, size)
    source = plan.sources[number % len(plan.sources)]
    return own_clip(source, rng, size, plan.smooth_px)


def check_size(plan: OwnPool) -> None:
    """Refuse a pool that would not fit into memory.

    Raises
    ------
    SettingsError
        If it is larger than 4 GB.
    """
    if plan.size_bytes > LARGEST_BYTES:
        raise SettingsError(
            f"{plan.clips} clips of {plan.frames} frames of {plan.side} x {plan.side} "
            f"pixels take more than {LARGEST_BYTES / 1e9:g} GB: lower data.clips or "
            "training.crop."
        )


def cached(path: Path, plan: OwnPool, progress: Progress) -> Pool:
    """Return the pool that `path` holds, or make it and keep it there.

    Raises
    ------
    SettingsError, StorageError
        If it cannot be made or written.
    """
    if path.exists():
        kept: Pool = np.load(path, allow_pickle=False)
        return kept
    check_room(path, plan.size_bytes)
    pool = make_pool(plan, progress)
    keep(path, pool)
    return pool


def keep(path: Path, pool: Pool) -> None:
    """Write clips, whole or not at all.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    with disk_errors("The pool of clips", path):
        with part.open("wb") as file:
            np.save(file, pool, allow_pickle=False)
        part.replace(path)


def _short_hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def own_clip(
    source: Source, rng: np.random.Generator, plan: PoolPlan, smooth_px: float
) -> Plane:
    """Cut one clip (frames, side, side) from a source."""
    take = source.takes[int(rng.integers(len(source.takes)))]
    with open_images(source.path) as images:
        planes = [images.read(n) for n in take[: plan.frames]]
    return _cut(planes, rng, plan, smooth_px)


def _cut(
    planes: list[Plane], rng: np.random.Generator, plan: PoolPlan, smooth_px: float
) -> Plane:
    moving = len(planes) == plan.frames > 1
    first = planes[0].astype(np.float32)
    side = plan.size if moving else plan.size + 2 * MARGIN_PX
    top, left = choose_tile(first, side, rng)
    # Smoothing reaches beyond the tile, and so does what is read for it.
    rows, columns = slice(top, top + side), slice(left, left + side)
    film = np.stack([plane[rows, columns].astype(np.float32) for plane in planes])
    film = ndimage.gaussian_filter(film, (0, smooth_px, smooth_px))
    if not moving:
        still = film[0]
        clip: Plane = real_clip(rng, still, plan)
        return clip
    low, high = np.percentile(first, [1, 99.8])
    missing = [(0, 0), *((0, plan.size - extent) for extent in film.shape[1:])]
    return np.pad(((film - low) / (high - low)).clip(0, 4), missing, mode="symmetric")


def choose_tile(image: Plane, side: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return (top, left) of a tile, chosen among a few by what is on them.

    The chance of a place is proportional to the variance of its pixels, binned 4 x 4
    so that noise counts little: empty background is hardly ever learned from, and
    neither is a saturated place.
    """
    spare = [max(0, extent - side) for extent in image.shape]
    places = [
        (int(rng.integers(spare[0] + 1)), int(rng.integers(spare[1] + 1)))
        for _ in range(CANDIDATES)
    ]
    top = image.max()
    contrast = np.zeros(len(places))
    for n, (y, x) in enumerate(places):
        tile = image[y : y + side, x : x + side]
        if np.mean(tile == top) <= SATURATED_SHARE:
            contrast[n] = _binned(tile).var()
    total = contrast.sum()
    chance = contrast / total if total > 0 else None
    return places[int(rng.choice(len(places), p=chance))]


def _binned(tile: Plane) -> Plane:
    y, x = (extent // 4 for extent in tile.shape)
    binned: Plane = tile[: 4 * y, : 4 * x].reshape(y, 4, x, 4).mean((1, 3))
    return binned.astype(np.float64)


def _simulated(rng: np.random.Generator, name: str, plan: PoolPlan) -> Plane:
    if name == "mito":
        clip: Plane = simulated_clip(rng, plan)
        return clip
    side = plan.size + 2 * MARGIN_PX
    clip = real_clip(
        rng, draw_neuropil(rng, side, float(rng.uniform(0.003, 0.008))), plan
    )
    return clip
