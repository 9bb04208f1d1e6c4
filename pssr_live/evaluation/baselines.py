"""What needs no network, and what every restoration must therefore beat.

Bicubic interpolation of the one frame, and the classical method for movies: the
mean of the window, a mild Gaussian against what noise is left, bicubic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from pssr_live.engines.bicubic import bicubic

SMOOTHING_PX = 0.5  # of the scan's pixels

Image = npt.NDArray[np.float32]


def interpolated(scan: npt.NDArray[Any], scale: int) -> Image:
    """Enlarge one frame (h, w) to (scale * h, scale * w)."""
    return bicubic(scan.astype(np.float32), scale)


def classical(window: npt.NDArray[Any], scale: int) -> Image:
    """Return the mean of a window (T, h, w), smoothed by 0.5 pixels, enlarged."""
    mean = window.mean(axis=0, dtype=np.float64)
    return interpolated(gaussian_filter(mean, SMOOTHING_PX), scale)
