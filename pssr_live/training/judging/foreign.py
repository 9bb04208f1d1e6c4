"""How a network does abroad: on sources and degradations that it never learned from.

The degradations are chains of the numpy crappifier, a program of its own: those that
PSSR and PSSR2 train with, and scans that go wrong in one way each. Training draws
from the ranges of `scans.crappify` and knows none of them. The sources are chosen
by the caller and must not be among those that the network learned from.

Figures are PSSR's normalised PSNR (`evaluation.normalised`): a wrong gain, which no
method could know of, costs nobody anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pssr_live.crappifier import PRESETS, Crappifier, Recipe, preset, white_level
from pssr_live.crappifier.beam import LineJitter
from pssr_live.crappifier.detector import Photons, ReadNoise
from pssr_live.crappifier.recipe import AnyStep
from pssr_live.crappifier.sampling import Scan
from pssr_live.engines.bicubic import bicubic
from pssr_live.evaluation.baselines import classical
from pssr_live.evaluation.normalised import normalised_psnr
from pssr_live.intensity import fit

Image = npt.NDArray[np.float32]
Movie = npt.NDArray[np.uint16]
Restore = Callable[[Image], Image]
WINDOWS = 3  # of each movie; neighbours tell little that is new


def _chain(name: str, *steps: AnyStep) -> Recipe:
    return Recipe(name=name, steps=steps)


DEGRADATIONS: tuple[Recipe, ...] = (
    *(preset(name) for name in PRESETS),
    _chain("noise-free points", Scan(mode="point")),
    _chain("noise-free boxes", Scan(mode="box")),
    _chain("boxes", Scan(mode="box"), Photons(photons=30)),
    _chain(
        "heavy read noise",
        Scan(mode="line"),
        Photons(photons=100),
        ReadNoise(sd=0.12, offset=0.05),
    ),
    _chain(
        "gain 20 % too high",
        Scan(mode="point", psf_sigma_px=1.0),
        Photons(photons=40, gain=1.2),
        ReadNoise(sd=0.02),
    ),
    _chain(
        "shaky and dim",
        LineJitter(sd_px=1.5),
        Scan(mode="line", psf_sigma_px=1.5),
        Photons(photons=8),
    ),
)


class Scores(NamedTuple):
    """Mean normalised PSNR in dB, of a network and of what needs none."""

    restored: float
    bicubic: float
    classical: float

    @property
    def gain(self) -> float:
        """Return dB over the better of the two that need no network."""
        return self.restored - max(self.bicubic, self.classical)


def abroad(
    restore: Restore,
    movies: Mapping[str, Movie],
    *,
    n_frames: int,
    lookahead: int,
    scale: int,
    degradations: Sequence[Recipe] = DEGRADATIONS,
) -> dict[str, dict[str, Scores]]:
    """Return the scores of each source, under each of `degradations`.

    Parameters
    ----------
    restore : callable
        A window (T, h, w) in network units -> its target frame (H, W).
    movies : mapping of str to ndarray, (T, Y, X)
        High-density truth of each source; T is at least `n_frames`.
    n_frames, lookahead, scale : int
        Of the network. The classical method is given the same frames.
    degradations : sequence of Recipe
        How the sources are scanned.
    """
    return {
        source: {
            how.name: _scores(restore, movie, how, n_frames, lookahead, scale)
            for how in degradations
        }
        for source, movie in movies.items()
    }


def _scores(
    restore: Restore,
    movie: Movie,
    how: Recipe,
    n_frames: int,
    lookahead: int,
    scale: int,
) -> Scores:
    white = white_level(how, movie.dtype.name, int(movie.max()))
    crappifier = Crappifier(how, white, scale, seed=5)
    scans = np.stack([crappifier.scan(image, t, t) for t, image in enumerate(movie)])
    values = fit(scans[0]).forward(scans)
    rows = []
    first, last = n_frames - 1 - lookahead, len(movie) - 1 - lookahead
    for target in np.linspace(first, last, WINDOWS).astype(int):
        window = values[target - first : target + lookahead + 1]
        truth: npt.NDArray[Any] = crappifier.truth(movie[target], int(target))
        pictures = (
            restore(window),
            bicubic(values[target], scale),
            classical(window, scale),
        )
        rows.append([normalised_psnr(picture, truth) for picture in pictures])
    return Scores(*(round(float(mean), 2) for mean in np.mean(rows, axis=0)))
