"""Runs whose callbacks answer with events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sessions import LIVE, timelapse
from useq import MDAEvent

from pssr_live.frame import Restored
from pssr_live.scanners.feedback.feed import AXIS
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie

DENSE = MDAEvent(
    properties=[("Scanner", "Resolution", 256)], metadata={"why": "a closer look"}
)


def answering(after: int, answer: Any) -> Callable[[Restored], Any]:
    """Return a callback that answers the picture of one planned frame."""

    def callback(restored: Restored) -> Any:
        planned = AXIS not in restored.frame.index
        return answer if planned and restored.frame.index["t"] == after else None

    return callback


def run_fed(
    core: ScanCore,
    folder: Path,
    *callbacks: Callable[[Restored], Any],
    plan: Any = None,
    model: str = LIVE,
    **how: Any,
) -> LiveRestoration:
    live = LiveRestoration(model, folder, core=core)
    for callback in callbacks:
        live.on_restored(callback)
    how = {"in_step": True} | how
    with live:
        fed = live.feed(timelapse(6) if plan is None else plan, **how)
        core.mda.run(fed, output=live)
    return live


def indices(folder: Path) -> list[dict[str, int]]:
    with open_movie(folder / "raw.ome.tiff") as movie:
        return [dict(movie.layout.index_of(n)) for n in range(len(movie))]
