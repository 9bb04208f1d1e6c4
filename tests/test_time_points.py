"""The interval that files tell is the one that the run had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sessions import LIVE, small_scanner, timelapse

from pssr_live.frame import Frame
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.time_points import TimePoints
from pssr_live.storage.movie import open_movie

PLANE = np.zeros((2, 2), np.uint16)


def kept(planned_s: float | None, times_s: dict[int, float]) -> TimePoints:
    """Return the account of time points, with two channels of which one is slow."""
    points = TimePoints(planned_s)
    for t, time_s in times_s.items():
        for c in (0, 1):
            index = {"t": t, "c": c}
            points.take(Frame(PLANE, 2 * t + c, index, time_s + 9 * c))
    return points


@pytest.mark.parametrize(
    ("planned_s", "times_s", "true_s"),
    [
        (1.0, {0: 0.3, 1: 1.2, 2: 2.25, 3: 3.3}, None),
        (1.0, {0: 0.0, 1: 2.5, 2: 5.0, 3: 7.5}, 2.5),
        (1.0, {0: 0.0, 1: 2.5, 4: 10.0, 5: 12.5}, 2.5),  # two were lost
        (1.0, {0: 0.0, 1: 1.0, 2: 90.0, 3: 91.0}, None),  # paused once
        (1.0, {0: 0.0, 1: 2.5, 2: 5.0}, None),  # too few to tell
        (0.01, {0: 0.0, 1: 0.02, 2: 0.04, 3: 0.06}, None),  # a busy computer's
        (None, {0: 0.0, 1: 2.5, 2: 5.0, 3: 7.5}, None),
    ],
)
def test_the_true_interval(
    planned_s: float | None, times_s: dict[int, float], true_s: float | None
) -> None:
    points = kept(planned_s, times_s)
    assert points.true_s == true_s
    assert len(points.warnings()) == (true_s is not None)


def test_a_scanner_slower_than_its_plan_is_told_in_report_and_files(
    tmp_path: Path,
) -> None:
    with small_scanner() as core:
        core.setProperty("Scanner", "RealTime", "On")
        core.setProperty("Scanner", "Rest_ms", 50)
        with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
            core.mda.run(timelapse(5, 0.01), output=live)
    [said] = live.report["warnings"]
    assert said.startswith("The interval of 0.01 s was not kept: time points came 0.")
    for name in ("raw", "restored"):
        with open_movie(tmp_path / "s" / f"{name}.ome.tiff") as movie:
            assert 0.05 < (movie.layout.interval_s or 0) < 1
