"""`pssr-live demo`: no microscope needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from pssr_live.commands.console import (
    CATCHING_UP,
    LIVE_MODEL,
    EngineOption,
    JsonOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
    progress_bar,
    quiet_mda,
)
from pssr_live.commands.summary import run_table

MODELS = {"mito": LIVE_MODEL, "em": "em-mf5-x4-live"}


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the session.")
    ] = Path("pssr-live-demo"),
    frames: Annotated[int, typer.Option(help="Frames to scan.")] = 60,
    sample: Annotated[
        Literal["mito", "em"], typer.Option(help="What to scan.")
    ] = "mito",
    seed: Annotated[int, typer.Option(help="Which cell.")] = 1,
    resolution: Annotated[
        Literal["64", "128", "256"],
        typer.Option(help="Pixels per axis; 512 would be full density."),
    ] = "128",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, or its folder; else one that suits the sample.",
        ),
    ] = None,
    engine: EngineOption = None,
    overwrite: OverwriteOption = False,
    headless: Annotated[
        bool,
        typer.Option("--headless", help="No window: scan --frames frames and compare."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Scan a simulated living cell at 1/16 of the pixels and restore it live.

    A real Micro-Manager core drives a simulated point scanner; everything else is
    what a real session uses. The window opens with the scan going on: move density,
    dwell and light, and see what each costs. With `--headless` a number of frames is
    scanned and compared with the truth, which only a simulation knows.

    Example: `pssr-live demo`

    Example: `pssr-live demo --headless --frames 60 --out demo_session`
    """
    if not (headless or json):
        _open_window(out, sample, seed, int(resolution), model, engine)
    with packages_of("demo"):
        from pssr_live.scanners.rehearsal import Rehearsal, rehearse

    console = console_for(json)
    quiet_mda()
    plan = Rehearsal(
        frames, sample, seed, int(resolution), model or MODELS[sample], engine
    )
    with (
        progress_bar(console, "Scanning") as scanning,
        progress_bar(console, CATCHING_UP) as catching_up,
        progress_bar(console, "Comparing with the truth") as scoring,
    ):
        report = rehearse(plan, out, overwrite, scanning, catching_up, scoring)
    if json:
        print_json(report)
    else:
        console.print(run_table(report, out))
        notes(console, report["warnings"])
        console.print(f"Look at {out / 'preview.png'}", markup=False)
    if report["status"] != "success":
        raise typer.Exit(1)


def _open_window(
    out: Path,
    sample: str,
    seed: int,
    resolution: int,
    model: str | None,
    engine: str | None,
) -> NoReturn:
    from pssr_live.calibration.values import read_scan_noise

    with packages_of("gui"):
        from pssr_live.app.remembered import settings_file
        from pssr_live.app.start import Start, open_window
        from pssr_live.scanners.rehearsal import SPECIMENS
        from pssr_live.scanners.simulated import (
            LABEL,
            calibration_file,
            simulated_config,
        )

    console_for(False)
    quiet_mda()
    start = Start(
        config=simulated_config(),
        model=model or MODELS[sample],
        folder=out.absolute(),
        profile="simulated",
        engine=engine,
        settings=(("Specimen", SPECIMENS[sample]), (LABEL, "Seed", str(seed))),
        density=resolution,
        live=True,
        noise=read_scan_noise(calibration_file(sample)),
        movies_too=False,
    )
    raise typer.Exit(open_window(start, settings_file("demo")))
