"""How fast it is here: 5 x 128 x 128 uint16 -> 512 x 512, everything in one process.

    python benchmarks/speed.py [--json FILE] [--seconds S] [--skip-original]

prints a table with the bars, and as the last line of stdout a JSON object. The exit
code says whether it could be measured, not whether the bars were met: that depends on
the machine. What each figure means, and how: `rounds`, `live`, `original`.

Run it on a machine that does nothing else. "quiet" in the output is false where the
engine got less than four fifths of the cores: then nothing here is worth keeping, the
overhead least of all, because what runs on one core suffers less than the engine does.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from bars import Bar, rounded, show
from live import run_live
from machine import describe
from rich.console import Console
from rich.progress import Progress
from rounds import SIDE, Timings, full_window, make_frames, run_rounds, time_memory

from pssr_live.restorer import Restorer

ORIGINAL_RUNS = 3
QUIET_SHARE = 0.8  # of all cores, got by the engine


def main() -> None:
    """Measure, print the table, and the JSON object as the last line."""
    given = _arguments()
    console = Console()
    restorer = Restorer(given.model, given.engine)
    report: dict[str, Any] = {
        "machine": describe(),
        "model": restorer.model_report(),
        "engine": restorer.engine_report(),
    }
    with _progress(console, "Engine, memory, recorded run") as tick:
        timings = run_rounds(restorer, given.seconds, tick)
    report |= rounds_report(restorer, timings)
    bars = rounds_bars(timings)
    with console.status("Live, with the scanner running"):
        live = run_live(given.model, given.engine, live_frames(given.seconds))
    report["live"] = rounded(asdict(live))
    what = "restored with the scanner running, frames/s"
    bars.append(Bar(what, live.restored_per_s, 30, at_least=True))
    if not given.skip_original:
        with console.status("The original network"):
            report["original"], bar = measure_original(restorer)
        bars.append(bar)
    restorer.close()
    report["load_at_end"] = describe()["load"]
    cores = report["machine"]["cores"]
    report["quiet"] = timings.cores_used > QUIET_SHARE * cores
    report["bars"] = [bar.as_json() for bar in bars]
    show(console, report)
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report))


def rounds_report(restorer: Restorer, timings: Timings) -> dict[str, Any]:
    """Return what the rounds gave, in milliseconds a frame and frames a second."""
    median_ms = float(np.median(timings.engine_ms))
    gflop = restorer.card.gflop_per_lr_pixel * SIDE**2
    memory_ms = timings.memory_ms
    report = {
        "rounds": len(memory_ms),
        "engine_alone": {
            "median_ms": median_ms,
            "min_ms": min(timings.engine_ms),
            "gflop": gflop,
            "gflop_per_s": 1e3 * gflop / median_ms,
            "cores_used": timings.cores_used,
        },
        "from_memory": {
            "median_per_s": 1e3 / float(np.median(memory_ms)),
            "best_per_s": 1e3 / min(memory_ms),
        },
        "recorded_run": {
            "median_per_s": 1e3 / float(np.median(timings.path_ms)),
            "overhead": timings.overhead,
            "overhead_cpu": timings.overhead_cpu,
        },
        "bicubic_ms": float(np.median(timings.bicubic_ms)),
    }
    return rounded(report)


def rounds_bars(timings: Timings) -> list[Bar]:
    """Return the bars on what the rounds gave."""
    per_s = 1e3 / float(np.median(timings.memory_ms))
    return [
        Bar("restored from memory, frames/s", per_s, 45, at_least=True),
        Bar("around the engine, of its time", timings.overhead, 0.2, at_least=False),
    ]


def live_frames(seconds: float) -> int:
    """Return how many frames a live run takes, for a budget of a round's seconds."""
    return int(np.clip(8 * seconds, 24, 240))


def measure_original(restorer: Restorer) -> tuple[dict[str, Any], Bar]:
    """Time the original network; comes last, because it brings torch in."""
    from original import time_original

    frames = make_frames()
    values = full_window(restorer, frames).values()
    timed = time_original(values, lambda: time_memory(restorer, frames), ORIGINAL_RUNS)
    report = rounded(asdict(timed) | {"ratio": timed.ratio})
    what = "original PSSR-MF, times our restoration"
    return report, Bar(what, timed.ratio, 100, at_least=True)


@contextmanager
def _progress(console: Console, what: str) -> Iterator[Callable[[float], None]]:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast pssr_live is here.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here")
    parser.add_argument(
        "--seconds", type=float, default=30, help="for the rounds (default 30)"
    )
    parser.add_argument("--model", default="mito-mf5-x4-live", help="name or folder")
    parser.add_argument("--engine", help="one engine, instead of the best that works")
    parser.add_argument(
        "--skip-original", action="store_true", help="leave PSSR-MF and torch out"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
