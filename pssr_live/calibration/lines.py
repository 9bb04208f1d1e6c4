"""What differs between repeated frames besides noise: drift, fading, line jitter.

Taken to first order: a line displaced by a little differs by its own slope times the
displacement. The mean picture stands for the truth; what its slopes hold of noise is
known from how its two halves agree, and corrected for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter

from pssr_live.evaluation.pair import Real
from pssr_live.shared_noise import Shared, shared_noise

_SMOOTH_PX = 0.7
_NO_CHANCE = 1e-300  # lines of one grey level in all frames, as in a black border


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Differences of consecutive frames without drift, fading and line jitter.

    Attributes
    ----------
    differences : ndarray, (T - 1, Y, X)
        In grey levels.
    jitter_px : float
        RMS displacement of a line along the fast axis in one frame.
    jitter_error_px : float
        Its standard deviation.
    shared : Shared
        How much of their noise neighbours have in common.
    """

    differences: Real = field(repr=False)
    jitter_px: float
    jitter_error_px: float
    shared: Shared


def separate(frames: Real) -> Lines:
    """Take drift, fading and jitter out of the differences of `frames` (T, Y, X)."""
    mean = frames.mean(0)
    guide = gaussian_filter(mean, 1.0)
    down = gaussian_filter(mean, 1.0, order=(1, 0))
    across = gaussian_filter(mean, _SMOOTH_PX, order=(0, 1))
    known = np.stack([np.ones(mean.size), guide.ravel(), down.ravel()], axis=1)
    power = (across**2).sum(1) + 1e-12
    parts = across**2 / power[:, None]
    rests = [_without_slow(after - before, known) for before, after in pairwise(frames)]
    shared = shared_noise(np.array(rests), np.hypot(down, across))
    louder = _louder(across, power, shared)
    moves, chances = [], []
    for apart in rests:
        moved = (apart * across).sum(1) / power
        # What is left of a pixel's noise after the fit, where few pixels decide it.
        rest = (apart - moved[:, None] * across) / np.sqrt(1 - np.minimum(parts, 0.5))
        moves.append(moved)
        chances.append((rest**2 * across**2).sum(1) / power**2 * louder)
    move, chance = np.array(moves), np.array(chances)
    # Lines with nothing in them say nothing about their place. Weights follow from the
    # slopes alone: with those of each line's own noise, what happens to be quiet would
    # count most, and jitter be found where there is none.
    expected = np.broadcast_to(np.median(chance * power) / power, chance.shape)
    weight = 1 / (expected + np.median(expected)) ** 2
    square = move**2 - chance
    found = max(float(np.average(square, weights=weight)), 0.0)
    # A line's place is believed as far as jitter stands out of chance: the noise of
    # bright pixels would be carried into dark ones else.
    trust = found / np.maximum(found + chance, _NO_CHANCE)
    for rest, moved, part in zip(rests, move, trust, strict=True):
        rest -= (part * moved)[:, None] * across
        rest /= np.sqrt(1 - (part * (2 - part))[:, None] * np.minimum(parts, 0.5))
    each = square / 2 / _kept_slope(frames) ** 2
    variance = float(np.average(each, weights=weight))
    spread = float(np.average((each - variance) ** 2, weights=weight))
    error = np.sqrt(spread * (weight**2).sum()) / weight.sum()
    jitter = np.sqrt(max(variance, 0.0))
    jitter_error = float(error / (2 * max(jitter, error**0.5)))
    return Lines(np.array(rests), float(jitter), jitter_error, shared)


def _without_slow(apart: Real, known: Real) -> Real:
    slow = np.linalg.lstsq(known, apart.ravel(), rcond=None)[0]
    rest: Real = apart - (known @ slow).reshape(apart.shape)
    return rest


def _louder(across: Real, power: Real, shared: Shared) -> Real:
    """Return by how much noise that neighbours share moves each line more, (Y,)."""
    louder = np.ones(len(across))
    for lag, alike in enumerate(shared.across, start=1):
        both = (across[:, lag:] * across[:, :-lag]).sum(1) / power
        louder += 2 * alike * both
    least: Real = np.maximum(louder, 0.1)
    return least


def _kept_slope(frames: Real) -> float:
    """Return the part of a displacement that the regression on the slope finds."""
    halves = frames[0::2].mean(0), frames[1::2].mean(0)
    smooth = [gaussian_filter(h, _SMOOTH_PX, order=(0, 1)) for h in halves]
    sharp = [np.gradient(h, axis=1) for h in halves]
    both = gaussian_filter(frames.mean(0), _SMOOTH_PX, order=(0, 1))
    return float((smooth[0] * sharp[1]).sum() / max((both**2).sum(), 1e-12))
