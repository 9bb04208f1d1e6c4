"""The PSF from the power spectrum of a picture, as far as the sample lets it show.

A Gaussian PSF multiplies the sample's power by exp(-(2 pi sigma k)**2). The sample's
own power is not known, and is taken to fall as a power of the frequency: as k**-3 for
bodies with sharp edges (Porod's law in two dimensions), k**-1 for thin lines, k**0
for points such as beads. How much sigma changes when that exponent is wrong by 1 goes
into its uncertainty; for points there is no such doubt, and little for gold on carbon,
which has sharp edges and nothing else.

Detail with a width of its own, such as the membranes of a stained section, cannot be
told from a PSF of that width: such a sample gives no value.

Noise has no say: the spectrum is the product of two halves of the frames, whose noise
is independent. Only frequencies near the slow axis count, since the dwell and line
jitter blur the fast one. Frequencies k in cycles per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pssr_live.evaluation.pair import Real

Detail = Literal["edges", "lines", "points", "gold"]
EXPONENTS: dict[Detail, int] = {"edges": 3, "lines": 1, "points": 0, "gold": 3}
# How wrong the exponent may be: of a sample, and of a test specimen.
DOUBTS: dict[Detail, float] = {"edges": 1, "lines": 1, "points": 0, "gold": 0.3}
_LOWEST = 0.03  # below, the field's own layout shows
_RINGS = 48
_WEDGE = 2.0  # at least so much steeper than the diagonal
_ABOVE_NOISE = 3.0
_LEAST_RINGS = 6
_TAPER = 2.5  # modes that a tapered field makes of one


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A radial power spectrum with the fitted PSF.

    Attributes
    ----------
    frequency, power, noise : ndarray, (R,)
        Cycles per pixel; power of the sample, and of the noise in the mean.
    sigma_px, error_px : float or None
        Standard deviation of the PSF and its uncertainty; None where too little of
        the spectrum is above the noise.
    fitted : ndarray, (R,)
        The fitted power; NaN where it was not fitted.
    """

    frequency: Real = field(repr=False)
    power: Real = field(repr=False)
    noise: Real = field(repr=False)
    sigma_px: float | None
    error_px: float | None
    fitted: Real = field(repr=False)


def fit_spectrum(frames: Real, detail: Detail = "edges") -> Spectrum:
    """Fit a PSF to frames (T, Y, X) of a sample whose finest detail is `detail`."""
    frequency, power, noise, modes = _rings(frames)
    chance = noise / np.sqrt(modes)
    hidden = power < _ABOVE_NOISE * chance
    end = int(hidden.argmax()) if hidden.any() else len(power)
    fitted = np.full(len(power), np.nan)
    if end < _LEAST_RINGS:
        return Spectrum(frequency, power, noise, None, None, fitted)
    k, signal = frequency[:end], power[:end]
    weight = 1 / np.sqrt((chance[:end] / signal) ** 2 + 1 / modes[:end])
    exponent = EXPONENTS[detail]
    (level, variance), statistical = _fit(k, signal, weight, exponent)
    doubt = DOUBTS[detail]
    others = [_fit(k, signal, weight, exponent + d)[0][1] for d in (-doubt, doubt)]
    error = np.hypot(statistical, np.abs(np.array(others) - variance).max())
    fitted[:end] = np.exp(level - (2 * np.pi * k) ** 2 * variance) * k**-exponent
    sigma = float(np.sqrt(max(variance, 0)))
    error_px = float(error / (2 * max(sigma, np.sqrt(error))))
    return Spectrum(frequency, power, noise, sigma, error_px, fitted)


def _fit(k: Real, power: Real, weight: Real, exponent: float) -> tuple[Real, float]:
    """Return (logarithm of the level, sigma**2), and the error of the latter."""
    columns = np.stack([np.ones(len(k)), -((2 * np.pi * k) ** 2)], axis=1)
    wanted = np.log(power) + exponent * np.log(k)
    weighted = columns * weight[:, None]
    found = np.linalg.lstsq(weighted, wanted * weight, rcond=None)[0]
    return np.asarray(found, np.float64), float(
        np.sqrt(np.linalg.pinv(weighted.T @ weighted)[1, 1])
    )


def _rings(frames: Real) -> tuple[Real, Real, Real, Real]:
    """Return frequency, power, noise and the number of modes of each ring."""
    halves = frames[0::2].mean(0), frames[1::2].mean(0)
    window = np.outer(*(np.hanning(side) for side in halves[0].shape))
    one, two = (np.fft.fft2((half - half.mean()) * window) for half in halves)
    down, across = (np.abs(np.fft.fftfreq(side)) for side in one.shape)
    radius = np.hypot(down[:, None], across)
    near = (down[:, None] >= _WEDGE * across) & (radius <= 0.5)
    ring = np.digitize(radius[near], np.linspace(_LOWEST, 0.5, _RINGS))
    count = np.bincount(ring, minlength=_RINGS + 1)

    def mean(values: Real) -> Real:
        total = np.bincount(ring, values[near], minlength=_RINGS + 1)
        ringed: Real = (total / np.maximum(count, 1))[used]
        return ringed

    used = (count >= _LEAST_RINGS) & (np.arange(_RINGS + 1) > 0)
    power, noise = (one * two.conj()).real, np.abs(one - two) ** 2 / 4
    return mean(radius), mean(power), mean(noise), np.maximum(count[used] / _TAPER, 1)
