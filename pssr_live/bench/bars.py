"""Figures that have to be reached, and which of them are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table

BAR_SIDE = 128  # low-density pixels: what the bars are made for
LARGE_SIDE = 512  # and on a GPU also for these
FREE_CORES = 1  # left to the acquisition while frames are restored at its pace
GPU_MS = {BAR_SIDE: 0.3, LARGE_SIDE: 1.5}
GPU_P99 = 2.0  # times the median, at most


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

    All are about the engine that a live run uses, on frames of `BAR_SIDE` pixels and,
    on a GPU, of `LARGE_SIDE`; what was not measured on such frames has the value None.
    """
    name = report["chosen"]
    engine = report["engines"][name]
    size = engine["sizes"].get(str(BAR_SIDE), {})
    whole = report if report["settings"]["sizes"][0] == BAR_SIDE else {}
    used = size.get("paced", {}).get("cores_used")
    free = None if used is None else report["machine"]["cores"] - used
    on_gpu = engine["device"] != "cpu"
    times = _times_ours(whole, engine, size)
    at_least: dict[str, tuple[float | None, float]] = {
        f"{name}, frames/s from memory": (size.get("frames_per_s"), 45),
        # A GPU's peak is for pictures larger than any scan.
        **({} if on_gpu else {f"{name} alone, of the peak": _alone(size)}),
        "PSSR-MF, times ours": (times, 20 if on_gpu else 100),
        "cores left at 30 frames/s": (free, FREE_CORES),
        "live with the scanner, frames/s": (
            report.get("live", {}).get("restored_per_s"),
            30,
        ),
    }
    overhead = whole.get("recorded_run", {}).get("overhead")
    bars = [Bar(what, *value, at_least=True) for what, value in at_least.items()]
    if on_gpu:
        bars += _gpu_bars(name, engine)
    else:
        what = "around the network, of its time"
        bars.append(Bar(what, overhead, 0.2, at_least=False))
    return [bar.as_json() for bar in bars]


def bars_table(bars: list[dict[str, Any]], title: str = "") -> Table:
    """Return the bars as a table; one whose value is None was not measured."""
    table = Table("what", "measured", "bar", "met", title=title)
    met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for bar in bars:
        value = "not run" if bar["value"] is None else str(bar["value"])
        table.add_row(bar["what"], value, bar["bar"], met[bar["met"]])
    return table


def _alone(size: dict[str, Any]) -> tuple[float | None, float]:
    return size.get("network_peak_share"), 0.8


def _gpu_bars(name: str, engine: dict[str, Any]) -> list[Bar]:
    """Return what a frame may take, from host memory to host memory."""
    bars = []
    for side, most_ms in GPU_MS.items():
        size = engine["sizes"].get(str(side), {})
        p50_ms, p99_ms = size.get("p50_ms"), size.get("p99_ms")
        wide = None if p50_ms is None else p99_ms / p50_ms
        what = f"{name}, {side} x {side}"
        bars.append(Bar(f"{what}, ms (median)", p50_ms, most_ms, at_least=False))
        bars.append(Bar(f"{what}, p99 over median", wide, GPU_P99, at_least=False))
    return bars


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
