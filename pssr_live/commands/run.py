"""`pssr-live run`: an MDA sequence on a real or simulated microscope."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pssr_live.commands.console import (
    CATCHING_UP,
    LIVE_MODEL,
    AxisOption,
    CalibrationOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    ModelOption,
    OverwriteOption,
    by_channel,
    console_for,
    notes,
    print_json,
    progress_bar,
    quiet_mda,
)
from pssr_live.commands.plan_table import plan_table
from pssr_live.commands.profile import simulated
from pssr_live.commands.summary import run_table
from pssr_live.errors import SettingsError

if TYPE_CHECKING:
    from pssr_live.scanners.profiles import Profile
    from pssr_live.scanners.references.plan import Every

UNCOUNTED = (
    "References are not counted in this plan: they take time and dose of their own, "
    "which the report tells."
)


def run(
    sequence: Annotated[
        Path, typer.Argument(help="A useq MDA sequence, .yaml or .json.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the session.")
    ] = None,
    config: ConfigOption = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            help="A scanner profile's name or file: scans at the model's density, and "
            "tells time and dose.",
        ),
    ] = None,
    model: ModelOption = LIVE_MODEL,
    engine: EngineOption = None,
    axis: AxisOption = "t",
    reference_every: Annotated[
        str | None,
        typer.Option(
            help="Frames between scans at full density to judge by, or `auto`: 2 % of "
            "the dose."
        ),
    ] = None,
    reference_tile: Annotated[
        float, typer.Option(help="Part of the field that they show; 1: all of it.")
    ] = 1 / 16,
    calibration: CalibrationOption = None,
    overwrite: OverwriteOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and stop; scans nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Acquire a sequence, and record and restore it live.

    Afterwards the microscope is set as it was before. Ctrl-C ends the run cleanly,
    twice at once.

    Example: `pssr-live run sequence.yaml --config scope.cfg --out session_01`
    """
    from pssr_live.restorer import Restorer
    from pssr_live.scanners.acquire import acquire
    from pssr_live.scanners.core import close_core, open_core
    from pssr_live.scanners.hook import LiveRestoration
    from pssr_live.scanners.profiles import load_profile, noise_from
    from pssr_live.scanners.references.plan import reference_plan
    from pssr_live.scanners.sequence import read_sequence
    from pssr_live.scanners.session_plan import plan_session
    from pssr_live.storage.session import SessionFolder, session_path

    console = console_for(json)
    quiet_mda()
    if out is None and not dry_run:
        raise SettingsError("Name a folder for the session, such as --out session_01.")
    if out is not None:
        SessionFolder.require_usable(session_path(out), overwrite=overwrite)
    every = _spacing(reference_every)
    reference_plan(every, reference_tile)  # a plan with one that makes no sense is none
    planned = read_sequence(sequence)
    scanner = None if profile is None else load_profile(profile)
    noise = noise_from(by_channel(calibration), scanner)
    with ExitStack() as open_things:
        core = open_core(config or simulated())
        open_things.callback(close_core, core)
        restorer = Restorer(model, engine, axis, noise)
        open_things.enter_context(closing(restorer))
        plan = plan_session(core, planned, restorer, out or Path(), scanner)
        if not json and (dry_run or scanner is not None):
            console.print(plan_table(plan))
            if reference_every is not None:
                notes(console, [UNCOUNTED])
        if out is None or dry_run:
            if json:
                print_json(plan.report())
            return
        scanning = open_things.enter_context(progress_bar(console, "Scanning"))
        show = open_things.enter_context(progress_bar(console, CATCHING_UP))
        live = LiveRestoration(
            restorer,
            out,
            overwrite=overwrite,
            core=core,
            progress=show,
            reference_every=every,
            reference_tile=reference_tile,
            reference_density=() if scanner is None else [_full_density(scanner)],
        )
        report = acquire(core, plan.sequence, live, scanning, plan.scan)
    if json:
        print_json(report)
    else:
        console.print(run_table(report, out))
        notes(console, report["warnings"])
    if report["status"] != "success":
        raise typer.Exit(1)


def _full_density(profile: Profile) -> tuple[str, str, int]:
    return *profile.address(profile.density), profile.density.high


def _spacing(said: str | None) -> Every:
    """Return what `--reference-every` means."""
    if said is None:
        return None
    try:
        return "auto" if said == "auto" else int(said)
    except ValueError as error:
        raise SettingsError(
            f"--reference-every {said!r} is no number of frames: give one, or auto."
        ) from error
