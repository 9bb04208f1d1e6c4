"""Live mode: the newest picture, recordings that lose nothing, failing cameras."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
    small_scanner,
    timelapse,
    wait_until,
)

from pssr_live.errors import PssrLiveError, ScannerError, StorageError
from pssr_live.frame import Restored
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import scanner_of
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import read_log
from pssr_live.window import Window


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        core.setProperty("Scanner", "RealTime", "On")  # 10 ms a frame
        yield core


@pytest.fixture
def demo_camera() -> Iterator[CMMCorePlus]:
    core = CMMCorePlus()
    core.loadSystemConfiguration("MMConfig_demo.cfg")
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 48)
    core.setExposure(5)
    yield core
    close_core(core)


# -- showing -------------------------------------------------------------------------


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_the_newest_frame_is_restored(core: ScanCore, model: str) -> None:
    shown: list[Restored] = []
    with LiveMode(core, model, on_restored=shown.append) as live:
        wait_until(lambda: len(shown) > 8)
        assert core.isSequenceRunning() and live.is_running
    assert not core.isSequenceRunning() and not live.is_running
    assert live.trouble is None and live.counts.lost == 0
    assert live.counts.shown == len(shown) and live.latest is shown[-1]
    assert live.newest_frame is not None
    assert shown[-1].pixels.shape == (4 * SIDE, 4 * SIDE)
    assert shown[-1].pixel_size_um == pytest.approx(25.6 / SIDE / 4)
    ordinals = [restored.frame.ordinal for restored in shown]
    assert ordinals == sorted(set(ordinals))


def test_what_is_shown_is_what_offline_gives(core: ScanCore) -> None:
    shown: list[Restored] = []
    frames: list[Any] = []

    def is_later(restored: Restored) -> bool:
        return restored.frame.ordinal > frames[0].ordinal + 10

    with LiveMode(core, LIVE, on_restored=shown.append) as live:
        take = live._newest.push
        live._newest.push = lambda frame: (frames.append(frame), take(frame))[1]  # type: ignore[method-assign]
        wait_until(lambda: len(frames) > 20 and shown[-1:] and is_later(shown[-1]))
    restorer = Restorer(LIVE)
    first = frames[0].ordinal
    mine = {r.frame.ordinal: r.pixels for r in restorer.restore(frames)}
    compared = [r for r in shown if min(r.sources) >= first and len(r.sources) == 5]
    assert compared
    for restored in compared:
        if restored.frame.ordinal - first >= 4:
            np.testing.assert_array_equal(mine[restored.frame.ordinal], restored.pixels)
    restorer.close()


def test_a_plain_core_and_a_real_adapter(
    demo_camera: CMMCorePlus, tmp_path: Path
) -> None:
    with LiveMode(demo_camera, LIVE) as live:
        wait_until(lambda: live.counts.shown > 2)
        live.record(tmp_path / "s")
        begun = live.counts.frames
        wait_until(lambda: live.counts.frames > begun + 12)
        report = live.stop_recording()
    assert report["status"] == "success" and report["frames_acquired"] >= 12
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_memory_does_not_grow_while_the_engine_is_slow(core: ScanCore) -> None:
    core.setProperty("Scanner", "RealTime", "Off")
    free = threading.Event()

    def slow(restored: Restored) -> None:
        assert free.wait(60)

    with LiveMode(core, LIVE, on_restored=slow) as live:
        wait_until(lambda: live.counts.frames > 150 and live.counts.shown)
        newest = live._newest
        wait_until(lambda: newest._newest)
        assert newest._newest is not None and len(newest._newest.frames) == 5
        held = sum(len(one._segment) for one in newest._windows._series.values())
        assert held == 5
        assert live.counts.shown == 1
        free.set()


def test_a_picture_that_comes_after_the_end_is_not_shown(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pssr_live.scanners.newest.LEAVE_S", 0.0)
    restorer, free, held = Restorer(LIVE), threading.Event(), threading.Event()
    restore = restorer.restore_window

    def restore_late(window: Window) -> Restored:
        held.set()
        restored = restore(window)
        assert free.wait(60)
        return restored

    monkeypatch.setattr(restorer, "restore_window", restore_late)
    shown: list[Restored] = []
    with LiveMode(core, restorer, on_restored=shown.append) as live:
        assert held.wait(60)
        worker = live._newest._worker
    free.set()
    assert worker.wait(60)
    assert shown == []


# -- losses --------------------------------------------------------------------------


def test_frames_that_the_buffer_lost_are_counted_and_restart_the_window(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pop = core.popNextImageAndMD
    popped = iter(range(10**6))

    def pop_some(*given: Any, **more: Any) -> Any:
        if next(popped) == 6:  # as if the buffer had been emptied
            wait_until(lambda: core.getRemainingImageCount() > 2)
            pop()
            pop()
        return pop()

    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.counts.shown > 1)
        live.record(tmp_path / "s")
        monkeypatch.setattr(core, "popNextImageAndMD", pop_some)
        begun = live.counts.frames
        wait_until(lambda: live.counts.frames > begun + 15)
        report = live.stop_recording()
    assert live.counts.lost == 2 and report["camera_gaps"] == 1
    assert "The camera lost frames 1 times" in report["warnings"][-1]
    log = read_log(tmp_path / "s" / "frames.jsonl")
    gap = next(line["ordinal"] for line in log if line.get("after_gap"))
    sources = {n["ordinal"]: n["sources"] for n in log if n["status"] == "restored"}
    assert sources[gap] == [gap] and sources[gap + 1] == [gap, gap + 1]
    assert_live_equals_offline(tmp_path / "s", LIVE)


# -- faults --------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 4])
def test_a_camera_that_fails_says_so_and_can_be_started_again(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    told: list[PssrLiveError] = []
    live = LiveMode(core, LIVE, on_trouble=told.append)
    with live:
        live.record(tmp_path / "s")
        pop, count = core.popNextImageAndMD, iter(range(10**6))

        def fail() -> Any:
            if next(count) >= after:
                raise RuntimeError("the cable\nwas pulled.")
            return pop()

        with monkeypatch.context() as patched:
            patched.setattr(core, "popNextImageAndMD", fail)
            wait_until(lambda: told)
            wait_until(lambda: not live.is_running)
        assert str(live.trouble) == (
            "The camera stopped: the cable was pulled; check it and start live mode "
            "again."
        )
        assert live.stop_recording()["status"] == "failed"
        live.start()
        wait_until(lambda: live.counts.shown > 1)
    assert len(told) == 1 and live.trouble is None


def test_a_scanner_that_fails_in_its_thread(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = core.camera()
    assert camera is not None
    start = camera.start_sequence

    def fail(n: int | None, get_buffer: Any) -> Iterator[Any]:
        for number, frame in enumerate(start(n, get_buffer)):
            if number == 3:
                raise RuntimeError("the mirror is stuck")
            yield frame

    monkeypatch.setattr(camera, "start_sequence", fail)
    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.trouble)
        wait_until(lambda: not live.is_running)
    assert "the mirror is stuck" in str(live.trouble)


def test_a_stopped_camera_is_not_running_whatever_it_left_behind() -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setExposure(1000)  # none comes at once
    core.startContinuousSequenceAcquisition(0)
    assert core.getRemainingImageCount() == 0
    # Meanwhile one comes that nobody takes, nor asks for.
    wait_until(lambda: CMMCore.getRemainingImageCount(core))
    core.stopSequenceAcquisition()
    assert not core.isSequenceRunning() and core.getRemainingImageCount() > 0
    close_core(core)


def test_a_recording_that_breaks_off_keeps_nothing_more(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LiveMode(core, LIVE) as live:
        live.record(tmp_path / "s")
        assert live.keeps_frames

        def fail(*given: Any) -> Any:
            raise RuntimeError("the cable was pulled")

        with monkeypatch.context() as patched:
            patched.setattr(core, "popNextImageAndMD", fail)
            wait_until(lambda: live.trouble)
        wait_until(lambda: not live.is_running)
        assert live.is_recording and not live.keeps_frames
        live.start()  # at once, whether its thread has ended or not
        assert live.is_running and live.keeps_frames


def test_somebody_else_stops_the_camera(core: ScanCore) -> None:
    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.counts.frames > 2)
        core.stopSequenceAcquisition()
        wait_until(lambda: live.trouble)
    assert "The camera stopped: somebody stopped it" in str(live.trouble)


def test_viewers_that_raise_harm_nothing(core: ScanCore) -> None:
    def fail(restored: Restored) -> None:
        raise ValueError("a bug of the viewer")

    with LiveMode(core, LIVE, on_restored=fail) as live:
        wait_until(lambda: live.counts.shown > 3)
    assert live.trouble is None


def test_it_stops_at_once(core: ScanCore) -> None:
    core.setProperty("Scanner", "Resolution", 512)
    core.setProperty("Scanner", "Dwell_us", 100.0)  # 26 s a frame
    with LiveMode(core, LIVE) as live:
        wait_until(lambda: scanner_of(core)._scanning)
        live.stop()
        assert not scanner_of(core)._scanning
    assert scanner_of(core).frames_scanned == live.counts.frames == 0
    assert not core.isSequenceRunning()


def test_what_makes_no_sense_is_refused(core: ScanCore, tmp_path: Path) -> None:
    with LiveMode(core, LIVE) as live:
        with pytest.raises(ScannerError, match="Nothing is being recorded"):
            live.stop_recording()
        with pytest.raises(ScannerError, match="The camera is running already"):
            live.start()
        live.record(tmp_path / "s")
        with pytest.raises(ScannerError, match=r"records into .*s already; stop"):
            live.record(tmp_path / "t")
        wait_until(lambda: live.counts.frames > 2)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "mine").write_text("mine")
        live.stop_recording()
        with pytest.raises(StorageError, match="is not empty"):
            live.record(tmp_path / "full")
        wait_until(lambda: live.counts.shown > 3)
    core.startContinuousSequenceAcquisition()
    with pytest.raises(ScannerError, match="is running already"), LiveMode(core, LIVE):
        pytest.fail("it was entered")
    core.stopSequenceAcquisition()
    core.mda.run(timelapse(2))


def test_colour_is_trouble(demo_camera: CMMCorePlus) -> None:
    demo_camera.setProperty("Camera", "PixelType", "32bitRGB")
    with LiveMode(demo_camera, LIVE) as live:
        wait_until(lambda: live.trouble)
    assert "A frame has shape" in str(live.trouble)


def test_an_objective_turned_meanwhile_gives_its_own_pixel_size(
    demo_camera: CMMCorePlus, tmp_path: Path
) -> None:
    turret = ("Objective", "Label")
    with LiveMode(demo_camera, LIVE) as live:
        wait_until(lambda: live.newest_frame)
        demo_camera.setProperty(*turret, "Nikon 20X Plan Fluor ELWD")  # from 10X
        live.record(tmp_path / "one")
        wait_until(lambda: live.tally().acquired > 2)
        report = live.stop_recording()
        live.record(tmp_path / "two")
        wait_until(lambda: live.tally().acquired > 2)
        demo_camera.setProperty(*turret, "Nikon 40X Plan Fluor ELWD")
        wait_until(
            lambda: live.newest_frame and live.newest_frame.pixel_size_um == 0.25
        )
        turned = live.stop_recording()
    with open_movie(tmp_path / "one" / "raw.ome.tiff") as raw:
        assert raw.frame(0).pixel_size_um == 0.5
    assert not any("pixel size changed" in said for said in report["warnings"])
    assert "changed in the run (0.5 um, then 0.25 um)" in turned["warnings"][-1]
