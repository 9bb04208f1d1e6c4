"""Bicubic interpolation of the target frame: the last rung, which always works.

It keeps a session alive when nothing else runs. It restores nothing, says so
(`restores = False`), and every report and picture that it makes is labelled.

Keys' cubic with a = -0.5, on exact pixel centres, borders replicated.
"""

from __future__ import annotations

import numpy as np

from pssr_live.engines.by_values import FloatEngine
from pssr_live.intensity import FloatArray


class BicubicEngine(FloatEngine):
    """Interpolates the target frame; ignores all others."""

    name = "bicubic"
    restores = False
    rank = 1000

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Enlarge the target frame (T, h, w) -> (scale * h, scale * w)."""
        target = self.card.n_frames - 1 - self.card.lookahead
        return bicubic(frames[target], self.card.scale)


def bicubic(image: FloatArray, scale: int) -> FloatArray:
    """Enlarge (Y, X) float32 by a whole factor along both axes."""
    return _along_rows(_along_rows(image, scale).T, scale).T


def _along_rows(image: FloatArray, scale: int) -> FloatArray:
    """Enlarge axis 0, one output phase at a time."""
    height = len(image)
    padded = np.pad(image, ((2, 2), (0, 0)), mode="edge")
    result = np.empty((height, scale, image.shape[1]), np.float32)
    for phase in range(scale):
        offset = (phase + 0.5) / scale - 0.5
        taps = np.arange(-2, 3)
        weights = _keys(offset - taps).astype(np.float32)
        pieces = [
            weight * padded[2 + tap : 2 + tap + height]
            for tap, weight in zip(taps, weights, strict=True)
        ]
        result[:, phase] = sum(pieces)
    return result.reshape(height * scale, -1)


def _keys(distance: FloatArray) -> FloatArray:
    d = np.abs(distance)
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0))
