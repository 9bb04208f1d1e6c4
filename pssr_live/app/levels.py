"""Contrast: which grey levels become black and white, and the histogram behind it.

Pure numpy on single images (Y, X) of any integer type; knows no window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.frame import Pixels

PERCENTILES = (0.5, 99.8)
THIN = 16_000  # pixels are enough to judge contrast by
BINS = 96
EASE = 0.3  # part of the way that automatic contrast goes with each picture
JUMP = 0.5  # of the span: a change this large is followed at once


@dataclass(frozen=True, slots=True)
class Levels:
    """The counts that are shown as black and as full brightness."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often each brightness occurs.

    Attributes
    ----------
    edges : ndarray, (BINS + 1,)
        Counts of the camera.
    heights : ndarray, (BINS,)
        0..1, on a square-root scale, so that a few bright pixels are seen too.
    saturated : float
        Part of the pixels at the top of the detector's range, 0..1.
    """

    edges: npt.NDArray[np.float64] = field(repr=False)
    heights: npt.NDArray[np.float64] = field(repr=False)
    saturated: float


def thin(pixels: Pixels) -> Pixels:
    """Return a regular sample of an image, small enough to sort at once."""
    step = max(1, int(np.sqrt(pixels.size / THIN)))
    return pixels[::step, ::step]


def auto_levels(pixels: Pixels) -> Levels:
    """Return levels that leave a little of both ends out.

    >>> auto_levels(np.full((4, 4), 7, np.uint16))
    Levels(low=7.0, high=8.0)
    """
    low, high = np.percentile(thin(pixels), PERCENTILES)
    return Levels(float(low), max(float(high), float(low) + 1))


def eased(before: Levels | None, now: Levels) -> Levels:
    """Return levels on the way from `before` to `now`, so that a film does not flicker.

    >>> eased(Levels(0, 100), Levels(0, 110))
    Levels(low=0.0, high=103.0)
    >>> eased(Levels(0, 100), Levels(0, 900))
    Levels(low=0, high=900)
    """
    if before is None:
        return now
    moved = max(abs(now.low - before.low), abs(now.high - before.high))
    if moved > JUMP * (before.high - before.low):
        return now
    return Levels(
        before.low + EASE * (now.low - before.low),
        before.high + EASE * (now.high - before.high),
    )


def histogram(pixels: Pixels, top: int) -> Histogram:
    """Return the histogram of an image from a detector that ends at `top`."""
    sample = thin(pixels)
    low, high = int(sample.min()), int(sample.max())
    counts, edges = np.histogram(sample, BINS, (low, max(high, low + 1)))
    heights = np.sqrt(counts / max(int(counts.max()), 1))
    return Histogram(edges, heights, saturated_share(pixels, top))


def saturated_share(pixels: Pixels, top: int) -> float:
    """Return the part of the pixels, 0..1, at or above the detector's `top`."""
    return float(np.count_nonzero(pixels >= top)) / pixels.size


def top_of(dtype: np.dtype[Any], bit_depth: int | None = None) -> int:
    """Return the highest count that a detector gives.

    >>> top_of(np.dtype("uint16"), 12), top_of(np.dtype("uint8"))
    (4095, 255)
    """
    limit = int(np.iinfo(dtype).max)
    return limit if not bit_depth else min(limit, 2**bit_depth - 1)
