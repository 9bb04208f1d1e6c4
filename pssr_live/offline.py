"""Restoration of movies that exist already: arrays in memory and files on disk.

Uses the same `Restorer` as the live path, so a recorded raw file gives the pixels
that were on the screen.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from itertools import islice
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.agreement import agreement, doubts
from pssr_live.card import ModelCard
from pssr_live.errors import SettingsError
from pssr_live.frame import Pixels, series_of
from pssr_live.restorer import AXES, Restorer, check_axis
from pssr_live.shared_noise import filtered
from pssr_live.storage.disk import check_room
from pssr_live.storage.movie import Movie, array_frames, open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.provenance import PageFacts
from pssr_live.storage.resumed import begin_or_resume, is_restored
from pssr_live.storage.target import check_target, unfinished
from pssr_live.trust import Noises, judged

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
_NAMES = {"t": "time", "z": "depth"}
LOOKED_AT = 5  # frames, to tell whether they were filtered
FILTERED_SHARE = "filtered_share"  # of the windows that a model learned from


def restore(
    movie: np.ndarray[Any, Any],
    model: str | Path,
    *,
    engine: str | None = None,
) -> Pixels:
    """Restore a movie in memory.

    Parameters
    ----------
    movie : ndarray, (T, Y, X) or (Y, X)
        uint8, uint16 or int16, as recorded; or what numpy makes such an array of.
    model : str or Path
        A model's name (see `pssr-live models`), or its folder.
    engine : str, optional
        Name of the inference engine; the best that works if left out.

    Returns
    -------
    ndarray, (T, scale * Y, scale * X) or (scale * Y, scale * X)
        Same dtype and intensity units as the movie. The log warns if no engine could
        run the model, so that pictures are interpolated.

    Raises
    ------
    PssrLiveError
        If the movie or the model cannot be used.
    """
    frames = array_frames(movie)
    restorer = Restorer(model, engine)
    first = frames[0].pixels
    height, width = (restorer.card.scale * side for side in first.shape)
    engines = Counter[str]()
    try:
        # One array from the start: a stack of pictures would need twice the memory.
        restored = np.empty((len(frames), height, width), first.dtype)
        for place, one in zip(restored, restorer.restore(frames), strict=True):
            place[:] = one.pixels
            engines[one.engine] += 1
        _warn_of_fallback(restorer, engines)
    finally:
        restorer.close()
    return restored if np.ndim(movie) == 3 else restored[0]


def restore_file(
    source: str | Path,
    target: str | Path,
    restorer: Restorer,
    *,
    pixel_size_um: float | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Restore a movie file into an OME-TIFF, one restored frame for each raw one.

    Parameters
    ----------
    source : str or Path
        Whatever `open_movie` opens.
    target : str or Path
        The OME-TIFF to write. It appears, complete, when all is done; until then the
        work stands beside it as `<target>.part`.
    restorer : Restorer
        What restores; it stays open.
    pixel_size_um : float, optional
        Pixel size of the source, where the file does not tell it or tells it wrong.
    overwrite : bool
        Replace `target` if it exists.
    resume : bool
        Go on with the `<target>.part` that a Ctrl-C, a kill or a power cut left, if
        there is one, and keep it whatever else may happen.
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    dict
        What was done: frames, shapes, model, engine, and `warnings`; with a
        calibration also `consistency`, of all frames that are in the target.

    Raises
    ------
    StorageError
        If the source cannot be read, the target exists or cannot be written, or what
        was left is of another movie, model or engine.
    SettingsError
        If `pixel_size_um` is no size.
    """
    if not isinstance(restorer, Restorer):
        raise TypeError(
            f"restorer is of type {type(restorer).__name__}: give `Restorer(model)`."
        )
    given_um = None if pixel_size_um is None else _size_um(pixel_size_um)
    source, target = Path(source), Path(target)
    check_target(source, target, overwrite=overwrite)
    card = restorer.card
    with (
        open_movie(source) as movie,
        unfinished(
            target,
            overwrite=overwrite,
            resume=resume,
            kept_on=BaseException if resume else KeyboardInterrupt,
        ) as part,
    ):
        check_axis(restorer.axis, movie.layout.indices)
        size = given_um or movie.pixel_size_um
        shape = (movie.shape[0] * card.scale, movie.shape[1] * card.scale)
        total = len(movie.layout)
        page_bytes = shape[0] * shape[1] * np.dtype(movie.dtype).itemsize
        there_bytes = part.stat().st_size if part.exists() else 0
        check_room(part, total * page_bytes - there_bytes)
        doubt = _filtered(movie, card)
        hr_size = None if size is None else size / card.scale
        details: dict[str, Any] = {
            "source": source.name,
            "model": restorer.model_report(),
        }
        if movie.channels_told:
            details["channels"] = movie.channels_told
        facts = PageFacts(shape, movie.dtype, hr_size, "restored")
        agrees, restored = dict[str, Any](), 0
        if not (resume and is_restored(source, part, details["model"])):
            engine = {"engine": restorer.ladder.engine.name}
            pages = begin_or_resume(part, facts, movie.layout, details | engine)
            agrees = _restore_into(pages, movie, restorer, details, progress)
            restored = total - len(movie.missing)
        part.replace(target)
    return {
        "source": str(source),
        "target": str(target),
        "frames": total - len(movie.missing),
        "frames_missing": len(movie.missing),
        "raw_shape": list(movie.shape),
        "restored_shape": list(shape),
        "dtype": movie.dtype,
        "pixel_size_um": hr_size,
        "warnings": [
            *_absences(movie),
            *doubt,
            *_about_size(restorer.card, movie, size),
            *_short(restorer, movie),
            *_interpolated(restorer),
            *doubts(agrees.get("consistency", {}), restorer.noise, restored),
        ],
        "model": details["model"],
        "engine": restorer.engine_report(),
        **agrees,
    }


