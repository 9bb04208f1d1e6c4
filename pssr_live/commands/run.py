"""`pssr-live run`: an MDA sequence on a real or simulated microscope."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pssr_live.commands.console import (
    LIVE_MODEL,
    EngineOption,
    JsonOption,
    ModelOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
    progress_bar,
    quiet_mda,
)
from pssr_live.commands.summary import run_table


def run(
    sequence: Annotated[
        Path, typer.Argument(help="A useq MDA sequence, .yaml or .json.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the session.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Micro-Manager .cfg; the simulated scanner if left out.",
        ),
    ] = None,
    model: ModelOption = LIVE_MODEL,
    engine: EngineOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Acquire a sequence, and record and restore it live.

    Example: `pssr-live run sequence.yaml --config scope.cfg --out session_01`
    """
    from pssr_live.scanners.acquire import acquire
    from pssr_live.scanners.core import close_core, open_core
    from pssr_live.scanners.hook import LiveRestoration
    from pssr_live.scanners.sequence import read_sequence

    console = console_for(json)
    quiet_mda()
    planned = read_sequence(sequence)
    core = open_core(config or _simulated())
    try:
        with (
            progress_bar(console, "Scanning") as scanning,
            progress_bar(console, "Restoring deferred frames") as show,
        ):
            live = LiveRestoration(
                model,
                out,
                engine=engine,
                overwrite=overwrite,
                core=core,
                progress=show,
            )
            report = acquire(core, planned, live, scanning)
    finally:
        close_core(core)
    if json:
        print_json(report)
    else:
        console.print(run_table(report, out))
        notes(console, report["warnings"])
    if report["status"] != "success":
        raise typer.Exit(1)


def _simulated() -> Path:
    with packages_of("demo"):
        from pssr_live.scanners.simulated import simulated_config
    return simulated_config()
