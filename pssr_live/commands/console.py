"""What all commands share on the terminal: one console, one progress bar, one JSON.

Everything meant for people goes to standard error when a script asked for JSON, so
that standard output holds nothing but the JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pssr_live.errors import SettingsError
from pssr_live.storage.strict_json import strict

LIVE_MODEL = "mito-mf5-x4-live"  # never waits for a later frame
CATCHING_UP = "Restoring deferred frames (Ctrl-C: later)"

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the report as JSON and nothing else.")
]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model's name, or its folder.")
]
EngineOption = Annotated[
    str | None,
    typer.Option(help="Inference engine; the best that works if left out."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Micro-Manager .cfg; the simulated scanner if left out.",
    ),
]
AxisOption = Annotated[
    str,
    typer.Option(help="What windows follow: t, time, or z, the planes of a stack."),
]
CalibrationOption = Annotated[
    list[str] | None,
    typer.Option(
        "--calibration",
        help="The calibration.toml of the microscope, to hold restored frames against "
        "their scans; NAME=FILE for one channel, as often as there are.",
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there already.")
]


def by_channel(given: Sequence[str] | None) -> dict[str, str]:
    """Return the files of `--calibration` by channel, "" for one of all channels.

    >>> by_channel(["all.toml", "GFP=green.toml"])
    {'': 'all.toml', 'GFP': 'green.toml'}

    Raises
    ------
    SettingsError
        If a channel is given two, or none.
    """
    files: dict[str, str] = {}
    for word in given or ():
        name, sign, file = word.partition("=")
        if not sign or Path(word).is_file():  # whose own name has such a sign
            name, file = "", word
        if not file:
            raise SettingsError(
                f"--calibration {word!r} names no file: write NAME=FILE, or FILE."
            )
        if name in files:
            whose = f"the channel {name}" if name else "all channels"
            raise SettingsError(
                f"Two calibrations were given for {whose}, {files[name]} and {file}: "
                "write --calibration NAME=FILE for each channel."
            )
        files[name] = file
    return files


def console_for(json_wanted: bool) -> Console:
    """Return where to talk to people, and send the package's log there too."""
    console = Console(stderr=json_wanted, highlight=False, soft_wrap=True, emoji=False)
    shown = RichHandler(console=console, show_time=False, show_path=False)
    shown.setLevel(logging.WARNING)
    _log_to("pssr_live", shown)
    # tifffile and the MDA engine log what ends up in our own errors and reports.
    _log_to("tifffile", logging.NullHandler())
    return console


def _log_to(name: str, handler: logging.Handler) -> None:
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.propagate = False


def quiet_mda() -> None:
    """Keep the MDA engine's log off the terminal; its file and our reports have it."""
    logger = logging.getLogger("pymmcore-plus")
    logger.propagate = False  # some libraries give the root logger a handler
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            handler.setLevel(logging.CRITICAL)


@contextmanager
def packages_of(extra: str) -> Iterator[None]:
    """Say which extra to install where an import finds a package missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The package {error.name} is not installed: run "
            f'`pip install "pssr-live[{extra}]"`.'
        ) from error


def notes(console: Console, warnings: Iterable[str]) -> None:
    """Print what the user should know, one line each."""
    for warning in warnings:
        console.print(f"[yellow]Note:[/yellow] {escape(warning)}")


def print_json(report: Mapping[str, Any]) -> None:
    """Print a report for a script; what is not finite becomes null."""
    text = json.dumps(strict(report), indent=2, default=str, allow_nan=False)
    sys.stdout.write(f"{text}\n")


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yields a function that takes (done, total)."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total)
        if done == total:
            bar.stop()  # room for the next one

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
