"""The report on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from pssr_live.bench.bars import BAR_SIDE, bars_table
from pssr_live.bench.rows import (
    ENGINE_HEAD,
    TIMES,
    WORK,
    Rows,
    about,
    absent_rows,
    busy,
    engine_rows,
    sentences,
    speed_rows,
)


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the figures of a report, its bars, and what makes them worthless."""
    console.print(escape(about(report)))
    scale = report["model"]["scale"]
    for side in report["settings"]["sizes"]:
        rounds = next(iter(report["engines"].values()))["sizes"][str(side)]["rounds"]
        title = (
            f"{report['model']['name']}, {side} x {side} -> {scale * side} x "
            f"{scale * side}, rounds: {rounds}"
        )
        rows = speed_rows(report, side)
        times = 1 + len(TIMES)
        console.print(_table(title, ["", *TIMES], [row[:times] for row in rows]))
        worked = [[row[0], *row[times:]] for row in rows if set(row[times:]) != {"-"}]
        console.print(_table("what that takes", ["", *WORK], worked))
    console.print(_table("starting", ENGINE_HEAD, engine_rows(report)))
    if absent := absent_rows(report):
        console.print(_table("not measured", ["what", "why"], absent))
    for sentence in sentences(report):
        console.print(escape(sentence))
    title = f"bars, for {BAR_SIDE} x {BAR_SIDE} unless another size is named"
    console.print(bars_table(report["bars"], title))
    if (remark := busy(report)) is not None:
        console.print(f"[yellow]{escape(remark)}[/yellow]")


def _table(title: str, head: list[str], rows: Rows) -> Table:
    table = Table(title=escape(title))
    for place, name in enumerate(head):
        words = place == 0 or head == ["what", "why"]
        side: JustifyMethod = "left" if words else "right"
        table.add_column(name, justify=side, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    return table
