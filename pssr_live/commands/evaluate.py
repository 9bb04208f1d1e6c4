"""`pssr-live evaluate`: how good a restored movie is, where a truth is known."""

from __future__ import annotations

from contextlib import ExitStack
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pssr_live.commands.console import (
    JsonOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
    progress_bar,
)
from pssr_live.errors import SettingsError
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rich.console import Console

    from pssr_live.evaluation.case import Case
    from pssr_live.evaluation.comparison import Comparison
    from pssr_live.storage.movie import Movie


def evaluate(
    restored: Annotated[
        Path,
        typer.Argument(
            help="The restored movie: a TIFF, or a folder of TIFFs. Or the folder of a "
            "session with references, which needs nothing else."
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="The truth, of the restored size; one frame or all. Frames belong "
            "together by time, channel, plane and position, else by their order."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the report.")
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option(help="What was restored; adds bicubic and the classical mean."),
    ] = None,
    window: Annotated[int, typer.Option(help="Frames of the classical mean.")] = 5,
    register: Annotated[
        bool, typer.Option("--register", help="Move the truth onto each scan first.")
    ] = False,
    pixel_size_um: Annotated[
        float | None,
        typer.Option(help="Pixel size of the truth, if its file is silent or wrong."),
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Compare a restored movie with a truth, beside bicubic and the classical mean.

    Example: `pssr-live evaluate restored.ome.tiff --truth truth.tif --raw raw.ome.tiff
    -o report`
    """
    with packages_of("demo"):
        from pssr_live.evaluation.findings import TITLES
        from pssr_live.evaluation.report import check_free, write_report

    console = console_for(json)
    if truth is None and (restored / FRAMES).exists():
        _by_references(restored, console, json)
        return
    if truth is None or out is None:
        raise SettingsError(
            f"{restored} is no session with references: give --truth and --out."
        )
    if pixel_size_um is not None and not 0 < pixel_size_um < inf:
        raise SettingsError(
            f"--pixel-size-um {pixel_size_um:g} is no size: give micrometres above 0."
        )
    check_free(out, overwrite)
    with progress_bar(console, "Judging frames") as show:
        comparison, said = _compared(
            restored, truth, raw, window, register, pixel_size_um, show
        )
    title = f"{restored.name} beside the truth"
    summary = write_report(comparison, out, title=title, overwrite=overwrite)
    if equal := summary["equal_to_truth"]:
        said.append(f"Frames equal to the truth, not in the mean PSNR: {equal}.")
    notes(console, said)
    if json:
        print_json(summary)
        return
    for method, figures in summary["means"].items():
        console.print(f"{TITLES[method]}: {_in_words(figures)}", markup=False)
    console.print(f"Look at {out / 'report.html'}", markup=False)


def _in_words(figures: Mapping[str, float | None]) -> str:
    psnr_db = figures["psnr_db"]  # None: infinite
    said = "equal to the truth" if psnr_db is None else f"{psnr_db:.2f} dB"
    return f"{said}, SSIM {figures['ssim']:.4f}"


def _by_references(session: Path, console: Console, json: bool) -> None:
    """Print the scores of a session's references."""
    from pssr_live.commands.summary import references_line
    from pssr_live.evaluation.session_references import score_references

    scores = score_references(session)
    if json:
        print_json(scores)
    else:
        console.print(references_line(scores), markup=False)


def _compared(
    restored: Path,
    truth: Path,
    raw: Path | None,
    window: int,
    register: bool,
    pixel_size_um: float | None,
    show: Callable[[int, int], None],
) -> tuple[Comparison, list[str]]:
    """Return the figures, and what a reader of them should know."""
    from pssr_live.evaluation.comparison import compare
    from pssr_live.evaluation.movies import movie_cases, range_of

    with ExitStack() as stack:
        ours, wanted = (stack.enter_context(open_movie(p)) for p in (restored, truth))
        scans = None if raw is None else stack.enter_context(open_movie(raw))
        cases = movie_cases(ours, wanted, scans, window)
        comparison = compare(
            _counted(cases, len(ours), show),
            range_of(wanted),
            pixel_size_um=pixel_size_um or wanted.pixel_size_um or ours.pixel_size_um,
            register=register,
        )
        return comparison, _left_out(comparison, len(ours)) + _units(ours, wanted)


def _left_out(comparison: Comparison, frames: int) -> list[str]:
    judged = {(score.scene, score.frame) for score in comparison.scores}
    unfit = comparison.skipped
    said = []
    if absent := frames - len(judged) - len(unfit):
        said.append(f"Frames left out, as one of the movies lacks them: {absent}.")
    if unfit:
        said.append(f"Frames that cannot be judged: {len(unfit)}. {unfit[0]}.")
    return said


def _units(restored: Movie, truth: Movie) -> list[str]:
    if restored.dtype == truth.dtype:
        return []
    return [
        f"The truth is {truth.dtype} and the restored movie {restored.dtype}: if their "
        "grey values are not of one scale, only PSSR's PSNR and SSIM mean anything."
    ]


def _counted(
    cases: Iterable[Case], total: int, show: Callable[[int, int], None]
) -> Iterator[Case]:
    for done, case in enumerate(cases):
        show(done, total)
        yield case
    show(total, total)
