"""The noise of repeated frames, sorted by brightness.

Differences of consecutive frames hold no sample, if it keeps still; what slow drift,
bleaching and line jitter leave in them is fitted and taken out first: a share of the
mean picture and of its slope for each difference, a displacement along the fast axis
for each line. Pixels on steep edges are left out, since there the rest of such
changes is largest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from pssr_live.evaluation.pair import Real

GROUPS = 8
BINS = 24
_SMOOTH_PX = 1.0
FLATTEST = 0.15  # share of pixels kept
_CLIPPED = 0.005  # share of clipped samples beyond which a bin is left out


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Sums over pixels by group (of the jackknife) and bin (of brightness), (G, B).

    Attributes
    ----------
    count, level, square : ndarray, (G, B)
        Differences, and sums over them of grey level and of half the squared
        difference.
    spread : ndarray, (B,)
        Variance of the true brightness within a bin, in squared grey levels.
    limits : tuple of int
        The lowest and the highest grey level.
    """

    count: Real
    level: Real
    square: Real
    spread: Real
    limits: tuple[int, int]
    differences: list[list[npt.NDArray[np.float32]]] = field(repr=False)

    def clipped(self) -> str:
        """Say whether levels of brightness were left out."""
        lost = BINS - len(self.spread)
        if not lost:
            return ""
        low, high = self.limits
        return (
            f"{lost} of {BINS} levels of brightness are left out, since their pixels "
            f"are clipped at {low} or {high} ADU."
        )

    def counts(self) -> Real:
        """Return the differences in each bin, (B,)."""
        total: Real = self.count.sum(0)
        return total

    def means(self) -> Real:
        """Return the mean grey level of each bin, (B,)."""
        mean: Real = self.level.sum(0) / self.counts()
        return mean

    def variances(self) -> Real:
        """Return the variance of one frame in each bin, (B,)."""
        variance: Real = self.square.sum(0) / self.counts()
        return variance

    def cosines(self, t: Real) -> Real:
        """Return the sums of cos(t * difference), (G, B, S)."""
        return np.array(
            [
                [
                    [np.cos(np.float32(s) * d).sum(dtype=np.float64) for s in t]
                    for d in b
                ]
                for b in self.differences
            ]
        )


def noise_of(frames: Real, differences: Real, flattest: float = FLATTEST) -> Noise:
    """Sort the `differences` (T - 1, Y, X) of `frames` (T, Y, X) by brightness.

    Of each brightness the share `flattest` of the pixels is used, those on the least
    slopes.
    """
    mean = frames.mean(0)
    guide = gaussian_filter(mean, _SMOOTH_PX)
    slope = np.hypot(
        gaussian_filter(mean, _SMOOTH_PX, order=(0, 1)),
        gaussian_filter(mean, _SMOOTH_PX, order=(1, 0)),
    ).ravel()
    flat, apart = frames.reshape(len(frames), -1), differences.reshape(-1, guide.size)
    halves = flat[0::2].mean(0), flat[1::2].mean(0)
    lowest, highest = frames.min(), frames.max()
    step = level_step(frames)
    kept, spread = [], []
    for pixels in np.array_split(np.argsort(guide.ravel()), BINS):
        pixels = pixels[slope[pixels] <= np.quantile(slope[pixels], flattest)]
        seen = flat[:, pixels]
        if not (_piled(seen, lowest, step) or _piled(seen, highest, -step)):
            kept.append(pixels)
            spread.append(max(float(np.cov(*(h[pixels] for h in halves))[0, 1]), 0))
    limits = int(lowest), int(highest)
    return _sums(flat, apart, kept, np.array(spread), limits)


def level_step(frames: Real) -> int:
    """Return how far grey levels are apart: 16 for 12 bits in the upper ones of 16."""
    levels = np.unique(frames).astype(np.int64)
    return int(np.gcd.reduce(levels - levels[0]))


def _piled(grey: Real, edge: float, inwards: float) -> bool:
    """Say whether values lie at the edge that would be beyond it.

    Where the last level is no fuller than those before, it is just the last.
    """
    share = float(np.mean(grey == edge))
    before = float(np.mean(grey == edge + inwards))
    return share > _CLIPPED and share > before


def _sums(
    flat: Real,
    apart: Real,
    kept: list[npt.NDArray[np.intp]],
    spread: Real,
    limits: tuple[int, int],
) -> Noise:
    # Neighbours differ in group, so that all groups see the whole field.
    groups = [[pixels[pixels % GROUPS == n] for pixels in kept] for n in range(GROUPS)]

    def each(total: npt.NDArray[np.float64]) -> Real:
        return np.array([[total[pixels].sum() for pixels in row] for row in groups])

    return Noise(
        count=each(np.full(flat.shape[1], float(len(apart)))),
        level=each(flat.mean(0) * len(apart)),
        square=each((apart**2).sum(0) / 2),
        spread=spread,
        limits=limits,
        differences=[
            [apart[:, pixels].ravel().astype(np.float32) for pixels in row]
            for row in groups
        ],
    )
