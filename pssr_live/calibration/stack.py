"""Repeated frames of one field, checked before anything is fitted to them.

Frames are (T, Y, X) of a whole-number type, so none of them holds a NaN.
"""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Real
from pssr_live.storage.movie import Movie, open_movie

MOST_PX = 24_000_000  # about 2 GB of memory while they are fitted
LEAST_FRAMES = 8  # read however large they are
LEAST_SIDE_PX = 64
SATURATED_SHARE = 0.02
_MOVES = 1.25  # variance over the longest lag by that over the shortest
_STILL_SD = 8.0  # and how far beyond chance that must be
_LIGHT = 0.3  # change of contrast from the mean
_AXES = {"c": "channels", "p": "positions", "z": "planes"}
_ODD = 1.3  # distance from the median frame, by the usual one

Pixels = npt.NDArray[Any]


class Stack(NamedTuple):
    """The first frames (T, Y, X) of a movie, its pixel size in um and its length."""

    frames: Pixels
    pixel_size_um: float | None
    total: int

    def notes(self, what: str) -> tuple[str, ...]:
        """Say it where frames were left unread."""
        if len(self.frames) == self.total:
            return ()
        return (
            f"The first {len(self.frames)} of {self.total} frames of {what} were read: "
            "the memory of most computers holds them, and more add little.",
        )


def read_frames(path: Path, most_px: int = MOST_PX) -> Stack:
    """Read the first frames of a movie, as many as fit into `most_px` pixels.

    Raises
    ------
    StorageError
        If the movie cannot be read.
    SettingsError
        If it has no frame, or frames of more than one field or detector.
    """
    with open_movie(path) as movie:
        _check_one_series(movie)
        fit = most_px // (movie.shape[0] * movie.shape[1])
        some = islice(movie.frames(), max(fit, LEAST_FRAMES))
        frames = np.stack([frame.pixels for frame in some])
        return Stack(frames, movie.pixel_size_um, len(movie) - len(movie.missing))


def _check_one_series(movie: Movie) -> None:
    """Refuse channels and the like: their differences would be taken for noise."""
    if len(movie) == len(movie.missing):
        raise SettingsError(
            f"{movie.path} holds none of its {len(movie)} frames: give a movie that "
            "has some."
        )
    indices = [movie.layout.index_of(ordinal) for ordinal in range(len(movie))]
    axes = sorted({axis for index in indices for axis in index})
    lengths = {axis: len({index.get(axis, 0) for index in indices}) for axis in axes}
    # Fiji calls the frames of a plain stack slices. Planes that differ give
    # themselves away later: neighbours are more alike than first and last.
    plain = "t" if lengths.get("t", 1) > 1 else "z"
    for axis, many in lengths.items():
        if many > 1 and axis not in ("t", plain):
            raise SettingsError(
                f"{movie.path} has {many} {_AXES.get(axis, f'steps along {axis!r}')}, "
                "and a fit needs frames of one: save one by itself, or, if they are "
                "repeats, as frames in time (Fiji: Image > Properties)."
            )


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
    if (value := flat_value(frames)) is not None:
        raise SettingsError(
            f"{what} has a frame with the value {value} in all pixels: "
            "give frames of a field with something in it."
        )
    highest = int(frames.max())
    share = float((frames == highest).mean())
    if share > SATURATED_SHARE:
        raise SettingsError(
            f"{what} is saturated, {share:.0%} of its pixels are at {highest}: lower "
            "the gain or the light and scan again."
        )


def flat_value(frames: Pixels) -> int | None:
    """Return the value of the first frame that has only one; None if none has."""
    return next((int(f.flat[0]) for f in frames if np.ptp(f) == 0), None)


def check_still(frames: Real, what: str) -> None:
    """Refuse a sample that moves: its changes would be taken for noise.

    Noise alone makes frames differ equally, however far apart in time they are.

    Raises
    ------
    SettingsError
        If the first and last frame differ much more than neighbours do, or a frame
        has much more or less light than the others.
    """
    mean = frames.mean(axis=0)
    shape = (mean - mean.mean()) / max(float(mean.var()), 1e-12)
    light = np.array([np.mean(frame * shape) for frame in frames])
    odd = int(np.abs(light - 1).argmax())
    if abs(light[odd] - 1) > _LIGHT:
        raise SettingsError(
            f"Frame {odd} of {what} (from 0) shows {light[odd]:.0%} of the mean "
            "contrast: leave it out, or keep light and focus as they are."
        )
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
            "fixed sample, without a running average."
        )


def check_repeats(frames: Pixels, what: str) -> None:
    """Make sure that there are repeats, and that each of them was taken by itself.

    Raises
    ------
    SettingsError
        As `check_frames`, or if there is one frame only, or two are the same.
    """
    if len(frames) < 2:
        raise SettingsError(
            f"{what} holds 1 frame and noise shows only between repeats: give at "
            "least 2 frames of the same field, better 8."
        )
    check_frames(frames, what)
    for n, (before, after) in enumerate(pairwise(frames)):
        if np.array_equal(before, after):
            raise SettingsError(
                f"Frames {n} and {n + 1} of {what} are the same in every pixel, which "
                "noise never allows: give raw frames, each of them once."
            )


def without_odd(frames: Pixels) -> tuple[Pixels, tuple[int, ...]]:
    """Return the frames without single ones that are unlike all others, and which.

    A closed shutter, a shock, a burst of charge: one frame in eight at most, and
    none if there are fewer than 4, since then nobody can tell which is the odd one.
    """
    if len(frames) < 4:
        return frames, ()
    usual = np.median(frames, axis=0)
    away = np.array([np.mean((frame - usual) ** 2) for frame in frames])
    odd = np.flatnonzero(away > _ODD * np.median(away))
    if not 0 < len(odd) <= max(1, len(frames) // 8):
        return frames, ()
    return np.delete(frames, odd, axis=0), tuple(int(n) for n in odd)