def _restore_into(
    pages: PageFile,
    movie: Movie,
    restorer: Restorer,
    details: dict[str, Any],
    progress: Progress | None,
) -> dict[str, Any]:
    """Restore the frames that a file lacks, end it, and return how they agree."""
    done, total = len(pages) - len(pages.missing()), len(movie)
    try:
        pages.hold()
        found = _held_before(pages, movie, restorer.noise)
        for restored in restorer.restore(movie.frames(), pages.lacks):
            frame = restored.frame
            pages.write(frame.ordinal, restored.pixels, index=frame.index)
            if restored.consistency is not None:
                found[frame.ordinal] = restored.consistency.facts()
            done += 1
            if progress is not None:
                progress(done, total)
        engine = {"engine": restorer.engine_report()}
        agrees = _agreement(restorer, found)
        pages.close(details | engine | agrees, pad_to=total)
    finally:
        pages.leave()  # as a kill would; once closed it stays so
    return agrees


def _held_before(
    pages: PageFile, movie: Movie, noise: Noises
) -> dict[int, dict[str, float]]:
    """Return how pictures agree that are in the file already, by ordinal."""
    found = {}
    for ordinal in range(len(pages)) if noise else ():
        if not pages.lacks(ordinal):
            agrees = judged(movie.frame(ordinal), pages.read(ordinal), noise)
            if agrees is not None:
                found[ordinal] = agrees.facts()
    return found


def _agreement(
    restorer: Restorer, found: dict[int, dict[str, float]]
) -> dict[str, Any]:
    """Return how the frames agree with their scans, if that is known."""
    told = agreement(found, restorer.noise)
    return {"consistency": told} if told else {}


def _size_um(given: float) -> float:
    """Return a pixel size as a number of Python's own, which files can tell."""
    try:
        size = float(given)
    except (TypeError, ValueError):
        size = nan
    if not 0 < size < inf:
        raise SettingsError(
            f"pixel_size_um={given!r} is no size: give micrometres above 0."
        )
    return size


def _about_size(card: ModelCard, movie: Movie, size: float | None) -> list[str]:
    """Return what is wrong with the pixel size, or with its absence."""
    said = [movie.oblong, card.sample.mismatch(size)]
    if size is None and not movie.oblong:
        said.append(
            "The file does not tell its pixel size, so it could not be compared with "
            "what the model was trained for: `pssr-live restore --pixel-size-um` tells "
            "it."
        )
    return [sentence for sentence in said if sentence]


def _short(restorer: Restorer, movie: Movie) -> list[str]:
    """Return what it means that the model never sees as many frames as it looks at."""
    card, axis = restorer.card, restorer.axis
    longest = {along: _longest(movie, along) for along in AXES}
    if longest[axis] >= card.n_frames:
        return []
    said = (
        f"The model looks at {card.n_frames} frames and the longest series in "
        f"{_NAMES[axis]} has {longest[axis]}: what is missing cannot help against "
        "noise."
    )
    if axis == "t" and longest["z"] > longest["t"]:
        said += (
            f" With --axis z windows follow the {longest['z']} planes, which is right "
            "for a movie that was saved as planes, and where the sample stands still."
        )
    return [said]


def _longest(movie: Movie, axis: str) -> int:
    """Return how many frames the longest series along an axis has."""
    there = (n for n in range(len(movie)) if n not in movie.missing)
    indices = map(movie.layout.index_of, there)
    series = Counter(series_of(index, axis) for index in indices)
    return max(series.values(), default=0)


def _warn_of_fallback(restorer: Restorer, engines: Counter[str]) -> None:
    """Say aloud what an array cannot: which of its pictures no network has made."""
    engine = restorer.ladder.engine
    if not engine.restores and restorer.ladder.refusals:
        log.warning(
            "No engine could run the model %s to the end: of %s the last %d are "
            "interpolated, NOT restored.",
            restorer.card.name,
            _counted(engines.total()),
            engines[engine.name],
        )


def _interpolated(restorer: Restorer) -> list[str]:
    if restorer.ladder.engine.restores:
        return []
    why = "No engine could run the model"
    if not restorer.ladder.refusals:
        why = "Interpolation was asked for, and not the model"
    return [f"{why}: the pictures are interpolated."]


def _filtered(movie: Movie, card: ModelCard) -> list[str]:
    """Return what the first frames of the first series say of their noise.

    Nothing to a model that learned from such frames.
    """
    if card.training.crappifier.get(FILTERED_SHARE, 0):
        return []
    first = next(movie.frames(), None)
    if first is None:
        return []
    series = movie.frames(series_of(first.index))
    doubt = filtered(np.stack([frame.pixels for frame in islice(series, LOOKED_AT)]))
    return [doubt] if doubt else []


def _absences(movie: Movie) -> list[str]:
    """Return what a movie should hold and does not, with counts."""
    said = [movie.doubt] if movie.doubt else []
    if movie.missing:
        said.append(
            f"{movie.path} lacks {len(movie.missing)} of its {_counted(len(movie))}: "
            "their places are marked as missing in the restored movie too."
        )
    return said


def _counted(frames: int) -> str:
    return "1 frame" if frames == 1 else f"{frames} frames"
