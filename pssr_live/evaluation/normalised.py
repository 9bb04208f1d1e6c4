"""PSNR and SSIM as PSSR reports them, after bringing both pictures to one scale.

The procedure of `metric_gen.py` of PSSR (Fang et al., Nature Methods 2021), which
took it from CARE (Weigert et al., Nature Methods 2018): the truth is scaled so that
its percentiles 0.1 and 99.9 become 0 and 1, both means are taken away, and the
picture is multiplied by the factor that makes its squared error least. The data
range is then 1. PSSR's SSIM is scikit-image's with its defaults: a flat window of
7 x 7 pixels and sample covariance. That is not the Gaussian window of
`pssr_live.evaluation.metrics.ssim`, so the two SSIMs are different numbers.

Brightness and offset count for nothing here: a picture that is right in structure
and wrong in intensity scores full marks. Quote these beside the plain figures, and
only compare them with figures made the same way.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from pssr_live.errors import SettingsError
from pssr_live.evaluation.metrics import psnr
from pssr_live.evaluation.pair import Image, Real, as_pair, has_contrast

PERCENTILES = (0.1, 99.9)
_SIDE = 7  # of SSIM's window, in pixels


def to_one_scale(image: Image, truth: Image) -> tuple[Real, Real]:
    """Return the picture and the truth as PSSR compares them.

    Parameters
    ----------
    image, truth : ndarray, (Y, X)
        In any units, which need not be the same.

    Returns
    -------
    tuple of ndarray
        Both with mean 0; the truth's percentiles 0.1 and 99.9 are 1 apart. The
        factor is PSSR's: the covariance counts n - 1 pixels, the variance n. A
        picture without contrast stays 0, where PSSR's code divides by zero.

    Raises
    ------
    SettingsError
        If the shapes differ, values are not finite, or the truth has no contrast.
    """
    picture, wanted = as_pair(image, truth)
    low, high = np.percentile(wanted, PERCENTILES)
    if not high > low:
        raise SettingsError(
            f"99.8 % of the truth's pixels have the value {low:g}, which gives no "
            "scale: leave this frame out."
        )
    wanted = (wanted - wanted.mean()) / (high - low)
    if not has_contrast(picture):
        return np.zeros_like(wanted), wanted
    picture = picture - picture.mean()
    covariance = np.sum(picture * wanted) / (picture.size - 1)
    return picture * covariance / picture.var(), wanted


def normalised_psnr(image: Image, truth: Image) -> float:
    """Return PSSR's normalised PSNR in dB, of data range 1."""
    return psnr(*to_one_scale(image, truth), data_range=1)


def normalised_ssim(image: Image, truth: Image) -> float:
    """Return PSSR's normalised SSIM, of data range 1.

    Raises
    ------
    SettingsError
        As `to_one_scale`, and if a side is under 7 pixels.
    """
    if min(np.shape(truth), default=0) < _SIDE:
        raise SettingsError(
            f"This SSIM needs 7 x 7 pixels and got {np.shape(truth)}: use PSNR."
        )
    return _flat_ssim(*to_one_scale(image, truth))


def _flat_ssim(a: Real, b: Real) -> float:
    count = _SIDE**2
    sample = count / (count - 1)  # sample covariance, not population
    mean_a, mean_b = _mean(a), _mean(b)
    var_a = sample * (_mean(a * a) - mean_a**2)
    var_b = sample * (_mean(b * b) - mean_b**2)
    both = sample * (_mean(a * b) - mean_a * mean_b)
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    size = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    edge = _SIDE // 2
    return float((alike / size)[edge:-edge, edge:-edge].mean())


def _mean(image: Real) -> Real:
    mean: Real = uniform_filter(image, _SIDE)
    return mean
