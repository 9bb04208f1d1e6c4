"""A calibration from a low-density and a high-density scan of one field.

The low scan is taken for the high one, displaced, blurred by a Gaussian that may
differ between the axes, sampled at the low scan's pixel centres, times a ratio, plus
an offset; see `degraded`. A registration comes first: real pairs are displaced by
several pixels. Then the place is refined, and with it held the blur is fitted.

Pixels are those of the high scan unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize

from pssr_live.calibration.alignment import LARGEST_PX, check_upright, distortion
from pssr_live.calibration.confidence import measured
from pssr_live.calibration.degraded import Degraded
from pssr_live.calibration.stack import Pixels, check_frames, check_still
from pssr_live.calibration.values import Calibration, Source
from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Real
from pssr_live.evaluation.registration import displacement

_LEAST_ALIKE = 0.4
_LARGEST_SCALE = 16
_NOT_IN_A_PAIR = ("gain_adu_per_photon", "offset_adu", "read_noise_adu")
_NEEDS_REPEATS = "a pair does not tell; give repeated frames of one field"


@dataclass(frozen=True, slots=True, eq=False)
class PairFit:
    """What was fitted to a pair, with the pictures to judge it by, (Y, X) each.

    `low` is the low scan, `predicted` what the fit makes of the high one.
    """

    calibration: Calibration
    low: Real = field(repr=False)
    predicted: Real = field(repr=False)


def fit_pair(
    low: Pixels,
    high: Pixels,
    *,
    names: tuple[str, str] = ("the low-density scan", "the high-density scan"),
    pixel_size_um: float | None = None,
) -> PairFit:
    """Fit what a low-density scan makes of a high-density one.

    Parameters
    ----------
    low, high : ndarray of integers, (T, Y, X)
        Scans of the same field; several frames of either are averaged.
    names : tuple of str
        What to call them in errors and in the calibration.
    pixel_size_um : float, optional
        Distance of neighbouring pixels of the high scan.

    Raises
    ------
    SettingsError
        If their sizes are in no whole ratio, they do not show the same, or one of
        them is constant, saturated or moving.
    """
    scale = _scale(low.shape[1:], high.shape[1:])
    for frames, name in ((low, names[0]), (high, names[1])):
        check_frames(frames, name)
        check_still(frames.astype(np.float64), name)
    model = Degraded(low.mean(0), high.mean(0), scale)
    start = _registered(model, names)
    found, blunt = _fitted(model, start)
    predicted, alike = model.predicted(found)
    source = Source(
        kind="pair",
        files=names,
        frames=len(low),
        shape_px=high.shape[1:],
        pixel_size_um=pixel_size_um,
        scale=scale,
    )
    values: dict[str, Any] = dict(measured(model, found, blunt))
    missing = dict.fromkeys(_NOT_IN_A_PAIR, _NEEDS_REPEATS)
    low_inside, seen, _ = model.inner(found)
    apart = distortion(low_inside, seen)
    if apart is not None and apart.apart_px > LARGEST_PX:
        del values["blur_y_px"], values["blur_x_px"]
        missing |= dict.fromkeys(("blur_y_px", "blur_x_px"), apart.in_words())
    calibration = Calibration(
        source=source, correlation=alike, not_identifiable=missing, **values
    )
    return PairFit(calibration, model.low, predicted)


def _registered(model: Degraded, names: tuple[str, str]) -> tuple[float, float]:
    """Return the shift (y, x) to start from; widens the edge that is left out."""
    seen, _ = model.sampled(np.array([0, 0, 0.4 * model.scale, 0.4 * model.scale]))
    found = displacement(model.low, seen)
    check_upright(model.low, seen, found.correlation, names)
    if found.correlation < _LEAST_ALIKE:
        raise SettingsError(
            f"{names[0]} and {names[1]} have a correlation of {found.correlation:.2f} "
            f"at best and {_LEAST_ALIKE} is needed: give two scans of the same field."
        )
    model.edge += max(found.margin_px)
    return found.y_px * model.scale, found.x_px * model.scale


def _fitted(model: Degraded, start: tuple[float, float]) -> tuple[Real, float]:
    """Return shift and sigma, (4,), and sigma without the correction for noise."""
    sigma = 0.4 * model.scale
    # The place first, without correction for noise: that favours blur, and a blurred
    # picture cannot be pulled to where its noise happens to fit.
    place = _minimum(
        lambda v: model.cost(np.array([v[0], v[1], v[2], v[2]]), corrected=False),
        np.array([*start, sigma]),
    )
    blur = _minimum(
        lambda v: model.cost(np.array([*place[:2], *v])),
        np.array([0.3 * model.scale, 0.3 * model.scale]),
    )
    return np.array([*place[:2], *np.abs(blur)]), abs(float(place[2]))


def _minimum(cost: Callable[[Real], float], start: Real) -> Real:
    step = 0.5 * np.eye(len(start))
    found: Real = minimize(
        cost,
        start,
        method="Nelder-Mead",
        options={
            "initial_simplex": np.vstack([start, start + step]),
            "maxfev": 90,
            "xatol": 3e-3,
            "fatol": 1e-5,
        },
    ).x
    return found


def _scale(low: tuple[int, ...], high: tuple[int, ...]) -> int:
    scale = round(high[0] / low[0])
    if not 1 <= scale <= _LARGEST_SCALE or tuple(scale * n for n in low) != high:
        raise SettingsError(
            f"Scans of {low} and {high} pixels are in no whole ratio from 1 to "
            f"{_LARGEST_SCALE}: give two scans of the same field, the same for both "
            "axes."
        )
    return scale
