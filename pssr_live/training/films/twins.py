"""Images that are judged on and show nearly what an image learned from shows.

Halves of one movie, neighbouring planes, the same field on another day or saved with
other grey levels: a network is then judged on what it has learned, and scores too
well. Found by correlating small pictures, without what varies slowly over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

SIDE_PX = 64  # of a small picture, about
SLOW_PX = 6.0  # SD of the Gaussian that is taken out
REACH_PX = 8  # how far the small pictures may be displaced
ALIKE = 0.8  # unlike fields of one sample reach 0.73; neighbours in a movie 0.87
MOST = 40_000  # comparisons, some seconds
NAMED = 3

Look = npt.NDArray[np.float32]
Looks = Mapping[Path, Sequence[Look]]


def look(plane: npt.NDArray[Any]) -> Look:
    """Return a small picture of an image (Y, X), of mean 0 and norm 1."""
    bins = max(1, max(plane.shape) // SIDE_PX)
    y, x = (extent // bins for extent in plane.shape)
    whole = plane[: y * bins, : x * bins].astype(np.float32)
    small = whole.reshape(y, bins, x, bins).mean((1, 3))
    small = small - ndimage.gaussian_filter(small, SLOW_PX)
    # A hot pixel, or a bar that was burnt in, must not be all that counts.
    small = small.clip(*np.percentile(small, [0.5, 99.5]))
    small = small - small.mean()
    found: Look = small / (np.linalg.norm(small) + 1e-12)
    return found


def twins(judged: Looks, learned: Looks) -> list[str]:
    """Return a sentence on images that are alike, or nothing."""
    flat = [(path, one) for path, looks in learned.items() for one in looks]
    count = sum(len(looks) for looks in judged.values())
    flat = flat[:: max(1, -(-len(flat) * count // MOST))]
    found = []
    for path, looks in judged.items():
        pairs = [(_alike(ours, one), other) for ours in looks for other, one in flat]
        alike, twin = max(pairs, default=(0.0, path), key=lambda pair: pair[0])
        if alike >= ALIKE:
            found.append((alike, path, twin))
    if not found:
        return []
    found.sort(key=lambda pair: -pair[0])
    named = ", ".join(
        f"{path.name} as {twin.name} (correlation {alike:.2f})"
        for alike, path, twin in found[:NAMED]
    )
    return [
        f"{len(found)} of {len(judged)} validation sources show nearly the same as a "
        f"training source: {named}. The scores will be too good: judge on another "
        "sample, or another day."
    ]


def _alike(one: Look, other: Look) -> float:
    """Return the highest correlation of two pictures within reach."""
    if one.shape != other.shape:
        return 0.0
    product = np.fft.rfft2(one) * np.fft.rfft2(other).conj()
    correlation = np.fft.irfft2(product, one.shape)
    y, x = (min(REACH_PX, extent // 4) for extent in one.shape)
    near = np.roll(correlation, (y, x), (0, 1))[: 2 * y + 1, : 2 * x + 1]
    return float(near.max())
