"""PSNR and SSIM, with the data range said out loud.

A PSNR means nothing without its data range. Here it is always given by the caller,
and the reports use the range of the truth over the whole run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from pssr_live.errors import SettingsError

Image = npt.NDArray[Any]
SSIM_SIGMA = 1.5
SSIM_TRUNCATE = 3.5  # with sigma 1.5: the customary 11 x 11 window


def psnr(image: Image, truth: Image, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in dB.

    Parameters
    ----------
    image, truth : ndarray
        Of equal shape and in the same units.
    data_range : float
        The range of values that "peak" stands for, in these units.

    Raises
    ------
    SettingsError
        If the shapes differ, a pixel is not finite, or the data range is not positive.
    """
    _check(image, truth, data_range)
    error = np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2)
    return float(10 * np.log10(data_range**2 / error)) if error else float("inf")


def ssim(image: Image, truth: Image, data_range: float) -> float:
    """Return the mean structural similarity (Wang et al., IEEE TIP 2004).

    Gaussian window of sigma 1.5 on 11 x 11 pixels, K1 = 0.01, K2 = 0.03, population
    covariance; the 5 pixels at the border, where the window would not fit, are left
    out.

    Raises
    ------
    SettingsError
        If the shapes differ, a pixel is not finite, a side is under 11 pixels, or the
        data range is not positive.
    """
    _check(image, truth, data_range)
    if min(truth.shape) < 11:
        raise SettingsError(
            f"SSIM needs 11 x 11 pixels and got {truth.shape}: use PSNR for these."
        )
    a, b = image.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a = _smooth(a * a) - mean_a**2
    var_b = _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    size = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return float((alike / size)[5:-5, 5:-5].mean())


def _smooth(image: Image) -> Image:
    smooth: Image = gaussian_filter(image, SSIM_SIGMA, truncate=SSIM_TRUNCATE)
    return smooth


def _check(image: Image, truth: Image, data_range: float) -> None:
    if image.shape != truth.shape:
        raise SettingsError(
            f"A picture of {image.shape} cannot be compared with a truth of "
            f"{truth.shape}: bring both to the same size."
        )
    if not (np.isfinite(image).all() and np.isfinite(truth).all()):
        raise SettingsError(
            "A picture or its truth holds NaN or infinite pixels: mend or leave out "
            "that frame."
        )
    if not data_range > 0:
        raise SettingsError(
            f"The data range {data_range!r} is not positive: give the truth's."
        )
