"""Live mode: scans at full density between two frames, and counts at any time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import (
    LIVE,
    SIDE,
    assert_live_equals_offline,
    small_scanner,
    wait_until,
)

from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.references.plan import ReferencePlan
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import scanner_of


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        core.setProperty("Scanner", "RealTime", "On")  # 10 ms a frame
        yield core


def test_a_reference_is_taken_between_two_frames_and_recorded(
    core: ScanCore, tmp_path: Path
) -> None:
    full = ReferencePlan(density=(("Scanner", "Resolution", 4 * SIDE),))
    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.counts.shown > 6)
        live.record(tmp_path / "s")
        wait_until(lambda: live.tally().acquired > 8)
        taken = live.take_reference(full)
        assert taken.scan is not None and taken.scan.pixels.shape == (SIDE, SIDE)
        assert live.is_running and live.is_recording
        assert int(core.getProperty("Scanner", "Resolution")) == SIDE
        before = live.tally().acquired
        wait_until(lambda: live.tally().acquired > before + 8)
        report = live.stop_recording()
    assert report["status"] == "success"
    (score,) = report["quality"]["references"]["list"]
    assert score["ordinal"] == taken.index["t"]
    assert (tmp_path / "s" / "reference.ome.tiff").exists()
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_reference_before_the_first_recorded_frame_judges_that(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest frame has the number of another one in the recording."""
    scanner, late = scanner_of(core), threading.Event()
    wait = scanner._wait_until

    def wait_long(due_s: float) -> bool:
        late.set()
        return wait(due_s + 20)

    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.counts.frames > 2)
        with monkeypatch.context() as patched:  # no frame comes at once
            patched.setattr(scanner, "_wait_until", wait_long)
            assert late.wait(60)
            wait_until(lambda: live.counts.frames == scanner.frames_scanned)
            live.record(tmp_path / "s")
            patched.undo()
        assert live.tally().acquired == 0
        taken = live.take_reference(ReferencePlan())
        wait_until(lambda: live.tally().acquired > 2)
        report = live.stop_recording()
    assert taken.index == {"t": 0}
    (score,) = report["quality"]["references"]["list"]
    assert score["ordinal"] == 0


def test_a_reference_that_fails_says_why_and_live_mode_goes_on(core: ScanCore) -> None:
    impossible = ReferencePlan(density=(("Scanner", "Resolution", 77),))
    with LiveMode(core, LIVE) as live:
        taken = live.take_reference(impossible)
        assert taken.scan is None and "Resolution cannot be 77" in taken.reason
        wait_until(lambda: live.counts.shown > 2)


def test_a_recording_without_references_says_nothing_of_them(
    core: ScanCore, tmp_path: Path
) -> None:
    with LiveMode(core, LIVE) as live:
        live.record(tmp_path / "s")
        wait_until(lambda: live.tally().acquired > 3)
        report = live.stop_recording()
    assert "quality" not in report and report["warnings"] == []


def test_counts_are_told_with_and_without_a_recording(
    core: ScanCore, tmp_path: Path
) -> None:
    with LiveMode(core, LIVE) as live:
        wait_until(lambda: live.counts.shown > 4)
        looking = live.tally()
        assert looking.acquired >= looking.restored > 4
        assert all(0 <= ms < 60_000 for ms in looking.latency_ms)
        live.record(tmp_path / "s")
        wait_until(lambda: live.tally().restored > 2)
        recording = live.tally()
        assert recording.acquired >= recording.restored > 2
        assert recording.latency_ms and recording.lost == 0
        assert live.recording_folder is not None
        live.stop_recording()
        assert live.recording_folder is None
