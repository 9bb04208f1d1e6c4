"""Live restoration in scripts: all that they may do with it, well or badly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymmcore import CMMCore
from pymmcore_plus import CMMCorePlus
from sessions import (
    CENTRED,
    LIVE,
    SIDE,
    assert_live_equals_offline,
    pixels,
    small_scanner,
    timelapse,
    wait_until,
)
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners import watch
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.restoring_engine import RestoringEngine
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import scanner_of, simulated_config
from pssr_live.storage.session import read_log


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


def test_outside_a_with_block_the_run_does_not_start(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ScannerError, match="used outside a `with` block: write"):
        core.mda.run(timelapse(3), output=live)
    with live:
        core.mda.run(timelapse(3), output=live)
    with pytest.raises(ScannerError, match="used outside a `with` block"):
        core.mda.run(timelapse(3), output=live)
    assert live.report["frames_acquired"] == 3


@pytest.mark.parametrize("core", [CMMCore(), LIVE, 5])
def test_what_is_no_core_is_told_before_anything_is_done(
    core: Any, tmp_path: Path
) -> None:
    uses: list[Callable[[], object]] = [
        LiveRestoration(LIVE, tmp_path / "s", core=core).__enter__,
        LiveMode(core, LIVE).__enter__,
        lambda: RestoringEngine(core, LIVE),
    ]
    for use in uses:
        with pytest.raises(ScannerError, match=rf"type {type(core).__name__}: give a"):
            use()
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("existing", [True, False])
def test_a_block_without_a_run_is_an_error_and_leaves_nothing(
    core: ScanCore, tmp_path: Path, existing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "START_S", 0.01)
    save = tmp_path / "s"
    if existing:
        save.mkdir()
    with (
        pytest.raises(ScannerError, match=r"No run was started .* so nothing was"),
        LiveRestoration(LIVE, save, core=core),
    ):
        core.mda.run(timelapse(2))  # and `output=live` forgotten
    assert save.exists() == existing
    assert not existing or not list(save.iterdir())


def test_two_runs_in_a_block(core: ScanCore, tmp_path: Path) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with (
        pytest.raises(ScannerError, match=r"A second run was started into .*s: open"),
        live,
    ):
        core.mda.run(timelapse(3), output=live)
        core.mda.run(timelapse(50), output=live)
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 3)
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_the_same_object_serves_several_runs_in_turn(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core, overwrite=True)
    for frames in (3, 2):
        with live:
            core.mda.run(timelapse(frames), output=live)
        assert live.report["frames_acquired"] == frames


def test_a_run_in_another_thread_is_waited_for(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.run_mda(timelapse(6), output=live)
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 6)


def test_an_error_of_the_script_after_the_run(core: ScanCore, tmp_path: Path) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ZeroDivisionError, match="division"), live:
        core.mda.run(timelapse(3), output=live)
        1 / 0  # noqa: B018
    assert (live.report["status"], live.report["frames_restored"]) == ("success", 3)


def test_an_error_of_the_script_during_the_run(core: ScanCore, tmp_path: Path) -> None:
    core.setProperty("Scanner", "RealTime", "On")
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ZeroDivisionError, match="division"), live:
        thread = core.run_mda(timelapse(500), output=live)
        wait_until(lambda: live.latest is not None)
        1 / 0  # noqa: B018
    thread.join(60)
    assert not thread.is_alive()
    assert live.report["status"] == "aborted"
    assert 0 < live.report["frames_acquired"] < 500
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_cancelled_run_keeps_what_it_has(core: ScanCore, tmp_path: Path) -> None:
    core.setProperty("Scanner", "RealTime", "On")
    with LiveRestoration(CENTRED, tmp_path / "s", core=core) as live:
        core.run_mda(timelapse(500), output=live)
        wait_until(lambda: live.latest is not None)
        core.mda.cancel()
    report = live.report
    assert report["status"] == "aborted"
    assert report["frames_acquired"] == report["frames_restored"] < 500
    assert len(pixels(tmp_path / "s" / "raw.ome.tiff")) == report["frames_acquired"]
    assert_live_equals_offline(tmp_path / "s", CENTRED)


def test_an_acquisition_error_is_told_and_its_frames_are_kept(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, count = core.getImage, iter(range(99))

    def fail(*channel: int) -> Any:
        if next(count) == 3:
            raise RuntimeError("the cable was pulled")
        return read(*channel)

    monkeypatch.setattr(core, "getImage", fail)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(RuntimeError, match="the cable was pulled"), live:
        core.mda.run(timelapse(6, interval_s=0.01), output=live)
    assert (live.report["status"], live.report["reason"]) == (
        "failed",
        "the cable was pulled",
    )
    assert live.report["frames_restored"] == 3


def as_list(sequence: MDASequence) -> list[MDAEvent]:
    return list(sequence)


@pytest.mark.parametrize("given", [as_list, iter], ids=["list", "generator"])
def test_events_without_a_sequence(
    core: ScanCore, tmp_path: Path, given: Callable[[MDASequence], Any]
) -> None:
    with LiveRestoration(CENTRED, tmp_path / "s", core=core) as live:
        core.mda.run(given(timelapse(7)), output=live)
    assert (live.report["status"], live.report["frames_restored"]) == ("success", 7)
    assert_live_equals_offline(tmp_path / "s", CENTRED)


def test_events_without_an_index(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run([MDAEvent() for _ in range(4)], output=live)
    assert live.report["frames_restored"] == 4
    log = read_log(tmp_path / "s" / "frames.jsonl")
    sources = [line["sources"] for line in log if line["status"] == "restored"]
    assert [0, 1, 2, 3] in sources


def test_beside_the_runners_own_sink(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(4), output=[live, "memory"])
        view = np.asarray(core.mda.get_view())
    np.testing.assert_array_equal(view, pixels(tmp_path / "s" / "raw.ome.tiff"))


def test_the_users_metadata_is_no_obstacle(core: ScanCore, tmp_path: Path) -> None:
    words = {"who": "me", "pssr_live": {"x": 1}, "napari_micromanager": None}
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(2, metadata=words), output=live)
    assert live.report["status"] == "success"


def test_the_core_in_use_need_not_be_the_first(tmp_path: Path) -> None:
    first = open_core(None)  # what CMMCorePlus.instance() may well be
    core = open_core(simulated_config())
    core.setProperty("Scanner", "RealTime", "Off")
    core.setProperty("Scanner", "Resolution", SIDE)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ScannerError, match="A second run"), live:
        core.mda.run(timelapse(2), output=live)
        core.setProperty("Scanner", "RealTime", "On")
        core.mda.run(timelapse(1000), output=live)  # cancelled, although not `first`
    assert scanner_of(core).frames_scanned < 1000
    close_core(core)
    close_core(first)


def test_the_instance_is_used_where_no_core_is_named(
    instance: CMMCorePlus, tmp_path: Path
) -> None:
    with LiveRestoration(LIVE, tmp_path / "s") as live:
        instance.mda.run(timelapse(3), output=live)
    assert live.report["frames_restored"] == 3
