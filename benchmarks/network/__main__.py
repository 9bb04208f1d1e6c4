"""All networks side by side: trained for equal time on equal data, then scored.

    python -m benchmarks.network --budget-s 120 --device cpu --out results

prints the scores and the bars, and writes `network.json` and `network.md` to `results`.
A run that was stopped goes on where it was; networks that are finished are not trained
again. Run it in the root of the repository.

The time of a CPU is that of the processor, so other programs change little; still, give
the machine to it alone if the latencies are to mean anything.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.network.bars import bars
from benchmarks.network.contenders import Contender, contenders
from benchmarks.network.films import PHOTONS, SPEEDS_PX, digest, real, simulated
from benchmarks.network.kept import claim
from benchmarks.network.measure import REFERENCE, All, Measurement
from benchmarks.network.page import page
from benchmarks.network.scores import BASELINES
from benchmarks.network.training import MARKS, Limit
from pssr_live.bench.bars import bars_table
from pssr_live.bench.machine import describe
from pssr_live.errors import SettingsError


def main() -> None:
    """Measure, print, write both files."""
    given = _arguments()
    console = Console()
    try:
        report = measure(given, console)
    except SettingsError as error:
        sys.exit(str(error))
    (given.out / "network.json").write_text(
        json.dumps(report, indent=2, allow_nan=False) + "\n", "utf-8"
    )
    written = given.out / "network.md"
    written.write_text(page(report), "utf-8")
    for name, net in report["networks"].items():
        scores = net["scores"]
        console.print(f"{name}: {scores['psnr_db']:.2f} dB, SSIM {scores['ssim']:.3f}")
    console.print(bars_table(report["bars"]))
    console.print(f"All figures: {written}")


def measure(given: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Do everything and return the report, ready for JSON."""
    device = _device(given.device)
    torch.set_num_threads(1 if device.type == "cpu" else torch.get_num_threads())
    full_width = given.full_width or device.type == "cuda"
    listed = contenders(device.type, full_width, given.seeds)
    chosen = _chosen(given.only, listed)
    movies = None if given.data is None else real(given.data)
    with console.status("The test set"):
        films = simulated(given.scenes)
    settings = {
        "budget_s": given.budget_s,
        "device": device.type,
        "full_width": full_width,
        "seed": given.seed,
        "clips": given.clips,
        "test_set": digest(films),
    }
    claim(given.out, settings)
    bench = Measurement(given.out, device, given.budget_s, given.seed, films, console)
    everything, equal = _trained(bench, listed, chosen, given.clips)
    scores = bench.scores(everything, films)
    networks = bench.networks(everything)
    for name, network in networks.items():
        network["scores"] = scores[name]
    baselines = {name: scores[name] for name in BASELINES}
    report = {
        "made": date.today().isoformat(),
        "machine": _machine(device),
        "settings": settings,
        "test_set": {
            "sha256": settings["test_set"],
            "scenes": given.scenes,
            "speeds_px": SPEEDS_PX,
            "photons": PHOTONS,
            "frames": sum(len(film.targets) for film in films),
        },
        "asked": {contender.name: contender.title for contender in listed},
        "marks": MARKS,
        "networks": networks,
        "baselines": baselines,
        "equal_samples": equal,
        "real": None if movies is None else bench.scores(everything, movies),
        "bars": bars(networks, baselines, device.type),
    }
    finite: dict[str, Any] = _finite(report)
    return finite


def _trained(
    bench: Measurement, listed: list[Contender], chosen: list[Contender], clips: int
) -> tuple[All, dict[str, Any]]:
    pool = cache(lambda: bench.pool(clips, listed))
    limit = Limit(device_s=bench.budget_s)
    everything: All = {}
    for contender in listed:
        if contender in chosen:
            everything[contender] = bench.trained(
                contender, contender.name, limit, pool
            )
        elif (found := bench.found(contender, contender.name)) is not None:
            everything[contender] = found
    if REFERENCE not in [contender.name for contender in everything]:
        return everything, {}
    once = {c: t for c, t in everything.items() if not c.name.startswith("fast-")}
    return everything, bench.at_equal_samples(once, pool)


def _chosen(only: str | None, listed: list[Contender]) -> list[Contender]:
    if only is None:
        return listed
    known = {contender.name: contender for contender in listed}
    names = only.split(",")
    for name in names:
        if name not in known:
            raise SettingsError(
                f"There is no network {name!r} here; choose of: {', '.join(known)}."
            )
    return [known[name] for name in names]


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "This torch finds no GPU: install one built for CUDA, or use --device cpu."
        )
    return torch.device(name)


def _machine(device: torch.device) -> dict[str, Any]:
    machine = describe()
    if device.type == "cuda":
        machine["gpu"] = torch.cuda.get_device_name(device)
    return machine


def _finite(value: Any) -> Any:
    """Make a value fit for strict JSON, which knows no NaN."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.network",
        description="All networks side by side, for equal time on equal data.",
        epilog="Example: python -m benchmarks.network --budget-s 120 --out results",
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="results, kept here")
    add("--budget-s", type=float, default=120, help="for each network (default 120)")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--data", type=Path, metavar="FOLDER", help="also score real movies (TIFF)")
    add("--only", metavar="NAMES", help="some networks, as in: fast,unet")
    add("--seeds", type=int, default=1, help="how often to train `fast` (default 1)")
    add("--full-width", action="store_true", help="U-Nets as published, on a CPU too")
    add("--seed", type=int, default=0, help="of weights and windows (default 0)")
    add("--scenes", type=int, default=8, help="cells in the test set (default 8)")
    add("--clips", type=int, default=240, help="simulated, to learn from (default 240)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
