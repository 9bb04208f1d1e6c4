"""`pssr-live bench`: how fast every engine is on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from pssr_live.commands.console import (
    LIVE_MODEL,
    JsonOption,
    ModelOption,
    OverwriteOption,
    console_for,
    print_json,
    quiet_mda,
)

if TYPE_CHECKING:
    from pssr_live.bench.rounds import Listener

ENOUGH_FOR_ALL_S = 30.0  # with less time only the smaller of the usual sizes fits


def bench(
    model: ModelOption = LIVE_MODEL,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="Measure this engine; may be repeated. All if left out."),
    ] = None,
    size: Annotated[
        list[int] | None,
        typer.Option(
            help="Side of the scanned frames in pixels; may be repeated. "
            "Others' networks and recorded runs take part in the first."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="For all rounds together.")] = 60.0,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Measure others' networks too.")
    ] = True,
    live: Annotated[
        bool, typer.Option("--live/--no-live", help="End with a live run.")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for figures, page and picture."),
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how fast every engine is on this computer, all in turns.

    From a 16-bit frame in memory to a 16-bit picture in memory, beside the networks of
    PSSR and PSSR2 and what this machine can do at most. Run it when nothing else runs.
    The exit code says whether it was measured, not how fast it is.

    Example: `pssr-live bench --seconds 60 --out speed`
    """
    from pssr_live.bench.measure import measure
    from pssr_live.bench.page import check_free, write
    from pssr_live.bench.settings import USUAL_SIZES, BenchSettings
    from pssr_live.bench.show import show

    console = console_for(json)
    usual = USUAL_SIZES if seconds >= ENOUGH_FOR_ALL_S else USUAL_SIZES[:1]
    settings = BenchSettings(
        model, tuple(engine or ()), tuple(size or usual), seconds, peers, live
    )
    if out is not None:
        check_free(out, overwrite)
    quiet_mda()
    with _progress(console) as listen:
        report = measure(settings, listen)
    if out is not None:
        write(report, out)
    if json:
        print_json(report)
        return
    show(console, report)
    if out is not None:
        console.print(f"Look at {out / 'bench.png'}", markup=False)


@contextmanager
def _progress(console: Console) -> Iterator[Listener]:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("Starting", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
