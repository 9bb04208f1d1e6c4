"""Repeated frames of one field, checked before anything is fitted to them.

Frames are (T, Y, X) of a whole-number type, so none of them holds a NaN.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Real
from pssr_live.storage.movie import open_movie

MOST_FRAMES = 32  # more would add little to the figures, and memory
LEAST_SIDE_PX = 64
SATURATED_SHARE = 0.02
_MOVES = 1.25  # variance over the longest lag by that over the shortest
_STILL_SD = 8.0  # and how far beyond chance that must be

Pixels = npt.NDArray[Any]


def read_frames(path: Path, most: int = MOST_FRAMES) -> tuple[Pixels, float | None]:
    """Return the first frames (T, Y, X) of a movie, and its pixel size in um.

    Raises
    ------
    StorageError
        If the movie cannot be read.
    """
    with open_movie(path) as movie:
        frames = movie.frames()
        some = [frame.pixels for frame, _ in zip(frames, range(most), strict=False)]
        return np.stack(some), movie.pixel_size_um


def check_frames(frames: Pixels, what: str) -> None:
    """Refuse pictures that no instrument can be fitted to.

    Raises
    ------
    SettingsError
        If they are floating point, too small, constant or saturated.
    """
    if frames.dtype.kind not in "ui":
        raise SettingsError(
            f"{what} has pixels of type {frames.dtype}, which a detector does not "
            "give: use the raw frames, as whole numbers."
        )
    if min(frames.shape[-2:]) < LEAST_SIDE_PX:
        raise SettingsError(
            f"{what} has frames of {frames.shape[-2:]} and a fit needs "
            f"{LEAST_SIDE_PX} x {LEAST_SIDE_PX} pixels: give larger ones."
        )
    if any(np.ptp(frame) == 0 for frame in frames):
        raise SettingsError(
            f"{what} has a frame with the value {frames[0].flat[0]} in all pixels: "
            "give frames of a field with something in it."
        )
    highest = int(frames.max())
    share = float((frames == highest).mean())
    if share > SATURATED_SHARE:
        raise SettingsError(
            f"{what} is saturated, {share:.0%} of its pixels are at {highest}: lower "
            "the gain or the light and scan again."
        )


def check_still(frames: Real, what: str) -> None:
    """Refuse a sample that moves: its changes would be taken for noise.

    Noise alone makes frames differ equally, however far apart in time they are.

    Raises
    ------
    SettingsError
        If the first and last frame differ much more than neighbours do.
    """
    if len(frames) < 3:
        return
    scaled = frames - frames.mean(axis=(1, 2), keepdims=True)
    near = [np.mean((b - a) ** 2) for a, b in pairwise(scaled)]
    far = float(np.mean((scaled[-1] - scaled[0]) ** 2))
    ratio = far / max(float(np.mean(near)), 1e-12)
    chance = _STILL_SD * np.sqrt(4 / scaled[0].size)
    if ratio > max(_MOVES, 1 + chance):
        raise SettingsError(
            f"The sample of {what} moves or fades, its first and last frame differ "
            f"{ratio:.1f} times as much as neighbours do: take faster frames, or of a "
            "fixed sample."
        )


def check_repeats(frames: Pixels, what: str) -> None:
    """Make sure that there are repeats, and that they can be fitted.

    Raises
    ------
    SettingsError
        As `check_frames` and `check_still`, or if there is one frame only.
    """
    if len(frames) < 2:
        raise SettingsError(
            f"{what} holds 1 frame and noise shows only between repeats: give at "
            "least 2 frames of the same field, better 8."
        )
    check_frames(frames, what)
    check_still(frames.astype(np.float64), what)
