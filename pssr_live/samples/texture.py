"""Textures of no sample in particular: grain, phases, gratings, mosaics.

What a network has only ever met as noise, it takes for noise. Samples have fine,
dense texture too (powders, fractures, fabrics, dense tissue), and some are regular.
Others have wide even areas (resin, polished phases): a network that has never met one
without noise gives it a wrong grey level.

Images are square (Y, X) float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.floating[Any]]
GRATINGS, MOSAICS = 0.15, 0.3  # of the textures
MOST_STONES = 200  # of a mosaic
PERIOD_PX = (5.0, 40.0)
SLOPE = (0.0, 1.6)  # of the amplitude against the frequency: white ... cloudy
OPTICS_PX = (0.5, 1.2)


def draw_texture(rng: np.random.Generator, side: int) -> FloatArray:
    """Return a texture of `side` x `side` pixels, mean 0 and variance 1."""
    dice = rng.random()
    if dice < GRATINGS:
        made = _grating(rng, side)
    elif dice < GRATINGS + MOSAICS:
        made = _mosaic(rng, side)
    else:
        made = _grain(rng, side)
    made = gaussian_filter(made, rng.uniform(*OPTICS_PX), mode="reflect")
    levelled: FloatArray = ((made - made.mean()) / made.std()).astype(np.float32)
    return levelled


def _grain(rng: np.random.Generator, side: int) -> FloatArray:
    """Noise of random phases, as it is, in two phases, or in bright grains."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = 1 / side
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    field = np.fft.irfft2(spectrum * frequency ** -rng.uniform(*SLOPE), s=(side, side))
    field /= field.std()
    shape = rng.integers(3)
    if shape == 1:
        field = np.tanh(field * rng.uniform(1, 8) - rng.uniform(-1, 1))
    elif shape == 2:
        field = np.exp(field * rng.uniform(0.4, 1.0))
    grain: FloatArray = field
    return grain


def _grating(rng: np.random.Generator, side: int) -> FloatArray:
    """Stripes with soft or hard edges, or two sets of them across."""
    y, x = np.mgrid[:side, :side].astype(float)
    made = np.ones((side, side))
    angle = rng.uniform(0, np.pi)
    low, high = np.log(PERIOD_PX)
    for turned in (0.0, np.pi / 2)[: rng.integers(1, 3)]:
        along = x * np.cos(angle + turned) + y * np.sin(angle + turned)
        phase = 2 * np.pi * (along / np.exp(rng.uniform(low, high)) + rng.random())
        made = made * np.tanh(rng.uniform(0.5, 8) * np.sin(phase))
    return made


def _mosaic(rng: np.random.Generator, side: int) -> FloatArray:
    """Even areas of any size, each of its own grey: a Voronoi diagram."""
    stones = int(np.exp(rng.uniform(np.log(4), np.log(MOST_STONES))))
    places = rng.uniform(0, side, (stones, 2))
    pixels = np.mgrid[:side, :side].reshape(2, -1).T
    nearest = cKDTree(places).query(pixels)[1].reshape(side, side)
    laid: FloatArray = rng.random(stones)[nearest]
    return laid
