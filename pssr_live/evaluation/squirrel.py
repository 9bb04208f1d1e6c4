"""RSP and RSE: how well a restored picture explains what the microscope recorded.

After SQUIRREL (Culley et al., Nature Methods 2018): the restored picture is blurred
to the resolution of a reference, its intensities are fitted by a straight line, and
what remains is compared. RSP, the resolution-scaled Pearson coefficient, has 1 as
its best; RSE, the resolution-scaled error, is an RMS in units of the reference.

The reference may be coarser than the restored picture by a whole number: each of
its pixels is then compared with the mean of the restored pixels that it covers.

Blind by nature to whatever is finer than the reference, and only as good as the
reference's noise: interpolation copies that noise and is rewarded for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Image, Real, as_picture, has_contrast


@dataclass(frozen=True, slots=True, eq=False)
class ScaledError:
    """How a restored picture differs from a reference at the reference's resolution.

    Attributes
    ----------
    rsp : float
        Pearson coefficient, -1 to 1; 0 where the blurred picture has no contrast.
    rse : float
        RMS difference, in units of the reference.
    error_map : ndarray, (y, x)
        Absolute difference at each pixel of the reference, in its units.
    sigma_px : float
        The blur that was used, in pixels of the restored picture.
    gain, offset : float
        The straight line: reference = gain * blurred + offset.
    """

    rsp: float
    rse: float
    error_map: Real = field(repr=False)
    sigma_px: float
    gain: float
    offset: float


def scaled_error(
    restored: Image, reference: Image, sigma_px: float | None = None
) -> ScaledError:
    """Compare a restored picture with a reference of lower resolution.

    Parameters
    ----------
    restored : ndarray, (scale * y, scale * x)
        In any units.
    reference : ndarray, (y, x)
        Registered with it; `scale` is any whole number, 1 included.
    sigma_px : float, optional
        Standard deviation of the Gaussian that blurs the restored picture, in its
        pixels. Left out, the one with the least error is found, between 0 and the
        larger of 5 pixels and twice the scale.

    Raises
    ------
    SettingsError
        If the shapes do not fit, values are not finite, the reference has no
        contrast, or sigma is negative.
    """
    picture = as_picture(restored, "The restored picture")
    wanted = as_picture(reference, "The reference")
    scale = _scale(picture, wanted)
    if not has_contrast(wanted):
        raise SettingsError(
            f"The reference of {wanted.shape} has the same value in all pixels: "
            "choose one that shows something."
        )
    if sigma_px is None:
        sigma_px = _best_sigma(picture, wanted, scale)
    if not 0 <= sigma_px < np.inf:
        raise SettingsError(
            f"A blur of sigma {sigma_px:g} pixels makes no sense: give 0 or more, or "
            "leave it out."
        )
    seen = _degraded(picture, sigma_px, scale)
    gain, offset = _line(seen, wanted)
    error = np.abs(gain * seen + offset - wanted)
    rse = float(np.sqrt(np.mean(error**2)))
    return ScaledError(_pearson(seen, wanted), rse, error, sigma_px, gain, offset)


def _scale(picture: Real, reference: Real) -> int:
    scale: int = picture.shape[0] // reference.shape[0]
    if picture.shape != tuple(scale * side for side in reference.shape):
        raise SettingsError(
            f"A restored picture of {picture.shape} is no whole multiple of a "
            f"reference of {reference.shape}: crop both to one field."
        )
    return scale


def _degraded(picture: Real, sigma_px: float, scale: int) -> Real:
    """Blur (scale * y, scale * x), and average over the reference's pixels (y, x)."""
    blurred = gaussian_filter(picture, sigma_px)
    y, x = (side // scale for side in picture.shape)
    mean: Real = blurred.reshape(y, scale, x, scale).mean(axis=(1, 3))
    return mean


def _best_sigma(picture: Real, reference: Real, scale: int) -> float:
    """Return the blur of least error, which is the one of largest correlation."""

    def error(sigma_px: float) -> float:
        return 1 - _pearson(_degraded(picture, sigma_px, scale), reference)

    found = minimize_scalar(
        error, bounds=(0, max(5, 2 * scale)), method="bounded", options={"xatol": 1e-3}
    )
    # the search never tries its bounds, and no blur at all is a likely answer
    return 0.0 if error(0) <= found.fun + 1e-9 else float(found.x)


def _line(seen: Real, wanted: Real) -> tuple[float, float]:
    if not has_contrast(seen):
        return 0.0, float(wanted.mean())
    centred = seen - seen.mean()
    gain = float(np.sum(centred * wanted) / np.sum(centred**2))
    return gain, float(wanted.mean() - gain * seen.mean())


def _pearson(a: Real, b: Real) -> float:
    if not (has_contrast(a) and has_contrast(b)):
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    cosine = np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.clip(cosine, -1, 1))
