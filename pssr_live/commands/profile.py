"""`pssr-live profile`: which scanner profiles are here, and whether one is true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pssr_live.commands.console import (
    ConfigOption,
    JsonOption,
    console_for,
    notes,
    print_json,
    quiet_mda,
)
from pssr_live.errors import PssrLiveError

if TYPE_CHECKING:
    from pssr_live.scanners.profile_check import Finding
    from pssr_live.scanners.profiles import Profile

profile_app = typer.Typer(help="List scanner profiles, or prove one.")


@profile_app.command("list")
def list_profiles(json: JsonOption = False) -> None:
    """List the profiles.

    Example: `pssr-live profile list`
    """
    from pssr_live.scanners.profiles import load_profile, profile_files

    console = console_for(json)
    profiles, faults = {}, {}
    for name, path in profile_files().items():
        try:
            profiles[name] = load_profile(path)
        except PssrLiveError as error:
            faults[name] = str(error)
    if json:
        told = {name: one.model_dump(mode="json") for name, one in profiles.items()}
        print_json(told | {name: {"error": fault} for name, fault in faults.items()})
    else:
        console.print(_list(profiles))
        notes(console, faults.values())
    if faults:
        raise typer.Exit(1)


@profile_app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="A profile's name, or a .toml file.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Prove a profile on the microscope; scans a few frames at each density.

    Sets each density, reads it back, scans, and compares sizes and frame times with
    what the profile says. Puts everything back as it was. Exit code 1 if anything
    differs.

    Example: `pssr-live profile check openscan --config scope.cfg`
    """
    from pssr_live.scanners.core import close_core, open_core
    from pssr_live.scanners.profile_check import check_profile
    from pssr_live.scanners.profiles import load_profile

    console = console_for(json)
    quiet_mda()
    profile = load_profile(name)
    core = open_core(config or simulated())
    try:
        with console.status("Checking") as status:
            findings = check_profile(
                core, profile, lambda said: status.update(escape(said))
            )
    finally:
        close_core(core)
    good = all(finding.good for finding in findings)
    if json:
        rows = [{"what": f.what, "good": f.good, "said": f.said} for f in findings]
        print_json({"profile": profile.name, "good": good, "findings": rows})
    else:
        console.print(_findings(profile.name, findings))
    if not good:
        raise typer.Exit(1)


def simulated() -> Path:
    """Return the configuration of the simulated scanner."""
    from pssr_live.scanners.simulated import simulated_config

    return simulated_config()


def _list(profiles: dict[str, Profile]) -> Table:
    table = Table()
    table.add_column("profile", no_wrap=True)
    for title in ("camera", "density", "high", "low", "for"):
        table.add_column(title, overflow="fold")
    for name, one in profiles.items():
        density = one.density
        table.add_row(
            escape(name),
            escape(one.camera),
            escape(density.property),
            str(density.high),
            str(density.low),
            escape(one.summary),
        )
    return table


def _findings(name: str, findings: Sequence[Finding]) -> Table:
    table = Table(title=escape(f"profile {name}"), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for found in findings:
        verdict = "ok" if found.good else "[red]NO[/red]"
        table.add_row(escape(found.what), verdict, escape(found.said))
    return table
