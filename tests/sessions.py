"""Sessions on the simulated scanner, and what they left on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from useq import MDAEvent, MDASequence, TIntervalLoops

from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import simulated_config
from pssr_live.storage.movie import open_movie

LIVE, CENTRED = "mito-mf5-x4-live", "mito-mf5-x4"
SIDE = 64


@contextmanager
def small_scanner() -> Iterator[ScanCore]:
    """Open a core whose simulated scanner gives small frames as fast as it can."""
    core = open_core(simulated_config())
    core.setProperty("Scanner", "RealTime", "Off")
    core.setProperty("Scanner", "Resolution", SIDE)
    try:
        yield core
    finally:
        close_core(core)


def timelapse(frames: int, interval_s: float = 0.0, **more: Any) -> MDASequence:
    plan = TIntervalLoops(interval=timedelta(seconds=interval_s), loops=frames)
    return MDASequence(time_plan=plan, **more)


def pixels(path: Path) -> list[np.ndarray[Any, Any] | None]:
    """Return every page in the order of the file; None for one marked as missing."""
    with open_movie(path) as movie:
        return [
            None if n in movie.missing else movie.frame(n).pixels
            for n in range(len(movie))
        ]


def assert_live_equals_offline(folder: Path, model: str) -> None:
    """Restore the raw file anew and compare, page by page."""
    again = folder.parent / f"{folder.name}_again.ome.tiff"
    restore_file(folder / "raw.ome.tiff", again, Restorer(model))
    live, offline = pixels(folder / "restored.ome.tiff"), pixels(again)
    assert len(live) == len(offline) > 0
    for one, other in zip(live, offline, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            np.testing.assert_array_equal(one, other)


def come_late(monkeypatch: pytest.MonkeyPatch, t: int, seconds: float) -> None:
    """Have the frame of one time point arrive later than others."""
    take = LiveRestoration._take

    def take_late(
        live: LiveRestoration, image: Any, event: MDAEvent, meta: Any
    ) -> None:
        if event.index["t"] == t:
            time.sleep(seconds)
        take(live, image, event, meta)

    monkeypatch.setattr(LiveRestoration, "_take", take_late)


def fail_snap(core: ScanCore, monkeypatch: pytest.MonkeyPatch, *calls: int) -> None:
    """Have some scans fail, counted from 0."""
    snap, count = core.snapImage, iter(range(10**6))

    def snap_or_fail() -> None:
        if next(count) in calls:
            raise RuntimeError("the shutter is stuck")
        snap()

    monkeypatch.setattr(core, "snapImage", snap_or_fail)


def wait_until(true: Callable[[], Any], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.005)
