"""Live mode: recordings, from the moment that matters to whatever ends them."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sessions import (
    CENTRED,
    LIVE,
    SIDE,
    assert_live_equals_offline,
    pixels,
    small_scanner,
    wait_until,
)

from pssr_live.errors import PssrLiveError, ScannerError, StorageError
from pssr_live.frame import Restored
from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        core.setProperty("Scanner", "RealTime", "On")  # 10 ms a frame
        yield core


def test_a_recording_has_every_frame_from_then_on(
    core: ScanCore, tmp_path: Path
) -> None:
    with LiveMode(core, CENTRED) as live:
        wait_until(lambda: live.counts.shown > 2)
        for name in ("one", "two"):
            live.record(tmp_path / name)
            assert live.is_recording
            begun = live.counts.frames
            wait_until(lambda: live.counts.frames > begun + 20)  # noqa: B023
            report = live.stop_recording()
            shown = live.counts.shown
            wait_until(lambda: live.counts.shown > shown)  # noqa: B023 - it goes on
            folder = SessionFolder(tmp_path / name)
            assert report["status"] == folder.read_status()["status"] == "success"
            assert report["frames_acquired"] == report["frames_restored"] >= 20
            assert len(pixels(folder.raw)) == report["frames_acquired"]
            assert_live_equals_offline(folder.path, CENTRED)
    with open_movie(tmp_path / "two" / "raw.ome.tiff") as raw:
        assert raw.pixel_size_um == pytest.approx(25.6 / SIDE)


def test_stopping_the_camera_loses_nothing_of_a_recording(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveMode(core, LIVE)
    with live:
        live.record(tmp_path / "s")
        before = live.counts.frames  # those that came before the recording, at most
        wait_until(lambda: live.counts.frames > before + 5)
        live.stop()
        assert live.is_recording
        report = live.stop_recording()
        seen = live.counts.frames
        assert seen - before <= report["frames_acquired"] <= seen
        assert report["frames_restored"] == report["frames_acquired"]
        live.start()
        wait_until(lambda: live.counts.shown > 0)
    assert report["status"] == "success"


def test_outside_its_block_it_neither_starts_nor_records(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveMode(core, LIVE)

    def assert_refused() -> None:
        for use in (live.start, lambda: live.record(tmp_path / "s")):
            with pytest.raises(ScannerError, match="outside its `with` block: write"):
                use()
        assert not core.isSequenceRunning()
        assert not (tmp_path / "s").exists()

    assert_refused()
    with live:
        wait_until(lambda: live.newest_frame)
    assert_refused()


def test_leaving_the_block_finishes_a_recording(core: ScanCore, tmp_path: Path) -> None:
    with LiveMode(core, LIVE) as live:
        live.record(tmp_path / "s")
        wait_until(lambda: live.counts.frames > 5)
    assert SessionFolder(tmp_path / "s").read_status()["status"] == "success"
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_recording_ended_before_its_first_frame_blames_no_camera(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveMode, "_take", lambda *given: None)  # as if none came yet
    with LiveMode(core, LIVE) as live:
        live.record(tmp_path / "s")
        report = live.stop_recording()
    assert report["frames_acquired"] == 0
    assert report["status"] == "aborted"
    assert report["reason"] == "It was ended before its first frame came."


def test_who_is_shown_a_picture_may_start_a_recording_and_not_stop_it(
    core: ScanCore, tmp_path: Path
) -> None:
    shown: list[Restored] = []
    refused: list[str] = []

    def look(restored: Restored) -> None:
        shown.append(restored)
        if len(shown) == 3:
            live.record(tmp_path / "s")
        if len(shown) == 6:
            with pytest.raises(ScannerError, match="from another thread") as error:
                live.stop_recording()
            refused.append(str(error.value))

    with LiveMode(core, LIVE, on_restored=look) as live:
        wait_until(lambda: len(shown) > 9 and refused)
        assert live.is_recording
        assert live.stop_recording()["status"] == "success"
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_recording_starts_while_a_viewer_takes_its_time(
    core: ScanCore, tmp_path: Path
) -> None:
    shown, let_go = threading.Event(), threading.Event()

    def look(restored: Restored) -> None:
        shown.set()
        assert let_go.wait(60)

    with LiveMode(core, LIVE, on_restored=look) as live:
        assert shown.wait(60)
        live.record(tmp_path / "s")  # the viewer may be waiting for this very thread
        let_go.set()
        wait_until(lambda: live.tally().restored > 2)
        assert live.stop_recording()["status"] == "success"


@pytest.mark.skipif(os.name == "nt", reason="nobody removes a file that is open")
def test_a_folder_that_is_removed_ends_the_recording(
    core: ScanCore, tmp_path: Path
) -> None:
    told: list[PssrLiveError] = []
    with LiveMode(core, LIVE, on_trouble=told.append) as live:
        live.record(tmp_path / "s")
        wait_until(lambda: live.counts.shown > 2)
        # At once, between two frames or in the midst of one: of the files that a
        # frame is written to, the first one after that moment misses it.
        shutil.rmtree((tmp_path / "s").rename(tmp_path / "removed"))
        wait_until(lambda: bool(told))
        assert live.is_running
        report = live.stop_recording()
    assert re.search(
        r"/s/(raw|restored|frames)\.(ome\.tiff|jsonl): it was removed meanwhile",
        str(told[0]),
    )
    assert report["status"] == "failed"
    assert "it was removed meanwhile" in report["reason"]


def test_a_full_disk_ends_the_recording_and_not_live_mode(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PssrLiveError] = []
    with LiveMode(core, LIVE, on_trouble=told.append) as live:
        live.record(tmp_path / "s")
        assert live._run is not None
        write, count = live._run.recorder.write_raw, iter(range(10**6))

        def full(frame: Any) -> None:
            if next(count) == 4:
                raise StorageError("The disk is full; make room.")
            write(frame)

        monkeypatch.setattr(live._run.recorder, "write_raw", full)
        wait_until(lambda: told)
        assert live.is_running
        report = live.stop_recording()
        shown = live.counts.shown
        wait_until(lambda: live.counts.shown > shown)
    assert [str(error) for error in told] == ["The disk is full; make room."]
    assert report["status"] == "failed" and report["frames_restored"] >= 4
