"""Made-up windows that tell how large a network's numbers become.

Quantisation needs to know the range of every layer, and a model folder holds one
stored window only. Spots and filaments at several light levels, always the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.intensity import FloatArray

SIDE = 96  # low-density pixels
OBJECTS = 25
PHOTONS = (20.0, 100.0, 1000.0)  # in a pixel of brightness 1
READ_NOISE = 0.02  # of brightness 1
BRIGHTEST = 1.6
DRIFT_PX = 0.5  # a frame
SEED = 5


def calibration_windows(n_frames: int) -> Iterator[FloatArray]:
    """Yield windows (n_frames, 96, 96) in network units, always the same ones.

    The objects drift from frame to frame, as in a living sample.
    """
    rng = np.random.default_rng(SEED)
    for photons in PHOTONS:
        for longest_px in (1.0, 25.0):  # spots, then filaments
            scene = _scene(n_frames, longest_px, rng).clip(0, BRIGHTEST)
            seen = rng.poisson(scene * photons) / photons
            noise = rng.normal(0, READ_NOISE, scene.shape)
            yield (seen + noise).astype(np.float32)


def _scene(
    n_frames: int, longest_px: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw elongated Gaussians, `longest_px` long on average, that drift together."""
    t, y, x = np.mgrid[:n_frames, :SIDE, :SIDE].astype(np.float64)
    dy, dx = rng.normal(0, DRIFT_PX, 2)
    y, x = y - dy * t, x - dx * t
    scene: npt.NDArray[Any] = np.zeros_like(y)
    for _ in range(OBJECTS):
        cy, cx = rng.uniform(0, SIDE, 2)
        turn, bright = rng.uniform(0, np.pi), rng.uniform(0.2, 1.2)
        wide_px = rng.uniform(0.7, 2.5)
        long_px = wide_px + rng.exponential(longest_px)
        along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        across = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        away = (along / long_px) ** 2 + (across / wide_px) ** 2
        scene += bright * np.exp(-away / 2)
    return scene
