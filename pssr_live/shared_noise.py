"""Noise that neighbouring pixels share. It looks like structure, also to a network.

How much of it there is shows in flat places, as the correlation of a pixel's noise
with that of the pixels after it. What was filtered, or moves, is alike along the lines
and down; only what is more alike along them is due to a detector slower than a pixel.

A linear detector leaves the noise at low frequencies as it is. Its power there is the
sum of all correlations times the variance of a pixel, and tells the variance that a
quick detector would have had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]

LAGS = 4  # pixels
_FLATTEST = 0.5  # share of the pixels
_LEAST = 0.02  # correlation below which it is none
_SDS = 3.0
_FILTERED = 0.45  # correlation beyond which no raw scan was found
_SMOOTHLY = 2.5  # the second correlation is less than the first to this power
_ENOUGH_PX = 512  # sides of the part that is looked at
_WIDTHS_PX = np.linspace(0.05, 3.0, 296)


@dataclass(frozen=True, slots=True)
class Shared:
    """How alike the noise of pixels is, by distance.

    Attributes
    ----------
    across, down : ndarray, (LAGS,)
        Correlations with the pixel 1, 2, ... further along the line, and below.
    error : float
        Standard deviation of the first of them.
    """

    across: Real
    down: Real
    error: float

    @property
    def along_lines(self) -> float:
        """Correlation of next neighbours in a line, beyond that of lines."""
        return float(self.across[0] - self.down[0])

    @property
    def shows(self) -> bool:
        """Whether that stands out of chance."""
        return self.along_lines > max(_LEAST, _SDS * self.error)

    @property
    def width_px(self) -> tuple[float, float]:
        """The Gaussian along the line that shares as much: its SD, and the error."""
        known = [alike(width, 1) for width in _WIDTHS_PX]
        ends = (self.along_lines - self.error, self.along_lines + self.error)
        low, high = np.interp(ends, known, _WIDTHS_PX)
        width = float(np.interp(self.along_lines, known, _WIDTHS_PX))
        return width, float(high - low) / 2

    @property
    def quicker(self) -> float:
        """Variance that a quick detector would have had, over that of a pixel."""
        extra = self.across - self.down
        ends = np.flatnonzero(extra < max(_LEAST, _SDS * self.error))
        return float(1 + 2 * extra[: ends[0] if len(ends) else None].sum())


def shared_noise(differences: Real, slope: Real) -> Shared:
    """Return how alike neighbours are in `differences` (T - 1, Y, X) of frames.

    `slope` (Y, X) is how steep the mean picture is: steep places are left out.
    """
    flat = slope <= np.quantile(slope, _FLATTEST)
    noise = differences - differences.mean(2, keepdims=True)  # lines have offsets
    noise = noise - noise.mean(1, keepdims=True)
    across = np.array([_alike(noise, flat, lag, axis=2) for lag in range(1, LAGS + 1)])
    down = np.array([_alike(noise, flat, lag, axis=1) for lag in range(1, LAGS + 1)])
    first = across[0] - down[0]
    chance = np.sqrt(2 / (flat.sum() * len(noise)))
    scatter = first.std(ddof=1) / np.sqrt(len(first)) if len(first) > 1 else 0.0
    return Shared(across.mean(1), down.mean(1), float(np.hypot(chance, scatter)))


def filtered(frames: npt.NDArray[np.generic]) -> str:
    """Say whether consecutive `frames` (T, Y, X) were filtered; "" if not, or unknown.

    What moves is alike over several pixels, and what was filtered over one or two: so
    a quiet film of a moving sample is not taken for filtered.
    """
    many, *sides = frames.shape
    if many < 3 or min(sides) < 4 * LAGS:
        return ""
    middle = tuple(
        slice(max((side - _ENOUGH_PX) // 2, 0), (side + _ENOUGH_PX) // 2)
        for side in sides
    )
    seen = frames[:, middle[0], middle[1]].astype(np.float64)
    shared = shared_noise(np.diff(seen, axis=0), _slope(seen.mean(0)))
    ways = (shared.across, shared.down)
    if min(way[0] for way in ways) < _FILTERED:
        return ""
    if any(way[1] > way[0] ** _SMOOTHLY for way in ways):
        return ""
    return (
        "The noise of neighbouring pixels is alike (correlation "
        f"{shared.down[0]:.2f} down, {shared.across[0]:.2f} across): the frames were "
        "filtered or resampled, if only by the camera. The model takes such noise for "
        "structure: restore raw frames, or use a model that learned from filtered "
        "ones, as mito-mf5-x4-best did."
    )


def loudness(width_px: float) -> float:
    """Return the variance that white noise of variance 1 has left after a Gaussian."""
    return float((_kernel(width_px) ** 2).sum())


def alike(width_px: float, lag: int) -> float:
    """Return the correlation of white noise with itself `lag` pixels on, likewise."""
    kernel = _kernel(width_px)
    return float((kernel[lag:] * kernel[:-lag]).sum() / (kernel**2).sum())


def _slope(picture: Real) -> Real:
    """Return how steep a picture (Y, X) is, over three pixels each way."""
    padded = np.pad(picture, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    smooth = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    steep: Real = np.hypot(*np.gradient(smooth))
    return steep


def _alike(noise: Real, flat: npt.NDArray[np.bool_], lag: int, axis: int) -> Real:
    """Return the correlation of pixels `lag` apart, for each difference (T - 1,)."""
    here, there = (np.arange(noise.shape[axis] - lag) + shift for shift in (0, lag))
    both = flat.take(here, axis - 1) & flat.take(there, axis - 1)
    one, other = (noise.take(at, axis)[:, both] for at in (here, there))
    alike: Real = (one * other).sum(1) / ((one**2 + other**2).sum(1) / 2 + 1e-12)
    return alike


def _kernel(width_px: float) -> Real:
    weight = np.exp(-0.5 * (np.arange(-12, 13) / max(width_px, 0.05)) ** 2)
    normal: Real = weight / weight.sum()
    return normal
