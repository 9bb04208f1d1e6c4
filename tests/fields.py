"""Random fields with known properties, and what noise and movement make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Field = npt.NDArray[np.float64]


def smooth_field(side: int, sigma_px: float, rng: np.random.Generator) -> Field:
    """Return Gaussian-filtered white noise (side, side) of mean 0 and SD 1.

    Cut from a larger one, so that its opposite edges do not fit together.
    """
    white = rng.normal(size=(side + 64, side + 64))
    field: Field = gaussian_filter(white, sigma_px, mode="wrap")[32:-32, 32:-32]
    return (field - field.mean()) / field.std()


def spectrum_cut(image: Field, cycles_per_px: float) -> Field:
    """Return the picture without anything finer than a frequency."""
    y, x = (np.fft.fftfreq(side) for side in image.shape)
    keep = np.hypot(y[:, None], x) <= cycles_per_px
    cut: Field = np.fft.ifft2(np.fft.fft2(image) * keep).real
    return cut


def moved(image: Field, y_px: float, x_px: float) -> Field:
    """Return the picture displaced, exactly, as if it went on periodically."""
    y, x = (np.fft.fftfreq(side) for side in image.shape)
    ramp = np.exp(-2j * np.pi * (y[:, None] * y_px + x * x_px))
    there: Field = np.fft.ifft2(np.fft.fft2(image) * ramp).real
    return there


def noisy(image: npt.NDArray[Any], sd: float, rng: np.random.Generator) -> Field:
    """Return the picture with white noise."""
    return image + rng.normal(0, sd, image.shape)
