"""How sure the values of a pair are: standard deviations, from the pair itself.

Both scans are noisy, and lines that are displaced together, as by a slow wobble,
leave residuals that are alike. So nothing is taken from single pixels: the scatter is
that between bands of lines.

Pixels are those of the high scan unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pssr_live.calibration.degraded import Degraded, Rows
from pssr_live.calibration.values import Measured
from pssr_live.evaluation.pair import Real

_BANDS = 8
_STEP_PX = 0.25
_RESOLVED_PX = 0.005  # what the search for the best place leaves open


def measured(model: Degraded, values: Real, blunt_px: float) -> dict[str, Measured]:
    """Return shift, blur (y and x each), ratio and offset with their errors.

    `values` are (shift y, shift x, sigma y, sigma x). `blunt_px` is the blur that
    comes out without the correction for noise; the correction is not trusted to
    better than half of what it changes.
    """
    blur = np.hypot(_blur_errors(model, values), (values[2:] - blunt_px) / 2)
    named = {
        "shift_y_px": values[0],
        "shift_x_px": values[1],
        "blur_y_px": values[2],
        "blur_x_px": values[3],
        "gain_ratio": model.line(values)[0],
        "offset_difference_adu": model.line(values)[1],
    }
    shift = _shift_errors(model, values)
    errors = [*shift, *blur, *_line_errors(model, values, blur)]
    return {
        name: Measured(value=float(value), uncertainty=float(error))
        for (name, value), error in zip(named.items(), errors, strict=True)
    }


def _shift_errors(model: Degraded, values: Real) -> Real:
    """Return the errors (2,): what the noise pulls, over how hard the sample holds.

    What holds is how fast the product of both scans falls with the shift: their noise
    is independent and has no part in it, as it would have in the slopes of one scan.
    """
    down, across = np.eye(4)[:2] * _STEP_PX

    def seen(step: Real) -> Real:
        return model.inner(values + step)[1]

    low, middle, _ = model.inner(values)
    low = low - low.mean()
    ratio = model.line(values)[0]
    twice = [
        [
            (seen(a + b) - seen(a - b) - seen(b - a) + seen(-a - b))
            for b in (down, across)
        ]
        for a in (down, across)
    ]
    holds = -ratio * np.array([[(low * t).sum() for t in row] for row in twice])
    holds /= 4 * _STEP_PX**2
    slopes = np.stack(
        [ratio * (seen(a) - seen(-a)) / (2 * _STEP_PX) for a in (down, across)]
    )
    pulls = slopes * (low - ratio * (middle - middle.mean()))
    bands = np.array([b.sum((1, 2)) for b in np.array_split(pulls, _BANDS, axis=1)])
    pull = np.cov(bands.T) * _BANDS
    gives = np.linalg.pinv(holds)
    errors: Real = np.sqrt(np.diag(gives @ pull @ gives.T) + _RESOLVED_PX**2)
    return errors


def _blur_errors(model: Degraded, values: Real) -> Real:
    """Return the errors (2,), by the jackknife."""
    ratio = model.line(values)[0]
    low, seen, _ = model.inner(values)
    base = np.maximum(values, [-np.inf, -np.inf, 0.3, 0.3])
    columns = [np.ones_like(seen), seen]
    for step in 0.1 * np.eye(4)[2:]:
        apart = model.inner(base + step)[1] - model.inner(base - step)[1]
        columns.append(ratio * apart / 0.2)
    slopes = np.stack(columns, axis=-1)
    wanted = low - ratio * seen
    found: list[Real] = []
    for kept in _without_a_band(len(low)):
        flat = slopes[kept].reshape(-1, len(columns))
        fit = np.linalg.lstsq(flat, wanted[kept].ravel(), rcond=None)[0]
        found.append(np.asarray(fit[2:], np.float64))
    return _scatter(found)


def _line_errors(model: Degraded, values: Real, blur: Real) -> Real:
    """Return the errors (2,) of ratio and offset: the jackknife's, and the blur's."""
    best = np.array(model.line(values))
    lines = len(model.inner(values)[0])
    bands = [np.array(model.line(values, rows)) for rows in _without_a_band(lines)]
    sharper, softer = (
        np.array(model.line(np.concatenate([values[:2], sigma])))
        for sigma in (np.maximum(values[2:] - blur, 0), values[2:] + blur)
    )
    errors: Real = np.hypot(
        _scatter(bands), np.maximum(np.abs(sharper - best), np.abs(softer - best))
    )
    return errors


def _without_a_band(lines: int) -> list[Rows]:
    every = np.arange(lines)
    return [np.setdiff1d(every, band) for band in np.array_split(every, _BANDS)]


def _scatter(without: Sequence[Real]) -> Real:
    scatter: Real = np.sqrt((_BANDS - 1) * np.var(np.array(without), axis=0))
    return scatter
