"""How well restored frames agree with scans at full density of the same moment.

A reference is no truth: it has noise of its own, the beam may lie a little beside,
and it was taken a moment after the scan that it judges.

So pictures are moved onto it first, by as much as the interpolated scan is beside and
never by the restored picture, which must pay for what it moves. The reference itself
is left alone: interpolating it would smooth its noise, by more or less as it happens
to lie. Bicubic interpolation of the scan is scored by the same reference.

Its noise is in every PSNR, and brings good and bad pictures close together. Its power
is estimated and taken out again in `noise_free_psnr_db`; `docs/references.md` shows
how much closer to the truth that is.

The data range of PSNR and SSIM is that of the reference, from its 0.1 to its 99.9
percentile. The resolution is where restored picture and reference, whose noise is
independent, correlate by less than 1/7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import convolve

from pssr_live.errors import SettingsError
from pssr_live.evaluation.baselines import interpolated
from pssr_live.evaluation.frc import ONE_SEVENTH, ring_correlation
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.evaluation.pair import Image, as_picture
from pssr_live.evaluation.registration import Displacement, displacement, inside, undo
from pssr_live.evaluation.squirrel import scaled_error

PERCENTILES = (0.1, 99.9)
UNCERTAIN = 0.05  # of the noise's power: its estimate is no better than that
REACH_SCAN_PX = 2  # pixels of the coarse scan: a beam lies no further beside

_LAPLACIANS = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])

Rectangle = Sequence[int]  # x, y, width, height in pixels of the coarse scan


@dataclass(frozen=True, slots=True)
class ReferenceScore:
    """The figures of one restored frame, and of bicubic interpolation beside it.

    Attributes
    ----------
    data_range_adu : float
        Of PSNR and SSIM.
    noise_adu : float
        Standard deviation of the reference's noise; see `noise_power`.
    psnr_db, ssim, rsp : float
        Against the reference.
    noise_free_psnr_db : float or None
        The same PSNR without the reference's noise; None where there is hardly more
        than that.
    rse_adu : float
        Root mean square of what blur, gain and offset do not explain.
    resolution_px : float or None
        In pixels of the restored picture; None where there is no agreement at all.
    shift_y_px, shift_x_px, correlation : float
        How far the reference lay beside the scan, and how alike both are then.
    """

    data_range_adu: float
    noise_adu: float
    psnr_db: float
    bicubic_psnr_db: float
    noise_free_psnr_db: float | None
    bicubic_noise_free_psnr_db: float | None
    ssim: float
    bicubic_ssim: float
    rsp: float
    bicubic_rsp: float
    rse_adu: float
    bicubic_rse_adu: float
    resolution_px: float | None
    bicubic_resolution_px: float | None
    shift_y_px: float
    shift_x_px: float
    correlation: float


def score_reference(
    restored: Image, scan: Image, reference: Image, rectangle: Rectangle
) -> ReferenceScore:
    """Score one restored frame.

    Parameters
    ----------
    restored : ndarray, (scale * Y, scale * X)
        The whole frame.
    scan : ndarray, (Y, X)
        The raw frame that was restored.
    reference : ndarray, (scale * height, scale * width)
        The scan at full density of a part of it.
    rectangle : sequence of int
        Which part: (x, y, width, height) in pixels of `scan`.

    Raises
    ------
    SettingsError
        If shapes do not fit, or the reference shows nothing to judge by.
    """
    scale = len(restored) // len(scan)
    plain = _part(interpolated(scan, scale), rectangle, scale)
    picture = _part(restored, rectangle, scale)
    if reference.shape != picture.shape:
        raise SettingsError(
            f"A reference of {reference.shape} does not show the part {rectangle} of "
            f"a restored frame of {restored.shape}: take another."
        )
    found = displacement(reference, plain, REACH_SCAN_PX * scale)
    back = Displacement(-found.y_px, -found.x_px, found.correlation)
    picture, plain, wanted = (
        inside(one, found.margin_px)
        for one in (
            undo(picture, back),
            undo(plain, back),
            as_picture(reference, "The reference"),
        )
    )
    low, high = np.percentile(wanted, PERCENTILES)
    if not high > low:
        raise SettingsError(
            f"The reference is {low:g} nearly everywhere: choose a tile that shows "
            "something."
        )
    noise = noise_power(wanted)
    ours = _figures(picture, wanted, float(high - low), noise)
    theirs = _figures(plain, wanted, float(high - low), noise)
    return ReferenceScore(
        data_range_adu=float(high - low),
        noise_adu=math.sqrt(noise),
        **ours,
        **{f"bicubic_{name}": value for name, value in theirs.items()},
        **_shift(found),
    )


def noise_power(picture: Image) -> float:
    """Return the mean variance of the noise of a picture (Y, X), in its units squared.

    From a difference of Laplacians, which takes out everything that is smooth over
    three pixels (Immerkaer, CVIU 1996, with squares for noise that is not the same
    everywhere). A scan coarser than half its optical resolution has detail that passes
    for noise here.
    """
    rough = convolve(as_picture(picture, "The reference"), _LAPLACIANS)[1:-1, 1:-1]
    return float(np.mean(rough**2) / np.sum(_LAPLACIANS**2))


def summarise(scores: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean of all figures, the worst score (by PSNR), and the list.

    Parameters
    ----------
    scores : iterable of mapping
        Fields of `ReferenceScore`, and what else is known of each reference.
    """
    listed = [dict(score) for score in scores]
    if not listed:
        return {"mean": None, "worst": None, "list": []}
    means: dict[str, float | None] = {}
    for name in ReferenceScore.__dataclass_fields__:
        known = [score[name] for score in listed if score[name] is not None]
        means[name] = float(np.mean(known)) if known else None
    worst = min(listed, key=lambda score: float(score["psnr_db"]))
    return {"mean": means, "worst": worst, "list": listed}


def as_facts(score: ReferenceScore) -> dict[str, float | None]:
    """Return the figures by name, as JSON takes them."""
    return asdict(score)


def _part(picture: Image, rectangle: Rectangle, scale: int) -> Image:
    x, y, width, height = (scale * n for n in rectangle)
    return picture[y : y + height, x : x + width]


def _figures(
    picture: Image, wanted: Image, data_range: float, noise: float
) -> dict[str, Any]:
    resolution_px = ring_correlation(picture, wanted).resolution_px(ONE_SEVENTH)
    error = scaled_error(picture, wanted)
    power = float(np.mean((picture - wanted) ** 2)) - noise
    certain = power > UNCERTAIN * noise
    return {
        "psnr_db": psnr(picture, wanted, data_range),
        "noise_free_psnr_db": (
            10 * math.log10(data_range**2 / power) if certain else None
        ),
        "ssim": ssim(picture, wanted, data_range),
        "rsp": error.rsp,
        "rse_adu": error.rse,
        "resolution_px": resolution_px if math.isfinite(resolution_px) else None,
    }


def _shift(found: Displacement) -> dict[str, float]:
    return {
        "shift_y_px": found.y_px,
        "shift_x_px": found.x_px,
        "correlation": found.correlation,
    }
