"""Cases from movie files: restored, truth, and the raw frames that belong to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from pssr_live.errors import SettingsError
from pssr_live.evaluation.case import Case
from pssr_live.evaluation.matching import matching
from pssr_live.evaluation.pair import Image
from pssr_live.frame import Series, series_of
from pssr_live.storage.movie import Movie

WINDOW = 5  # frames of the classical mean


def movie_cases(
    restored: Movie, truth: Movie, raw: Movie | None, frames: int = WINDOW
) -> Iterator[Case]:
    """Return a case for each frame that all movies have.

    Channels, positions and planes are scenes of their own.

    Parameters
    ----------
    restored, truth : Movie
        Of the same size. A truth of a single frame is the truth of all: a scene
        that stands still. Others belong together by their indices; see `matching`.
    raw : Movie or None
        What was restored, with as many frames as `restored`.
    frames : int
        Of the classical mean, centred on the frame to restore.

    Raises
    ------
    SettingsError
        If the movies do not belong together.
    """
    _check(restored, truth, raw, frames)
    one_for_all = len(truth) == 1
    true_at = [0] * len(restored) if one_for_all else matching(restored, truth)
    raw_at = [] if raw is None else matching(restored, raw)
    for scene, ordinals in _scenes(restored).items():
        scans = [raw_at[ordinal] for ordinal in ordinals] if raw_at else []
        for place, ordinal in enumerate(ordinals):
            at = true_at[ordinal]
            raw_is_there = raw is None or scans[place] not in raw.missing
            if ordinal in restored.missing or at in truth.missing or not raw_is_there:
                continue
            window, target = None, 0
            if raw is not None:
                window, target = _window(raw, scans, place, frames)
            yield Case(
                scene,
                place,
                restored.frame(ordinal).pixels,
                truth.frame(at).pixels,
                window,
                target,
            )


def range_of(truth: Movie) -> float:
    """Return the range of a truth over all its frames, for PSNR and SSIM.

    Raises
    ------
    SettingsError
        If it has no frame, or all its pixels are alike.
    """
    ends = [
        (int(frame.pixels.min()), int(frame.pixels.max())) for frame in truth.frames()
    ]
    if not ends:
        raise SettingsError(
            f"{truth.path} holds none of its {len(truth)} frames: give a truth that "
            "has some."
        )
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if low == high:
        raise SettingsError(
            f"All pixels of {truth.path} are {low}: give a truth that shows something."
        )
    return float(high - low)


def _scenes(movie: Movie) -> dict[str, list[int]]:
    """Return the ordinals of each series, under a name a person can read."""
    found: dict[Series, list[int]] = defaultdict(list)
    for ordinal in range(len(movie)):
        found[series_of(movie.layout.index_of(ordinal))].append(ordinal)
    return {
        " ".join(f"{axis}{at}" for axis, at in series) or "the movie": ordinals
        for series, ordinals in found.items()
    }


def _window(
    raw: Movie, ordinals: list[int], place: int, frames: int
) -> tuple[Image, int]:
    """Return the raw frames around a place (T, h, w), and which of them it is."""
    first = max(place - (frames - 1) // 2, 0)
    near = [
        n for n in ordinals[first : place + frames // 2 + 1] if n not in raw.missing
    ]
    window = np.stack([raw.frame(n).pixels for n in near])
    return window, near.index(ordinals[place])


def _check(restored: Movie, truth: Movie, raw: Movie | None, frames: int) -> None:
    if frames < 1:
        raise SettingsError(f"A mean of {frames} frames is none: give 1 or more.")
    if restored.shape != truth.shape:
        raise SettingsError(
            f"{restored.path} has frames of {restored.shape} and {truth.path} of "
            f"{truth.shape}: give a truth of the restored size."
        )
    if len(truth) not in (1, len(restored)):
        raise SettingsError(
            f"{restored.path} has {len(restored)} frames and {truth.path} "
            f"{len(truth)}: give a truth for each, or a single one for all."
        )
    if raw is None:
        return
    if len(raw) != len(restored):
        raise SettingsError(
            f"{restored.path} has {len(restored)} frames and {raw.path} {len(raw)}: "
            "give the movie that was restored."
        )
    scale = restored.shape[0] // raw.shape[0]
    if restored.shape != (scale * raw.shape[0], scale * raw.shape[1]):
        raise SettingsError(
            f"{restored.path} has frames of {restored.shape}, no whole multiple of "
            f"the {raw.shape} of {raw.path}: give the movie that was restored."
        )
