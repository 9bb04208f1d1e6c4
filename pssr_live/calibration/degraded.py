"""What a low-density scan should show, computed from a high-density one.

The high scan is displaced, blurred by a Gaussian and sampled at the low scan's pixel
centres, all of it in its Fourier transform: exact for what it can hold.

The high scan is noisy too. Ordinary least squares takes that for a smaller ratio
and, since blur removes noise, for more blur; here the part of the noise that each blur
lets through is computed and subtracted (Fuller, Measurement Error Models, 1987).

Pixels are those of the high scan unless said otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pssr_live.evaluation.pair import Real

Rows = npt.NDArray[np.intp]
Complex = npt.NDArray[np.complex128]
EDGE_LOW_PX = 3  # what a displacement of less than a pixel and the blur bring in


class Degraded:
    """The cost of (shift y, shift x, sigma y, sigma x), in high pixels, for a pair."""

    def __init__(self, low: Real, high: Real, scale: int) -> None:
        self.low, self.high, self.scale = low, high, scale
        self._noise = _noise_variance(high)
        self._centre = float(high.mean())
        self._spectrum = np.fft.fft2(high - self._centre)
        self.edge = EDGE_LOW_PX

    def sampled(self, values: Real) -> tuple[Real, float]:
        """Return what is seen of the high scan, and the variance of its noise."""
        down, across = (
            _transfer(many, self.scale, values[n], values[2 + n])
            for n, many in enumerate(self.high.shape)
        )
        spectrum = self._spectrum * down[:, None] * across
        # To leave pixels out is to lay frequencies on each other.
        n, (rows, columns) = self.scale, self.low.shape
        folded = spectrum.reshape(n, rows, n, columns).sum(axis=(0, 2)) / n**2
        passed = np.mean(np.abs(down) ** 2) * np.mean(np.abs(across) ** 2)
        return np.fft.ifft2(folded).real, float(self._noise * passed)

    def cost(self, values: Real, *, corrected: bool = True) -> float:
        """Return what is left of the low scan's variance, relative to it."""
        low, seen, noise = self.inner(values)
        power = float(seen.var())
        power = max(power - noise * corrected, 1e-3 * power)
        both = float(np.mean((low - low.mean()) * (seen - seen.mean())))
        return 1 - both * abs(both) / power / float(low.var())

    def line(self, values: Real, rows: Rows | None = None) -> tuple[float, float]:
        """Return the ratio of grey levels and the offset; of some rows only."""
        low, seen, noise = self.inner(values)
        if rows is not None:
            low, seen = low[rows], seen[rows]
        both = float(np.mean((low - low.mean()) * (seen - seen.mean())))
        ratio = both / (float(seen.var()) - noise)
        return ratio, float(low.mean() - ratio * (seen.mean() + self._centre))

    def predicted(self, values: Real) -> tuple[Real, float]:
        """Return what the low scan should be, and its correlation with what it is."""
        ratio, offset = self.line(values)
        seen = self.sampled(values)[0] + self._centre
        low, inner, _ = self.inner(values)
        alike = float(np.corrcoef(low.ravel(), inner.ravel())[0, 1])
        return ratio * seen + offset, alike

    def inner(self, values: Real) -> tuple[Real, Real, float]:
        """Return both without their edges, and the variance of the noise."""
        seen, noise = self.sampled(values)
        inside = slice(self.edge, -self.edge)
        return self.low[inside, inside], seen[inside, inside], noise


def _transfer(many: int, scale: int, shift: float, sigma: float) -> Complex:
    """Return what displaces and blurs one axis, by frequency, (many,).

    The middle of the first pixel of the low scan comes to lie on index 0.
    """
    k = np.fft.fftfreq(many)
    ahead = (scale - 1) / 2 - shift
    transfer: Complex = np.exp(2j * np.pi * k * ahead - 2 * (np.pi * sigma * k) ** 2)
    return transfer


def _noise_variance(picture: Real) -> float:
    """Return the variance of white noise: the power where optics pass nothing."""
    spectrum = np.fft.fft2(picture - picture.mean())
    down, across = (np.abs(np.fft.fftfreq(side)) > 0.4 for side in picture.shape)
    power = np.abs(spectrum[np.ix_(down, across)]) ** 2
    # The median, since a few lines of a detector's hum may lie there.
    return float(np.median(power) / np.log(2) / picture.size)
