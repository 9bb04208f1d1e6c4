"""Flicker: what changes from frame to frame where nothing moves.

A single-frame network decides anew on every frame what noise is, and its pictures
boil. Multi-frame restoration (PSSR-MF) was made against that, but no published
figure measures it; this one is ours. Between two frames that follow each other, the
static region is where the smoothed truth changes by less than a tolerance. Flicker
is the RMS change of a picture in that region.

A perfect restoration has the truth's flicker: zero if the truth is free of noise.
Blurring lowers flicker too, so the figure means nothing without PSNR or FRC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion, gaussian_filter

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Image, as_pair

TOLERANCE = 0.02  # of the data range
SMOOTHING_PX = 1.5  # so that noise of the truth does not pass for movement
EROSION_PX = 2
LEAST_PIXELS = 100  # static pixels under which an RMS says little


@dataclass(frozen=True, slots=True)
class Flicker:
    """Frame-to-frame change of a movie where its truth is static.

    Attributes
    ----------
    rms : float
        Of the movie, in its units.
    truth_rms : float
        Of the truth: what its own noise, and movement under the tolerance, amount to.
    static_share : float
        The part of all pixels that was static, 0 to 1.
    """

    rms: float
    truth_rms: float
    static_share: float

    def relative_to(self, other: Flicker) -> float:
        """Return this flicker over another's, such as the raw movie's."""
        return self.rms / other.rms if other.rms else float("nan")


def static_region(
    before: Image, after: Image, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return where the truth (Y, X) stands still between two frames.

    Parameters
    ----------
    before, after : ndarray, (Y, X)
        The truth of two frames.
    tolerance : float
        The largest change of the truth, smoothed by 1.5 pixels, that still counts
        as none; in the truth's units, above 0.

    Raises
    ------
    SettingsError
        If the shapes differ, or the tolerance is not positive.
    """
    if not tolerance > 0:
        raise SettingsError(
            f"A tolerance of {tolerance!r} calls nothing static: give more than 0, "
            "such as 2 % of the data range."
        )
    first, second = as_pair(before, after)
    still = np.abs(gaussian_filter(second - first, SMOOTHING_PX)) < tolerance
    # what moves also passes through "no change", along lines a few pixels wide
    inner: npt.NDArray[np.bool_] = binary_erosion(
        still, iterations=EROSION_PX, border_value=1
    )
    return inner


def rms_change(before: Image, after: Image, where: npt.NDArray[Any]) -> float:
    """Return the RMS change between two frames in a region; NaN if it is tiny.

    Raises
    ------
    SettingsError
        If the shapes differ, or a frame holds values that are not finite.
    """
    first, second = as_pair(before, after)
    if np.count_nonzero(where) < LEAST_PIXELS:
        return float("nan")
    return float(np.sqrt(np.mean((second - first)[where] ** 2)))


def flicker(
    movie: Iterable[Image], truth: Iterable[Image], tolerance: float
) -> Flicker:
    """Measure the flicker of a movie; frames are read one at a time.

    Parameters
    ----------
    movie, truth : iterable of ndarray, (Y, X)
        The same number of frames, in the same units.
    tolerance : float
        See `static_region`.

    Raises
    ------
    SettingsError
        If there are fewer than two frames, nothing in them is static, or they do
        not fit.
    """
    squares = np.zeros(2)
    static = pixels = 0
    last: tuple[Image, Image] | None = None
    for frame, wanted in zip(movie, truth, strict=True):
        if last is not None:
            still = static_region(last[1], wanted, tolerance)
            changes = as_pair(frame, wanted)
            olds = as_pair(*last)
            for n, (new, old) in enumerate(zip(changes, olds, strict=True)):
                squares[n] += np.sum((new - old)[still] ** 2)
            static += int(still.sum())
            pixels += still.size
        last = frame, wanted
    if static < LEAST_PIXELS:
        raise SettingsError(
            f"{static} pixels of the movie stand still, too few to measure flicker: "
            "give more frames or a larger tolerance."
        )
    rms, truth_rms = np.sqrt(squares / static)
    return Flicker(float(rms), float(truth_rms), static / pixels)
