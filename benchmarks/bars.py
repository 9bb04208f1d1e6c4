"""What a report of figures looks like, and the bars that some of them have to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure has to reach."""

    what: str
    value: float
    bar: float
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the figure, what it has to reach, and whether it does."""
        relation = ">=" if self.at_least else "<="
        return {
            "what": self.what,
            "value": round(self.value, 3),
            "bar": f"{relation} {self.bar:g}",
            "met": self.met,
        }


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the figures of a report, then its bars, then what makes them worthless."""
    machine = report["machine"]
    console.print(", ".join(f"{key} {value}" for key, value in machine.items()))
    figures = Table("", "", title=report["model"]["name"])
    parts = ("engine_alone", "from_memory", "recorded_run", "live", "original")
    for part in (name for name in parts if name in report):
        for name, value in report[part].items():
            figures.add_row(f"{part} {name}".replace("_", " "), str(value))
    figures.add_row("bicubic ms", str(report["bicubic_ms"]))
    console.print(figures)
    console.print(bars_table(report["bars"]))
    if not report["quiet"]:
        used = report["engine_alone"]["cores_used"]
        console.print(
            f"[yellow]The engine got {used} of {machine['cores']} cores: something "
            "else is running, so these figures are not ours. Measure again.[/]"
        )


def bars_table(bars: list[dict[str, Any]]) -> Table:
    """Return the bars as a table; one whose value is None was not measured."""
    table = Table("what", "measured", "bar", "met")
    met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for bar in bars:
        value = "not run" if bar["value"] is None else str(bar["value"])
        table.add_row(bar["what"], value, bar["bar"], met[bar["met"]])
    return table


def rounded(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report with every float rounded to three decimals."""
    kept = dict(report)
    for key, value in report.items():
        if isinstance(value, dict):
            kept[key] = rounded(value)
        elif isinstance(value, float):
            kept[key] = round(value, 3)
    return kept
