"""Grids: the stage goes in steps of the field, whoever looked at the plan before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sessions import LIVE
from useq import MDASequence, WellPlatePlan

from pssr_live.errors import ScannerError
from pssr_live.restorer import Restorer
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.grids import on_field_of, once
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.restoring_engine import RestoringEngine
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.sequence import read_sequence
from pssr_live.scanners.session_plan import plan_session

Places = list[tuple[float, float]]

GRID = """
grid_plan: {rows: 1, columns: 2}
channels: [DAPI]
setup: {properties: [[Camera, Binning, "8"]]}
"""
FIELD_UM = 512.0  # 64 pixels of 8 um


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    yield core
    close_core(core)


@pytest.fixture
def places(core: ScanCore) -> Places:
    """Where each frame of a run was taken, by the stage itself."""
    seen: Places = []

    def look(image: Any, event: Any, meta: Any) -> None:
        seen.append((meta["position"]["x"], meta["position"]["y"]))

    core.mda.events.frameReady.connect(look)
    return seen


def grid(tmp_path: Path) -> MDASequence:
    (tmp_path / "grid.yaml").write_text(GRID)
    return read_sequence(tmp_path / "grid.yaml")


def assert_a_field_apart(places: Places) -> None:
    (x0, _), (x1, _) = places
    assert abs(x1 - x0) == pytest.approx(FIELD_UM, abs=0.1)


def test_a_planned_run_goes_in_steps_of_the_field(
    core: ScanCore, places: Places, tmp_path: Path
) -> None:
    restorer = Restorer(LIVE)
    plan = plan_session(core, grid(tmp_path), restorer, tmp_path)
    report = acquire(
        core, plan.sequence, LiveRestoration(restorer, tmp_path / "s", core=core)
    )
    assert (plan.frames, report["frames_restored"]) == (2, 2)
    assert_a_field_apart(places)


def test_a_fed_run_too(core: ScanCore, places: Places, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(live.feed(grid(tmp_path)), output=live)
    assert_a_field_apart(places)


def test_and_one_of_a_restoring_engine(
    core: ScanCore, places: Places, tmp_path: Path
) -> None:
    with RestoringEngine(core, LIVE):
        core.mda.run(grid(tmp_path))
    assert_a_field_apart(places)


def test_the_tiles_of_an_area_are_counted_by_the_field(
    core: ScanCore, causal: Restorer, tmp_path: Path
) -> None:
    area = MDASequence(
        grid_plan={"width": 1000, "height": 1000},
        setup={"properties": [("Camera", "Binning", "8")]},
    )
    assert plan_session(core, area, causal, tmp_path).frames == 4


def test_a_grid_on_a_microscope_without_a_pixel_size_is_refused(
    core: ScanCore,
) -> None:
    core.setPixelSizeUm("Res10x", 0)
    core.setConfig("Objective", "10X")
    assert core.getPixelSizeUm() == 0
    tiles = {"rows": 1, "columns": 2}
    with pytest.raises(ScannerError, match=r"a grid and .* pixel size: calibrate"):
        on_field_of(core, MDASequence(grid_plan=tiles))
    told = MDASequence(grid_plan={**tiles, "fov_width": 5, "fov_height": 5})
    assert on_field_of(core, told) is told


@pytest.mark.parametrize(
    "within",
    [
        {
            "stage_positions": [
                {"x": 0, "sequence": {"grid_plan": {"rows": 1, "columns": 2}}}
            ]
        },
        {
            "stage_positions": WellPlatePlan(
                plate="96-well",
                a1_center_xy=(0, 0),
                selected_wells=([0], [0]),
                well_points_plan={"rows": 1, "columns": 2},
            )
        },
    ],
    ids=["position", "well"],
)
def test_so_does_a_grid_within(core: ScanCore, within: dict[str, Any]) -> None:
    sequence = MDASequence(**within)
    assert len(once(sequence)) == len(list(sequence)) == 2  # useq keeps what it saw
    left, right = (event.x_pos or 0 for event in on_field_of(core, sequence))
    assert right - left == pytest.approx(512)
