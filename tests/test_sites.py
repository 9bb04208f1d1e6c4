"""Names of positions and places of the stage, from a run to its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ome_types
import pytest
from killed_sessions import assert_whole, frames, killed
from sessions import LIVE
from useq import MDAEvent, MDASequence

from pssr_live.frame import Restored
from pssr_live.offline import restore_file
from pssr_live.recovery import recover
from pssr_live.restorer import Restorer
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.arrivals import by_detector, run_layout
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.planned_sites import sites_of
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.sites import Site

SMALL = MDAEvent(properties=[["Camera", "Binning", "8"]])
FIELD_UM = 512.0  # 64 pixels of 8 um
BOTH = ("raw.ome.tiff", "restored.ome.tiff")
TILES: dict[str, Any] = {
    "setup": SMALL,
    "time_plan": {"interval": 0, "loops": 2},
    "stage_positions": [
        {"x": 100, "y": 200, "z": 10, "name": "cell 3"},
        {"x": -5000.5, "y": 7, "z": -2.5, "name": 'the "odd" <\U0001f52c>'},
    ],
    "channels": [{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
    "grid_plan": {"rows": 1, "columns": 2},
    "z_plan": {"range": 1, "step": 1},
}
Point = tuple[float | None, float | None, float | None]


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    yield core
    close_core(core)


class Stage:
    """Where the stage was for each frame, by the stage itself."""

    def __init__(self, core: ScanCore) -> None:
        self.first: dict[tuple[int, ...], Point] = {}
        core.mda.events.frameReady.connect(self.look)

    def look(self, image: Any, event: MDAEvent, meta: Any) -> None:
        key = tuple(event.index.get(axis, 0) for axis in "pgz")
        at = meta["position"]
        self.first.setdefault(key, (at["x"], at["y"], at["z"]))


def told(path: Path) -> dict[str, list[tuple[int, Point]]]:
    """Return by the name of each image: its planes, and the place of each."""
    found = {}
    for image in ome_types.from_tiff(path).images:
        assert all((p.the_t, p.the_c) == (0, 0) for p in image.pixels.planes)
        found[str(image.name)] = [
            (p.the_z, (p.position_x, p.position_y, p.position_z))
            for p in image.pixels.planes
        ]
    return found


@pytest.mark.parametrize("fed", [False, True], ids=["planned", "fed"])
def test_files_tell_the_names_and_places_of_tiles(
    core: ScanCore, tmp_path: Path, fed: bool
) -> None:
    stage, sequence = Stage(core), MDASequence(**TILES)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(live.feed(sequence) if fed else sequence, output=live)
    assert live.report["status"] == "success"
    restore_file(tmp_path / "s" / BOTH[0], tmp_path / "again.tiff", Restorer(LIVE))
    names = [f"{p['name']} g{g}" for p in TILES["stage_positions"] for g in range(2)]
    for path in (*(tmp_path / "s" / name for name in BOTH), tmp_path / "again.tiff"):
        found = told(path)
        assert list(found) == names
        for n, planes in enumerate(found.values()):
            assert [z for z, _ in planes] == [0, 1]
            for z, point in planes:
                assert point == pytest.approx(stage.first[n // 2, n % 2, z], abs=0.1)
    (_, (left, _, _)), *_ = found["cell 3 g0"]
    (_, (right, _, _)), *_ = found["cell 3 g1"]
    assert left is not None and right is not None
    assert right - left == pytest.approx(FIELD_UM)


def test_random_points_are_told_where_they_were(core: ScanCore, tmp_path: Path) -> None:
    """Each copy of a sequence has others."""
    stage = Stage(core)
    points = {"num_points": 3, "max_width": 900, "max_height": 900}
    sequence = MDASequence(
        setup=SMALL,
        stage_positions=[{"x": 0, "y": 0}],
        grid_plan=points | {"fov_width": 9, "fov_height": 9},
    )
    acquire(core, sequence, LiveRestoration(LIVE, tmp_path / "s", core=core))
    found = told(tmp_path / "s" / BOTH[1])
    assert list(found) == ["p0 g0", "p0 g1", "p0 g2"]
    for g, [(_, (x_um, y_um, z_um))] in enumerate(found.values()):
        assert (x_um, y_um) == pytest.approx(stage.first[0, g, 0][:2], abs=0.1)
        assert z_um is None  # nobody sent the focus anywhere


def test_a_plain_time_lapse_tells_nothing(core: ScanCore, tmp_path: Path) -> None:
    plan = {"interval": 0, "loops": 3}
    sequence = MDASequence(setup=SMALL, time_plan=plan, channels=["DAPI"])
    acquire(core, sequence, LiveRestoration(LIVE, tmp_path / "s", core=core))
    for name in BOTH:
        assert told(tmp_path / "s" / name) == {"image": []}
        with open_movie(tmp_path / "s" / name) as movie:
            assert "sites" not in movie.provenance["layout"]


def test_what_a_callback_asked_for_is_at_no_planned_place(
    core: ScanCore, tmp_path: Path
) -> None:
    def once(restored: Restored) -> MDAEvent | None:
        return MDAEvent(x_pos=50, y_pos=60) if restored.frame.index == first else None

    first = {"t": 0, "p": 0}
    places = [{"x": 1, "y": 2, "name": "a"}]
    plan = {"interval": 0, "loops": 2}
    sequence = MDASequence(setup=SMALL, time_plan=plan, stage_positions=places)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        live.on_restored(once)
        core.mda.run(live.feed(sequence, in_step=True), output=live)
    assert live.report["feedback"]["frames_sent_for"] == 1
    found = told(tmp_path / "s" / BOTH[0])
    assert found.pop("a") == [(0, (1.0, 2.0, None))]
    assert list(found.values()) == [[]]


def test_a_killed_session_keeps_them(tmp_path: Path, causal: Restorer) -> None:
    layout = run_layout(MDASequence(**{**TILES, "grid_plan": None}))
    came = frames(layout, 6)  # of 16: all of the first position, half of the second
    folder = killed(tmp_path / "run", causal, layout, came, 3)
    with open_movie(folder.raw) as raw:
        assert raw.layout.sites == layout.sites
    recover(folder.path)
    for path in (folder.raw, folder.restored):
        assert told(path) == {
            "cell 3": [(0, (100.0, 200.0, 9.5)), (1, (100.0, 200.0, 10.5))],
            'the "odd" <\U0001f52c>': [
                (0, (-5000.5, 7.0, -3.0)),
                (1, (-5000.5, 7.0, -2.0)),
            ],
        }
    assert_whole(folder, causal, 6)


def test_each_detector_is_at_the_place() -> None:
    places = [{"x": 1, "y": 2, "name": "a"}, {"x": 3, "y": 4}]
    layout = by_detector(run_layout(MDASequence(stage_positions=places)), 2)
    assert layout.image_names == ("a cam0", "a cam1", "p1 cam0", "p1 cam1")
    assert [layout.stage_at(n)[:2] for n in range(4)] == [(1, 2)] * 2 + [(3, 4)] * 2


@pytest.mark.parametrize("order", ["tpcz", "ptcz"])
@pytest.mark.parametrize("own", [False, True])
def test_a_fed_plan_has_the_sites_of_a_planned_one(order: str, own: bool) -> None:
    times = {"time_plan": {"interval": 0, "loops": 3}}
    places: list[dict[str, Any]] = [{"x": 1, "y": 2}, {"x": 3, "z": 4, "name": "b"}]
    if own:
        places[0]["sequence"] = times
    general = {} if own else times
    sequence = MDASequence(axis_order=order, stage_positions=places, **general)
    assert sites_of(sequence) == run_layout(sequence).sites
    assert [site.name for site in sites_of(sequence)] == ["", "b"]
    assert sites_of(iter(sequence)) == ()


def test_a_step_that_is_known_only_from_here_is_told_as_planned() -> None:
    sequence = MDASequence(z_plan={"range": 2, "step": 1})
    assert run_layout(sequence).sites == (Site((), z_um=(-1.0, 0.0, 1.0)),)
