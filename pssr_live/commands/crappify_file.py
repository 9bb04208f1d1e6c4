"""One movie file through a crappifier: the scan, and beside it the truth, a picture.

The crappifier knows arrays only; this is where it meets files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.commands.crappify_doubts import Levels
from pssr_live.crappifier import Crappifier, Recipe, cropped_shape, white_level
from pssr_live.errors import SettingsError
from pssr_live.frame import Pixels
from pssr_live.storage.disk import check_room
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.preview import Panel, write_preview
from pssr_live.storage.target import check_target, unfinished

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One movie and the files to make of it; those that are None are not wanted."""

    source: Path
    target: Path
    truth: Path | None = None
    preview: Path | None = None
    overwrite: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that will be written."""
        wanted = (self.target, self.truth, self.preview)
        return tuple(path for path in wanted if path is not None)


def check_files(jobs: Sequence[Job]) -> None:
    """Refuse files that exist, or whose writing would harm the movie of any job.

    Raises
    ------
    StorageError
        Saying which.
    """
    for job in jobs:
        for path in job.files:
            for source in (other.source for other in jobs):
                check_target(source, path, overwrite=job.overwrite)


def prepared(job: Job, recipe: Recipe, scale: int, seed: int) -> Crappifier:
    """Return the crappifier for the movie of a job; nothing is written.

    Raises
    ------
    PssrLiveError
        If the movie or the settings cannot be used.
    """
    with open_movie(job.source) as movie:
        if len(movie) == len(movie.missing):
            raise SettingsError(
                f"{job.source} holds no frame to scan: give a movie that has some."
            )
        brightest = 0
        if recipe.white is None and movie.dtype != "uint8":
            brightest = max(int(frame.pixels.max()) for frame in movie.frames())
        white = white_level(recipe, movie.dtype, brightest)
        how = Crappifier(recipe, white, scale, seed)
        cropped_shape(movie.shape, scale)
    return how


def crappify_file(
    job: Job, how: Crappifier, progress: Progress | None = None
) -> dict[str, Any]:
    """Write all files of a job, or none.

    Parameters
    ----------
    job : Job
        Checked by `prepared`.
    how : Crappifier
        What `prepared` returned.
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    dict
        Files, shapes, counts, chain and seed, pixel size of the scan, `warnings`.

    Raises
    ------
    StorageError
        If a file cannot be read or written.
    """
    with open_movie(job.source) as movie, ExitStack() as stack:
        report = _report(job, movie, how)
        shapes = [report["scan_shape"], report["used_shape"]][: 2 if job.truth else 1]
        page_bytes = sum(y * x for y, x in shapes) * np.dtype(movie.dtype).itemsize
        check_room(job.target, page_bytes * len(movie))
        parts = {
            path: stack.enter_context(unfinished(path, overwrite=job.overwrite))
            for path in job.files
        }
        _write(job, movie, how, parts, report, progress)
        for path, part in parts.items():
            part.replace(path)
    return report


def _write(
    job: Job,
    movie: Movie,
    how: Crappifier,
    parts: dict[Path, Path],
    report: dict[str, Any],
    progress: Progress | None,
) -> None:
    said = {"source": job.source.name, "crappifier": report["crappifier"]}
    with ExitStack() as stack:
        scans = _pages(parts[job.target], movie, report["scan_shape"], how.scale, "raw")
        files = [stack.enter_context(scans)]
        if job.truth:
            shape = report["used_shape"]
            truths = _pages(parts[job.truth], movie, shape, 1, "reference")
            files.append(stack.enter_context(truths))
        levels = Levels(how)
        for frame in movie.frames():
            levels.look(frame)
            t = frame.index.get("t", 0)
            scan = how.scan(frame.pixels, frame.ordinal, t)
            truth = how.truth(frame.pixels, t)
            at: dict[str, Any] = {"index": frame.index, "after_gap": frame.after_gap}
            # Without a truth file the second of the pair is left over.
            for file, pixels in zip(files, (scan, truth), strict=False):
                file.write(frame.ordinal, pixels, **at)
            if job.preview and not report["frames"]:
                _draw(parts[job.preview], scan, truth, movie.pixel_size_um, how)
            report["frames"] += 1
            if progress is not None:
                progress(report["frames"], len(movie))
        report["warnings"] += levels.notes()
        for file in files:
            file.close(said, pad_to=len(movie))


def _pages(
    path: Path, movie: Movie, shape: tuple[int, int], scale: int, kind: str
) -> PageFile:
    size = None if movie.pixel_size_um is None else movie.pixel_size_um * scale
    return PageFile.create(path, movie.layout, shape, movie.dtype, size, kind)


def _draw(
    path: Path, scan: Pixels, truth: Pixels, size: float | None, how: Crappifier
) -> None:
    coarse = None if size is None else size * how.scale
    title = f"{how.recipe.name}, 1/{how.scale}"
    write_preview(path, [Panel("good", truth, size), Panel(title, scan, coarse)])


def _report(job: Job, movie: Movie, how: Crappifier) -> dict[str, Any]:
    shape, used = movie.shape, cropped_shape(movie.shape, how.scale)
    size = movie.pixel_size_um
    warnings = []
    if shape != used:
        warnings.append(
            f"The images were cropped from {shape[0]} x {shape[1]} to {used[0]} x "
            f"{used[1]} pixels, a multiple of the scale {how.scale}."
        )
    if size is None:
        silent = "The file does not tell its pixel size, so neither does the scan's."
        warnings.append(movie.oblong or silent)
    return {
        "source": str(job.source),
        "target": str(job.target),
        "truth": str(job.truth) if job.truth else None,
        "preview": str(job.preview) if job.preview else None,
        "frames": 0,
        "frames_missing": len(movie.missing),
        "source_shape": shape,
        "used_shape": used,
        "scan_shape": (used[0] // how.scale, used[1] // how.scale),
        "dtype": movie.dtype,
        "pixel_size_um": None if size is None else size * how.scale,
        "crappifier": {
            "recipe": how.recipe.model_dump(mode="json"),
            "white": how.white,
            "scale": how.scale,
            "seed": how.seed,
        },
        "warnings": warnings,
    }
