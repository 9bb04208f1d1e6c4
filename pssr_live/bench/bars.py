"""Figures that have to be reached, and which of them are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table

BAR_SIDE = 128  # low-density pixels: what the bars are made for
FREE_CORES = 1  # left to the acquisition while frames are restored at its pace


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure has to reach; None was not measured."""

    what: str
    value: float | None
    bar: float
    at_least: bool

    @property
    def met(self) -> bool | None:
        """Whether it does; None if it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the figure, what it has to reach, and whether it does."""
        relation = ">=" if self.at_least else "<="
        return {
            "what": self.what,
            "value": None if self.value is None else round(self.value, 3),
            "bar": f"{relation} {self.bar:g}",
            "met": self.met,
        }


def report_bars(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the bars of a report of `pssr_live.bench.measure`, as JSON.

    All are about the engine that a live run uses, on frames of `BAR_SIDE` pixels;
    what was not measured on such frames has the value None.
    """
    name = report["chosen"]
    engine = report["engines"][name]
    size = engine["sizes"].get(str(BAR_SIDE), {})
    whole = report if report["settings"]["sizes"][0] == BAR_SIDE else {}
    used = size.get("paced", {}).get("cores_used")
    free = None if used is None else report["machine"]["cores"] - used
    at_least = {
        f"{name}, frames/s from memory": (size.get("frames_per_s"), 45),
        f"{name} alone, of the peak": (size.get("network_peak_share"), 0.8),
        "PSSR-MF, times ours": (_times_ours(whole, engine, size), 100),
        "cores left at 30 frames/s": (free, FREE_CORES),
        "live with the scanner, frames/s": (
            report.get("live", {}).get("restored_per_s"),
            30,
        ),
    }
    overhead = whole.get("recorded_run", {}).get("overhead")
    bars = [Bar(what, *value, at_least=True) for what, value in at_least.items()]
    bars.append(Bar("around the network, of its time", overhead, 0.2, at_least=False))
    return [bar.as_json() for bar in bars]


def bars_table(bars: list[dict[str, Any]], title: str = "") -> Table:
    """Return the bars as a table; one whose value is None was not measured."""
    table = Table("what", "measured", "bar", "met", title=title)
    met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for bar in bars:
        value = "not run" if bar["value"] is None else str(bar["value"])
        table.add_row(bar["what"], value, bar["bar"], met[bar["met"]])
    return table


def _times_ours(
    report: dict[str, Any], engine: dict[str, Any], size: dict[str, Any]
) -> float | None:
    """Return how many restorations fit into one pass of PSSR-MF where ours runs."""
    device = "cpu" if engine["device"] == "cpu" else "cuda"
    for name, peer in report.get("peers", {}).items():
        if name.startswith("PSSR-MF") and peer["device"] == device:
            ratio: float = peer["p50_ms"] / size["p50_ms"]
            return ratio
    return None
