"""`pssr-live live`: the window, on a microscope."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pssr_live.calibration.values import read_scan_noise
from pssr_live.commands.console import (
    LIVE_MODEL,
    CalibrationOption,
    EngineOption,
    by_channel,
    console_for,
    packages_of,
    quiet_mda,
)
from pssr_live.commands.profile import simulated


def live(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Micro-Manager .cfg; if left out, the last one used, or at first the "
            "simulated scanner.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            help="A scanner profile's name or file; one that suits if left out, or "
            "the last one used with the last configuration.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, or its folder; the last one used if left out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for recordings; else the last one."),
    ] = None,
    engine: EngineOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Open the window: raw and restored side by side, live.

    Press L for live, R to record, ? for all keys.

    Example: `pssr-live live --config scope.cfg --profile openscan`
    """
    with packages_of("gui"):
        from pssr_live.app.start import Start, open_window

    from pssr_live.app.remembered import is_there, recall, settings_file

    console_for(False)
    quiet_mda()
    settings = settings_file()
    last = recall(settings)
    if config is None and is_there(last.config):
        config, profile = Path(last.config), profile or last.profile or None
    start = Start(
        config=config or simulated(),
        model=model or last.model or LIVE_MODEL,
        folder=(out or Path(last.folder or "pssr-live-sessions")).absolute(),
        profile=profile,
        engine=engine,
        noise=read_scan_noise(by_channel(calibration)),
    )
    raise typer.Exit(open_window(start, settings))
