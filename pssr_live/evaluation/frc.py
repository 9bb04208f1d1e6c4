"""Fourier ring correlation: how fine the detail is on which two pictures agree.

Saxton and Baumeister (J. Microsc. 1982); as a resolution of light microscopes
Nieuwenhuizen et al. and Banterle et al. (both 2013). Both pictures are correlated
ring by ring in frequency space; where the curve falls under a threshold, agreement
ends, and 1 / frequency is the resolution.

Which threshold depends on what is compared:

- two pictures with independent noise: 1/7, or the half-bit curve of van Heel and
  Schatz (J. Struct. Biol. 2005), which allows for rings of few pixels;
- one picture and a truth without noise: the square root of 1/7 (`AGAINST_TRUTH`).
  With S and N the power of signal and noise, two noisy pictures correlate by
  S / (S + N) and one against the truth by its square root, so this threshold falls
  at the same frequency.

There is no variant for a single picture on purpose. Splitting one picture into a
checkerboard takes its noise to be independent from pixel to pixel and its detail to
be well sampled; a restored picture breaks the first, an under-sampled scan the
second. Measured on a random field whose two noisy copies agree down to 6.3 pixels:
the checkerboard gave 6.8 for the noisy picture and 4.0, the finest it can, after
mere smoothing, which adds no detail.

A shared bias, such as detail that a network invents alike in both pictures, is not
seen by correlating two restored pictures: correlate with a truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Image, Real, as_pair, has_contrast

ONE_SEVENTH = 1 / 7
AGAINST_TRUTH = ONE_SEVENTH**0.5
SAMPLING_LIMIT_PX = 2.0  # the finest period that pixels can carry
_SMALLEST = 16  # pixels of a side: under this there are no rings to speak of
_NEIGHBOURS = 2  # rings on either side that share in a smoothed value
_INDEPENDENT = 18 / 35  # of the pixels along a ring; the Hann window binds the rest

Threshold = float | Literal["half-bit"]


@dataclass(frozen=True, slots=True, eq=False)
class RingCorrelation:
    """A Fourier ring correlation curve.

    Attributes
    ----------
    frequency : ndarray, (R,)
        Of each ring, in cycles per pixel, up to 0.5.
    correlation : ndarray, (R,)
        Of both pictures in that ring, -1 to 1.
    samples : ndarray, (R,)
        How many independent values of frequency space the ring holds, both halves
        counted; fewer than its pixels because the window binds neighbours.
    """

    frequency: Real = field(repr=False)
    correlation: Real = field(repr=False)
    samples: Real = field(repr=False)

    def smoothed(self) -> Real:
        """Return the curve averaged over five rings, weighted by their samples."""
        kernel = np.ones(2 * _NEIGHBOURS + 1)
        total = np.convolve(self.correlation * self.samples, kernel, "same")
        mean: Real = total / np.convolve(self.samples, kernel, "same")
        return mean

    def threshold(self, level: Threshold) -> Real:
        """Return what each ring is held against.

        Raises
        ------
        SettingsError
            If `level` is neither between 0 and 1 nor "half-bit".
        """
        if level == "half-bit":
            root = np.sqrt(self.samples)
            half_bit: Real = (0.2071 * root + 1.9102) / (1.2071 * root + 0.9102)
            return half_bit
        if not 0 < level < 1:
            raise SettingsError(
                f"The threshold {level!r} is no level of agreement: give a number "
                'between 0 and 1, such as 1/7, or "half-bit".'
            )
        return np.full_like(self.frequency, level)

    def resolution_px(self, level: Threshold = ONE_SEVENTH) -> float:
        """Return the period, in pixels, at which agreement ends.

        It is 2, the sampling limit, where agreement never ends, and infinite where
        it never begins.
        """
        above = self.smoothed() - self.threshold(level)
        if above[0] <= 0:
            return float("inf")
        fallen = np.flatnonzero(above <= 0)
        if not fallen.size:
            return SAMPLING_LIMIT_PX
        end = fallen[0]
        share = above[end - 1] / (above[end - 1] - above[end])
        step = self.frequency[end] - self.frequency[end - 1]
        return float(1 / (self.frequency[end - 1] + share * step))

    def resolution_um(
        self, pixel_size_um: float, level: Threshold = ONE_SEVENTH
    ) -> float:
        """Return the same in micrometres.

        Raises
        ------
        SettingsError
            If the pixel size is not positive, or the level makes no sense.
        """
        if not pixel_size_um > 0:
            raise SettingsError(
                f"The pixel size {pixel_size_um!r} um is no size: give more than 0."
            )
        return self.resolution_px(level) * pixel_size_um


def ring_correlation(image: Image, other: Image) -> RingCorrelation:
    """Correlate two pictures of one field ring by ring.

    A Hann window takes both to their mean at the edges: without it, the jump
    between opposite edges, alike in both, would pass for agreement at all
    frequencies.

    Parameters
    ----------
    image, other : ndarray, (Y, X)
        Registered; in any units, which need not be the same.

    Returns
    -------
    RingCorrelation
        Zero in all rings if a picture has the same value in all pixels.

    Raises
    ------
    SettingsError
        If the shapes differ, a side is under 16 pixels, or values are not finite.
    """
    a, b = as_pair(image, other)
    if min(a.shape) < _SMALLEST:
        raise SettingsError(
            f"FRC needs 16 x 16 pixels and got {a.shape}: give larger pictures."
        )
    window = np.outer(np.hanning(a.shape[0] + 1)[:-1], np.hanning(a.shape[1] + 1)[:-1])
    if not (has_contrast(a) and has_contrast(b)):
        a = np.zeros_like(a)  # or rounding would be correlated with something
    first, second = _spectrum(a, window), _spectrum(b, window)
    ring = _rings(a.shape)
    last = min(a.shape) // 2
    cross = np.bincount(ring, (first * second.conj()).real.ravel())[1 : last + 1]
    power_a = np.bincount(ring, np.abs(first.ravel()) ** 2)[1 : last + 1]
    power_b = np.bincount(ring, np.abs(second.ravel()) ** 2)[1 : last + 1]
    pixels = np.bincount(ring)[1 : last + 1]
    return RingCorrelation(
        np.arange(1, last + 1) / min(a.shape),
        cross / np.maximum(np.sqrt(power_a * power_b), np.finfo(float).tiny),
        _INDEPENDENT * pixels.astype(np.float64),
    )


def _spectrum(image: Real, window: Real) -> npt.NDArray[np.complex128]:
    mean = np.average(image, weights=window)
    spectrum: npt.NDArray[np.complex128] = np.fft.fft2((image - mean) * window)
    return spectrum


def _rings(shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Return each coefficient's ring, as wide as the shorter side's frequency step."""
    y, x = (np.fft.fftfreq(side) for side in shape)
    ring = np.rint(np.hypot(y[:, None], x) * min(shape))
    return np.asarray(ring.ravel(), np.intp)
