"""`pssr-live recover`: a session that was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pssr_live.commands.console import (
    EngineOption,
    JsonOption,
    console_for,
    notes,
    print_json,
    progress_bar,
)
from pssr_live.recovery import recover as mend


def recover(
    session: Annotated[Path, typer.Argument(help="Folder of the session.")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, or its folder; the session's if left out.",
        ),
    ] = None,
    engine: EngineOption = None,
    json: JsonOption = False,
) -> None:
    """Mend what a crash or a power cut left: complete the files, restore the rest.

    Every frame that was recorded is in `raw.ome.tiff` already, save those that a power
    cut took from the disk, which are counted as lost. This gives the files the metadata
    that other programs read, restores the frames that were not restored yet, and says
    in `status.json` how the session ended.

    Example: `pssr-live recover session_01`
    """
    console = console_for(json)
    with progress_bar(console, f"Mending {session.name}") as show:
        report = mend(session, model, engine, show)
    if json:
        print_json(report)
        return
    console.print(
        f"{session}: {report['frames_recorded']} frames recorded, "
        f"{report['frames_restored']} restored, {report['frames_restored_now']} of "
        f"them now, {report['frames_lost']} lost.",
        markup=False,
    )
    notes(console, report["warnings"])
