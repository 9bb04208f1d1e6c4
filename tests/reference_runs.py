"""Runs with references on the simulated scanner, and what they left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sessions import LIVE, timelapse

from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.session import read_log


def state(core: ScanCore) -> dict[str, Any]:
    """Return everything that the scanner can be set to."""
    names = core.getDevicePropertyNames("Scanner")
    return {name: core.getProperty("Scanner", name) for name in names} | {
        "roi": tuple(core.getROI()),
        "exposure": core.getExposure(),
        "autoshutter": core.getAutoShutter(),
        "engine": core.mda.engine,
    }


def record(
    core: ScanCore, folder: Path, sequence: Any = None, **settings: Any
) -> dict[str, Any]:
    """Run a sequence with references; return the report."""
    settings = {"reference_every": 4, "reference_tile": 0.25} | settings
    with LiveRestoration(LIVE, folder, core=core, **settings) as live:
        core.mda.run(sequence or timelapse(10), output=live)
    return live.report


def lines(folder: Path, status: str) -> list[dict[str, Any]]:
    log = read_log(folder / "frames.jsonl")
    return [line for line in log if line["status"] == status]
