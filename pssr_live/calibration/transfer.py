"""Gain, offset and read noise from the noise of repeated frames: photon transfer.

Grey levels are `offset + gain * n + noise`, n a Poisson number of photons and the
noise Gaussian. Over pixels of equal brightness the variance is
`gain * (mean - offset) + read_noise**2`: its slope against the mean is the gain
(Janesick, Photon Transfer, SPIE 2007). The line alone cannot tell the offset from
the read noise, without a dark frame.

The shape of the noise can. The characteristic function of the difference d of two
frames, E cos(t d), is `exp(-(read_noise * t)**2 - 2 photons (1 - cos(gain * t)))`:
photons are discrete and read noise is not, which shows where there are few photons
or where single photons stand out of the read noise. All three values are fitted to
these functions and the variances together; their uncertainty is the jackknife's over
eighths of the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import least_squares

from pssr_live.calibration.noise import GROUPS, Noise
from pssr_live.evaluation.pair import Real

ROUNDING = 1 / 12  # variance of a grey level rounded to whole numbers
_STEPS = 40  # of t, up to a little beyond one photon's peak
_REACH = 1.05
_HIGHEST = 2 * np.pi / 3  # frequency at which rounding is still like noise
_PEAKS_SHOW = 3.0  # gain over read noise
_FEW_PHOTONS = 2.0
_LEAST_ERROR = 0.003  # of the gain
_STRAIGHT_ERROR = 0.05  # of the gain from the line alone, on real frames
_LEAST_PHOTONS = 0.01  # of the offset
_AS_GOOD = 30.0  # of cost, half a squared residual: neighbours on the curve go along


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """A fitted detector; `error` is (gain, offset, read noise), each one SD.

    `mean_adu` and `variance_adu2` (B,) are the points of the plot; `misfit` is the
    mean squared residual over its expectation.
    """

    gain: float
    offset: float
    read_noise: float
    error: Real
    misfit: float
    mean_adu: Real = field(repr=False)
    variance_adu2: Real = field(repr=False)

    @property
    def tells_dark(self) -> bool:
        """Whether the noise's shape can tell offset and read noise apart at all.

        Else the fit may settle where the photons' peaks drown, with a small error.
        """
        peaks = self.gain > max(_PEAKS_SHOW * self.read_noise, 2 * np.pi / _HIGHEST)
        return peaks or self.mean_adu.min() - self.offset < _FEW_PHOTONS * self.gain


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """What is fitted: sums over groups of pixels (G, B) and, of cosines, (G, B, S)."""

    t: Real
    count: Real
    mean: Real
    square: Real
    cosine: Real
    double: Real
    spread: Real

    def without(self, group: int | None) -> _Points:
        kept = [n for n in range(GROUPS) if n != group]
        count = self.count[kept].sum(0)
        mean, square = (a[kept].sum(0) / count for a in (self.mean, self.square))
        cosine, double = (
            a[kept].sum(0) / count[:, None] for a in (self.cosine, self.double)
        )
        chance = np.maximum((1 + double) / 2 - cosine**2, 1e-9) / count[:, None]
        return _Points(self.t, count, mean, square, cosine, chance, self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    t: Real
    count: Real
    mean: Real
    variance: Real
    cosine: Real
    chance: Real
    spread: Real

    def residuals(self, guess: Real) -> Real:
        gain, offset, read2 = guess
        photons = ((self.mean - offset) / gain)[:, None]
        dip = 1 - np.cos(gain * self.t)
        # Pixels of one bin are not quite of one brightness.
        mixed = 2 * dip**2 * np.minimum(self.spread / gain**2, 1)[:, None]
        logs = -read2 * self.t**2 - 2 * photons * dip + mixed
        model = np.exp(np.minimum(logs, 0)) * np.sinc(self.t / (2 * np.pi)) ** 2
        floor = np.sqrt(self.chance + (1e-3 * model) ** 2)
        line = gain * (self.mean - offset) + read2 + ROUNDING
        expected = np.maximum(line, 1e-3 * self.variance.max())
        off = (self.variance - line) / (expected * np.sqrt(3 / self.count))
        return np.concatenate([off, ((self.cosine - model) / floor).ravel()])


def fit_transfer(noise: Noise) -> Transfer:
    """Fit the detector to the noise of repeated frames."""
    mean, variance = noise.means(), noise.variances()
    gain, at_zero = _line(mean, variance, noise.counts())
    curves = _curves(noise, max(gain, 1e-3 * float(variance.max() / np.ptp(mean))))
    all_points = curves.without(None)
    fits = _fits(all_points, _starts(gain, at_zero, mean, variance))
    best = fits[0][1]
    parts = np.array([_fits(curves.without(n), [best])[0][1] for n in range(GROUPS)])
    error = np.sqrt((GROUPS - 1) * parts.var(axis=0))
    error = np.maximum(error, _curvature_error(all_points, best))
    for cost, other in fits[1:]:  # as good an explanation, and another one
        if cost < fits[0][0] + _AS_GOOD:
            error = np.maximum(error, np.abs(other - best) / 2)
    read_noise = float(np.sqrt(max(best[2], 0)))
    error[2] /= 2 * max(read_noise, np.sqrt(error[2]))
    misfit = float(np.mean(all_points.residuals(best) ** 2))
    return Transfer(
        float(best[0]), float(best[1]), read_noise, error, misfit, mean, variance
    )


def straight(noise: Noise, fit: Transfer) -> Transfer:
    """Return the line of variance against mean alone, for noise of another shape.

    A detector whose gain varies from photon to photon still has such a line. Its
    offset is where the line ends: that of a detector without read noise.
    """
    mean, variance = noise.means(), noise.variances()
    gain, at_zero = _line(mean, variance - ROUNDING, noise.counts())
    parts = []
    for group in range(GROUPS):
        kept = np.arange(GROUPS) != group
        count = noise.count[kept].sum(0)
        level, square = (a[kept].sum(0) / count for a in (noise.level, noise.square))
        slope, end = _line(level, square - ROUNDING, count)
        parts.append((slope, -end / slope, 0.0))
    error = np.sqrt((GROUPS - 1) * np.var(parts, axis=0))
    error[0] = np.hypot(error[0], _STRAIGHT_ERROR * gain)
    return replace(fit, gain=gain, offset=-at_zero / gain, read_noise=0.0, error=error)


def steadied(fit: Transfer, flatter: Transfer) -> Transfer:
    """Return a fit whose errors know what another choice of pixels makes of it.

    What movement leaves in the noise is less on flatter ground, which the jackknife
    cannot see. Nor is any of the values believed further than the model goes.
    """
    values, others = ((t.gain, t.offset, t.read_noise) for t in (fit, flatter))
    apart = np.subtract(others, values)
    least = (_LEAST_ERROR * fit.gain, _LEAST_PHOTONS * fit.gain, 0.02 * fit.read_noise)
    error = np.sqrt(fit.error**2 + apart**2 + np.square(least))
    return replace(fit, error=error)


def _line(mean: Real, variance: Real, count: Real) -> tuple[float, float]:
    weight = np.sqrt(count) / np.maximum(variance, 1e-9)
    for _ in range(3):  # weights of the line's own variances, not of noisy ones
        slope, at_zero = np.polyfit(mean, variance, 1, w=weight)
        fitted = np.maximum(slope * mean + at_zero, variance.min() / 2)
        weight = np.sqrt(count) / np.maximum(fitted, 1e-9)
    return float(slope), float(at_zero)


def _starts(gain: float, at_zero: float, mean: Real, variance: Real) -> list[Real]:
    """Return guesses: from all of the darkest variance photons to all read noise."""
    gain = max(gain, 1e-6)
    dark = max(float(gain * mean.min() + at_zero), float(variance.min()), 1e-6)
    guesses = []
    for share in (0.1, 0.4, 0.8):
        read2 = share * dark
        guesses.append(np.array([gain, (read2 - at_zero) / gain, read2]))
    return guesses


def _fits(points: _Points, starts: list[Real]) -> list[tuple[float, Real]]:
    """Return the cost and values of the fit from each start, the best first."""
    scale = np.maximum(np.abs(starts[0]), 1e-3)
    fits = [
        least_squares(
            points.residuals,
            start,
            x_scale=scale,
            loss="soft_l1",
            f_scale=4.0,
            bounds=([1e-9, -np.inf, -np.inf], np.inf),
            xtol=1e-12,
            ftol=1e-12,
        )
        for start in starts
    ]
    return sorted(((float(fit.cost), fit.x) for fit in fits), key=lambda fit: fit[0])


def _curvature_error(points: _Points, best: Real) -> Real:
    """Return the errors (3,) that the fit's own curvature allows."""
    step = 1e-4 * np.maximum(np.abs(best), 1e-3)
    slopes = [
        (points.residuals(best + h) - points.residuals(best - h)) / (2 * h.sum())
        for h in np.diag(step)
    ]
    size = np.linalg.norm(slopes, axis=1) + 1e-300
    unit = np.array(slopes) / size[:, None]
    spread = np.linalg.pinv(unit @ unit.T, rcond=1e-12)
    error: Real = np.sqrt(np.diag(spread).clip(0)) / size
    return error


def _curves(noise: Noise, gain: float) -> _Curves:
    t = np.arange(1.0, _STEPS + 1) * float(2 * np.pi * _REACH / gain / _STEPS)
    # Frequencies at which the rounding to grey levels would be seen say nothing.
    t = t[t < _HIGHEST]
    if not len(t):
        t = np.array([0.5])
    sums = [noise.cosines(steps) for steps in (t, 2 * t)]
    return _Curves(
        t, noise.count, noise.level, noise.square, sums[0], sums[1], noise.spread
    )
