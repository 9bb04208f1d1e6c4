"""All methods on one frame: which pictures they give, and how good each is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pssr_live.errors import SettingsError
from pssr_live.evaluation.baselines import classical, interpolated
from pssr_live.evaluation.case import (
    BICUBIC,
    CLASSICAL,
    NOT_KNOWN,
    RESTORED,
    Case,
    Judged,
    Pictures,
    Score,
)
from pssr_live.evaluation.flicker import TOLERANCE, rms_change, static_region
from pssr_live.evaluation.frc import AGAINST_TRUTH, ring_correlation
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.evaluation.normalised import normalised_psnr, normalised_ssim
from pssr_live.evaluation.pair import Image, as_pair, has_contrast
from pssr_live.evaluation.registration import displacement, inside, undo
from pssr_live.evaluation.squirrel import scaled_error

Figures = dict[str, float]


def judge(
    case: Case, before: Judged | None, data_range: float, register: bool
) -> Judged:
    """Score all methods on one case.

    Parameters
    ----------
    case : Case
        Its truth must be fit; see `why_unfit`.
    before : Judged or None
        The case before it, for flicker.
    data_range : float
        For PSNR and SSIM, in the units of the pictures.
    register : bool
        Move the truth onto the scan first. The displacement is measured on the
        interpolated scan, never on the restored picture where there is a scan: a
        restoration that moves things must pay for it, and all methods must be
        judged by the same truth.

    Raises
    ------
    SettingsError
        If shapes do not fit, or a picture holds NaN.
    """
    as_pair(case.restored, case.truth)
    pictures = _pictures(case)
    truth, shift, margin = case.truth, (0.0, 0.0), (0, 0)
    guide = pictures.get(BICUBIC, case.restored)
    if register and has_contrast(np.asarray(guide, np.float64)):
        found = displacement(case.truth, guide)
        truth, shift = undo(case.truth, found), (found.y_px, found.x_px)
        margin = found.margin_px
    wanted = inside(truth, margin)
    now = Judged(case, pictures, truth, (), margin)
    scores = [
        Score(
            case.scene,
            case.frame,
            method,
            **_against_truth(inside(picture, margin), wanted, data_range),
            **_against_scan(picture, case.scan),
            **_flicker(method, now, before, data_range),
            shift_y_px=shift[0],
            shift_x_px=shift[1],
        )
        for method, picture in pictures.items()
    ]
    return replace(now, scores=tuple(scores))


def _pictures(case: Case) -> Pictures:
    if case.window is None:
        return {RESTORED: case.restored}
    if case.window.ndim != 3 or not 0 <= case.target < len(case.window):
        raise SettingsError(
            f"A window of {case.window.shape} with target {case.target} has no such "
            "frame: give (T, h, w) and which of the T was restored."
        )
    scale = len(case.truth) // case.window.shape[1]
    if case.truth.shape != tuple(scale * side for side in case.window.shape[1:]):
        raise SettingsError(
            f"A truth of {case.truth.shape} is no whole multiple of a scan of "
            f"{case.window.shape[1:]}: crop both to one field."
        )
    return {
        RESTORED: case.restored,
        BICUBIC: interpolated(case.window[case.target], scale),
        CLASSICAL: classical(case.window, scale),
    }


def _against_truth(picture: Image, truth: Image, data_range: float) -> Figures:
    resolution_px = ring_correlation(picture, truth).resolution_px(AGAINST_TRUTH)
    return {
        "psnr_db": psnr(picture, truth, data_range),
        "ssim": ssim(picture, truth, data_range),
        "normalised_psnr_db": normalised_psnr(picture, truth),
        "normalised_ssim": normalised_ssim(picture, truth),
        "frc_cycles_per_px": 1 / resolution_px,
    }


def _against_scan(picture: Image, scan: Image | None) -> Figures:
    if scan is None or not has_contrast(np.asarray(scan, np.float64)):
        return {"rsp": NOT_KNOWN, "rse": NOT_KNOWN}
    error = scaled_error(picture, scan)
    return {"rsp": error.rsp, "rse": error.rse}


def _flicker(
    method: str, now: Judged, before: Judged | None, data_range: float
) -> Figures:
    follows = before is not None and (
        (before.case.scene, before.case.frame + 1) == (now.case.scene, now.case.frame)
    )
    if before is None or not follows or method not in before.pictures:
        return {"flicker": NOT_KNOWN, "truth_flicker": NOT_KNOWN}
    (y, x), (other_y, other_x) = before.margin_px, now.margin_px
    margin = max(y, other_y), max(x, other_x)
    old, new = inside(before.truth, margin), inside(now.truth, margin)
    still = static_region(old, new, TOLERANCE * data_range)
    shown = [inside(one.pictures[method], margin) for one in (before, now)]
    return {
        "flicker": rms_change(shown[0], shown[1], still),
        "truth_flicker": rms_change(old, new, still),
    }
