"""`pssr-live restore`: movies that exist already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from pssr_live.calibration.values import read_scan_noise
from pssr_live.card import load_model, model_folders
from pssr_live.commands.console import (
    CalibrationOption,
    EngineOption,
    JsonOption,
    OverwriteOption,
    by_channel,
    console_for,
    notes,
    print_json,
    progress_bar,
)
from pssr_live.commands.summary import consistency_line
from pssr_live.commands.targets import targets_for
from pssr_live.errors import ModelError, SettingsError
from pssr_live.offline import restore_file
from pssr_live.restorer import AXES, Restorer
from pssr_live.storage.disk import check_room
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.resumed import check_restored
from pssr_live.storage.target import check_target, part_of

BEST_MODEL = "mito-mf5-x4"  # looks ahead, which costs nothing afterwards


@dataclass(frozen=True, slots=True)
class _Job:
    """One movie: where to, by which model and axis, and the bytes of its pixels."""

    source: Path
    target: Path
    model: str
    axis: str
    raw_bytes: int

    @property
    def how(self) -> tuple[str, str]:
        return self.model, self.axis


def restore(
    sources: Annotated[
        list[Path],
        typer.Argument(help="TIFF files, or folders of single-image TIFFs."),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="OME-TIFF to write; a folder for several."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"A model's name, or its folder; if left out, the one that a recorded "
            f"session was restored with, or {BEST_MODEL} for other movies.",
        ),
    ] = None,
    pixel_size_um: Annotated[
        float | None,
        typer.Option(help="Pixel size of the source, if its file is silent or wrong."),
    ] = None,
    engine: EngineOption = None,
    axis: Annotated[
        str | None,
        typer.Option(
            help="What windows follow: t, time, or z, the planes of a stack; if left "
            "out, what a recorded session followed, or time."
        ),
    ] = None,
    calibration: CalibrationOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on where it was stopped or killed: movies that are done stay.",
        ),
    ] = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Restore recorded movies, one restored frame for each raw one.

    A Ctrl-C, a kill or a power cut costs little: the same with --resume goes on.

    Example: `pssr-live restore raw.ome.tiff -o restored.ome.tiff -m mito-mf5-x4`
    """
    console = console_for(json)
    if pixel_size_um is not None and not 0 < pixel_size_um < inf:
        raise SettingsError(
            f"--pixel-size-um {pixel_size_um:g} is no size: give micrometres above 0."
        )
    if resume and overwrite:
        raise SettingsError(
            "--resume goes on and --overwrite begins anew: give one of the two."
        )
    noise = read_scan_noise(by_channel(calibration))
    jobs = []
    for source, target in zip(
        sources, targets_for(sources, out, "restored"), strict=True
    ):
        check_target(source, target, overwrite=overwrite or resume)
        # One that cannot be read stops them all.
        jobs.append(_looked_into(source, target, model, axis))
    restorers = {job.how: Restorer(job.model, engine, job.axis, noise) for job in jobs}
    done = _done_before(jobs, restorers) if resume else {}
    left = [job for job in jobs if job.target not in done]
    if len(jobs) > 1:  # a full disk is better known now than after days
        check_room(out, sum(_bytes_to_come(job, restorers[job.how]) for job in left))
    for target, report in done.items():
        console.print(f"Restored before: {report['frames']} -> {target}", markup=False)
    reports = dict(done)
    for job in left:
        with (
            progress_bar(console, f"Restoring {job.source.name}") as show,
            _told_how_to_go_on(console, job.target),
        ):
            report = restore_file(
                job.source,
                job.target,
                restorers[job.how],
                pixel_size_um=pixel_size_um,
                overwrite=overwrite,
                resume=resume,
                progress=show,
            )
        reports[job.target] = report
        notes(console, report["warnings"])
        console.print(
            f"Frames restored: {report['frames']} -> {job.target}", markup=False
        )
        if "consistency" in report:
            console.print(
                f"Against the scans: {consistency_line(report['consistency'])}"
            )
    if json:
        print_json({"movies": [reports[job.target] for job in jobs]})
    for ladder in (restorer.ladder for restorer in restorers.values()):
        if ladder.refusals and not ladder.engine.restores:
            raise typer.Exit(1)  # nobody asked for interpolation


def _looked_into(
    source: Path, target: Path, model: str | None, axis: str | None
) -> _Job:
    with open_movie(source) as movie:
        name = model or _recorded_model(movie) or BEST_MODEL
        _refuse_restored(movie, source)
        y, x = movie.shape
        raw_bytes = len(movie) * y * x * np.dtype(movie.dtype).itemsize
        return _Job(source, target, name, axis or _recorded_axis(movie), raw_bytes)


def _done_before(
    jobs: list[_Job], restorers: Mapping[tuple[str, str], Restorer]
) -> dict[Path, dict[str, Any]]:
    """Return a report on each movie whose restoration is there.

    Raises
    ------
    StorageError
        If something else is.
    """
    done = {}
    for job in jobs:
        if job.target.exists():
            model = restorers[job.how].model_report()
            done[job.target] = {
                "source": str(job.source),
                "target": str(job.target),
                "frames": check_restored(job.source, job.target, model),
                "restored_before": True,
                "warnings": [],
            }
    return done


def _bytes_to_come(job: _Job, restorer: Restorer) -> int:
    part = part_of(job.target)
    there = part.stat().st_size if part.exists() else 0
    return max(job.raw_bytes * restorer.card.scale**2 - there, 0)


@contextmanager
def _told_how_to_go_on(console: Console, target: Path) -> Iterator[None]:
    """Say what a Ctrl-C leaves."""
    try:
        yield
    except KeyboardInterrupt:
        part = part_of(target)
        if part.exists():
            console.print(
                f"Stopped; what was restored is in {part}: go on with --resume.",
                markup=False,
            )
        raise


def _recorded_model(movie: Movie) -> str | None:
    """Return the model that a session was restored with while it ran, if any was.

    Raises
    ------
    ModelError
        If it is not here any more: another one would silently give other pictures.
    """
    told = movie.provenance.get("details", {})
    name = told.get("model")
    if not isinstance(name, str):
        return None
    folder = told.get("model_folder")
    places = [str(folder or ""), name if name in model_folders() else ""]
    for place in filter(None, places):
        if _is_model(place, told.get("model_sha256")):
            return place
    where = f", from {folder}," if folder else ""
    raise ModelError(
        f"{movie.path} was recorded with the model {name}{where} which cannot be found "
        "here as it was: pass -m with the folder of that model, or with another model."
    )


def _is_model(place: str, sha256: str | None) -> bool:
    """Whether there is a sound model, and of this network as far as that is known."""
    try:
        found = load_model(place).card.sha256["model.onnx"]
    except ModelError:
        return False
    return sha256 is None or found == sha256


def _recorded_axis(movie: Movie) -> str:
    """Return what the windows of a session followed while it ran."""
    axis = movie.provenance.get("details", {}).get("axis")
    return axis if axis in AXES else "t"


def _refuse_restored(movie: Movie, source: Path) -> None:
    if movie.provenance.get("kind") == "restored":
        raise SettingsError(
            f"{source} is a restored movie already: give the raw one, which stands "
            "beside it in its session."
        )
