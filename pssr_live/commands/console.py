"""What all commands share on the terminal: one console, one progress bar, one JSON.

Everything meant for people goes to standard error when a script asked for JSON, so
that standard output holds nothing but the JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

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
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there already.")
]


def console_for(json_wanted: bool) -> Console:
    """Return where to talk to people, and send the package's log there too."""
    console = Console(stderr=json_wanted, highlight=False)
    shown = RichHandler(console=console, show_time=False, show_path=False)
    logging.getLogger("pssr_live").handlers = [shown]
    logging.getLogger("pssr_live").propagate = False
    return console


def print_json(report: Mapping[str, Any]) -> None:
    """Print a report for a script."""
    sys.stdout.write(json.dumps(report, indent=2, default=str) + "\n")


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yields a function that takes (done, total)."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=not console.is_terminal,
    )
    task = bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()
