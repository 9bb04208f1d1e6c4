"""What callbacks asked for at another density, and the way back to the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fed_runs import DENSE, answering, run_fed
from sessions import (
    LIVE,
    SIDE,
    assert_live_equals_offline,
    pixels,
    small_scanner,
    timelapse,
)
from useq import MDAEvent

from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder, read_log


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


def test_a_dense_rescan_has_its_own_file_and_the_plan_goes_on(
    core: ScanCore, tmp_path: Path
) -> None:
    zoomed = MDAEvent(properties=[("Scanner", "Zoom", 4.0)])
    live = run_fed(core, tmp_path / "s", answering(2, [DENSE, zoomed, DENSE]))
    folder = SessionFolder(tmp_path / "s")
    assert live.report["status"] == "success"
    assert (
        live.report["feedback"] | {"rescans": 3, "rescans_recorded": 3}
        == (live.report["feedback"])
    )
    assert [page.shape for page in pixels(folder.raw) if page is not None] == (
        [(SIDE, SIDE)] * 6
    )
    assert [p.shape for p in pixels(folder.rescans(1)) if p is not None] == (
        [(256, 256)] * 2
    )
    with open_movie(folder.rescans(1)) as dense, open_movie(folder.rescans(2)) as near:
        assert dense.pixel_size_um == pytest.approx(25.6 / 256)
        assert near.pixel_size_um == pytest.approx(25.6 / SIDE / 4)
        assert len(near) == 1
    diary = read_log(folder.feedback)
    assert [line["status"] for line in diary] == ["asked", *["rescan"] * 3]
    assert diary[0]["why"][0] == {"why": "a closer look"}
    assert diary[1]["why"] == {"why": "a closer look"}
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_what_was_changed_last_is_put_back_at_the_end(
    core: ScanCore, tmp_path: Path
) -> None:
    run_fed(core, tmp_path / "s", answering(5, DENSE))
    assert core.getProperty("Scanner", "Resolution") == SIDE


def test_the_setup_of_the_plan_and_its_region_hold(
    core: ScanCore, tmp_path: Path
) -> None:
    core.setProperty("Scanner", "Resolution", 512)
    setup = MDAEvent(properties=[("Scanner", "Resolution", 128)], roi=(8, 16, 48, 32))
    run_fed(core, tmp_path / "s", answering(1, DENSE), plan=timelapse(4, setup=setup))
    raw = pixels(tmp_path / "s" / "raw.ome.tiff")
    assert [page.shape for page in raw if page is not None] == [(32, 48)] * 4


def test_a_new_session_takes_the_rescans_of_the_old_one_away(
    core: ScanCore, tmp_path: Path
) -> None:
    run_fed(core, tmp_path / "s", answering(1, DENSE))
    assert (tmp_path / "s" / "rescans.ome.tiff").exists()
    with LiveRestoration(LIVE, tmp_path / "s", core=core, overwrite=True) as live:
        core.mda.run(live.feed(timelapse(2)), output=live)
    assert not (tmp_path / "s" / "rescans.ome.tiff").exists()
    assert not (tmp_path / "s" / "feedback.jsonl").exists()
