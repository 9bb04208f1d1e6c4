"""Callbacks that fail, hang or come too late, and feeds that make no sense."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fed_runs import DENSE, answering, indices, run_fed
from sessions import (
    CENTRED,
    LIVE,
    assert_live_equals_offline,
    come_late,
    fail_snap,
    pixels,
    small_scanner,
    timelapse,
)
from useq import HardwareAutofocus, MDAEvent, MDASequence

from pssr_live.errors import ScannerError, SettingsError, StorageError
from pssr_live.frame import Restored
from pssr_live.scanners.feedback.feed import AXIS
from pssr_live.scanners.feedback.rescans import Rescans
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (ValueError("a bug of the script"), "a bug of the script"),
        (ValueError("a bug\n\n  of the script."), "a bug of the script"),
        (SystemExit(3), "SystemExit"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_failing_callback_harms_nothing_and_is_told(
    core: ScanCore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mistake: BaseException,
    words: str,
) -> None:
    def fail(restored: Restored) -> None:
        raise mistake

    live = run_fed(core, tmp_path / "s", fail, answering(2, MDAEvent()))
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 7)
    assert live.report["warnings"] == [f"A callback failed: {words}."]
    assert [r.exc_info is None for r in caplog.records].count(False) == 1


@pytest.mark.parametrize("answer", [3, "scan!", [None, 4], {"a": 1}, object()])
def test_other_answers_mean_nothing(
    core: ScanCore, tmp_path: Path, answer: Any
) -> None:
    live = run_fed(core, tmp_path / "s", answering(1, answer), plan=timelapse(3))
    assert (live.report["frames_acquired"], live.report["warnings"]) == (3, [])


def test_events_that_nothing_can_run_are_told(core: ScanCore, tmp_path: Path) -> None:
    live = LiveRestoration(
        LIVE, tmp_path / "s", core=core, on_restored=answering(1, MDAEvent())
    )
    with live:
        core.mda.run(timelapse(3), output=live)
    assert live.report["frames_acquired"] == 3
    assert "start the run with `core.mda.run(live.feed" in live.report["warnings"][0]


def test_a_frame_that_comes_late_is_waited_for(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_late(monkeypatch, t=1, seconds=0.7)
    run_fed(core, tmp_path / "s", answering(2, MDAEvent()))
    assert [AXIS in index for index in indices(tmp_path / "s")].index(True) == 3


def when_asked(sequence: MDASequence, after_s: float) -> Iterator[MDAEvent]:
    """Yield the events, the first of them only after a while."""
    time.sleep(after_s)
    yield from sequence


@pytest.mark.parametrize("begins_after_s", [0, 0.5])
def test_a_failed_snap_leaves_its_place_empty_and_stops_nothing(
    core: ScanCore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begins_after_s: float,
) -> None:
    fail_snap(core, monkeypatch, 3)
    plan = when_asked(timelapse(6), begins_after_s)
    live = run_fed(core, tmp_path / "s", answering(1, MDAEvent()), plan=plan)
    assert (live.report["status"], live.report["frames_lost"]) == ("partial", 1)
    found = pixels(tmp_path / "s" / "raw.ome.tiff")
    lost = next(n for n, page in enumerate(found) if page is None)
    assert indices(tmp_path / "s")[lost] == {"t": 2}
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_rescan_that_cannot_be_recorded_is_a_failure(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise StorageError("No space left; make room.")

    monkeypatch.setattr(Rescans, "_begin", full)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    live.on_restored(answering(5, DENSE))
    with pytest.raises(StorageError, match="No space left"), live:
        core.mda.run(live.feed(timelapse(6)), output=live)
    assert live.report["status"] == "failed"
    assert "1 frame could not be recorded" in live.report["reason"]
    assert live.report["frames_restored"] == 6


def test_cancelling_while_the_feed_waits(core: ScanCore, tmp_path: Path) -> None:
    held, let_go = threading.Event(), threading.Event()

    def hold(restored: Restored) -> None:
        if restored.frame.ordinal == 2:
            held.set()
            assert let_go.wait(60)

    live = LiveRestoration(LIVE, tmp_path / "s", core=core, on_restored=hold)
    with live:
        fed = live.feed(timelapse(50), in_step=True, wait_s=600)
        thread = core.run_mda(fed, output=live)
        assert held.wait(60)
        core.mda.cancel()
        thread.join(30)
        assert not thread.is_alive()
        let_go.set()
    assert (live.report["status"], live.report["frames_acquired"]) == ("aborted", 3)
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_stuck_callback_is_not_waited_for_without_end(
    core: ScanCore, tmp_path: Path
) -> None:
    free = threading.Event()
    live = LiveRestoration(
        LIVE, tmp_path / "s", core=core, on_restored=lambda r: free.wait(60) and None
    )
    with live:
        core.mda.run(live.feed(timelapse(3), wait_s=0.1), output=live)
        free.set()
    assert live.report["status"] == "success"


def test_answers_after_the_end_are_counted(core: ScanCore, tmp_path: Path) -> None:
    """A model that looks ahead shows its last two pictures when the run is over."""
    live = run_fed(
        core, tmp_path / "s", answering(5, MDAEvent()), model=CENTRED, in_step=False
    )
    assert live.report["feedback"]["frames_too_late"] == 1
    assert live.report["warnings"] == [
        "Callbacks asked for events after the last one: the run was already over."
    ]
    assert_live_equals_offline(tmp_path / "s", CENTRED)


@pytest.mark.parametrize("how", [{"burst": 0}, {"wait_s": -1.0}])
def test_a_feed_that_makes_no_sense(
    core: ScanCore, tmp_path: Path, how: dict[str, Any]
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(SettingsError, match="A feed cannot have burst"), live:
        core.mda.run(live.feed(timelapse(2), **how), output=live)


def test_a_feed_belongs_into_a_block_and_only_once(
    core: ScanCore, tmp_path: Path
) -> None:
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ScannerError, match="used outside a `with` block"):
        live.feed(timelapse(2))
    with pytest.raises(ScannerError, match="A second feed was asked for"), live:
        core.mda.run(live.feed(timelapse(2)), output=live)
        live.feed(timelapse(2))


def test_channels_and_positions_of_a_plan(tmp_path: Path) -> None:
    from pssr_live.scanners.core import close_core, open_core

    core = open_core(Path("MMConfig_demo.cfg"))
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 48)
    plan = MDASequence(
        axis_order="tpc",
        time_plan={"interval": 0, "loops": 3},
        stage_positions=[{"x": 0, "y": 0}, {"x": 100, "y": 0}],
        channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
    )
    there = MDAEvent(channel={"config": "Cy5"}, x_pos=500.0, exposure=2)
    answered = iter([there])
    run_fed(core, tmp_path / "s", lambda restored: next(answered, None), plan=plan)
    assert core.getXPosition() == pytest.approx(100, abs=1)
    close_core(core)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        found = [dict(raw.layout.index_of(n)) for n in range(len(raw))]
        assert raw.channel_names[:2] == ("DAPI", "FITC")
    assert len(found) == 13 and sum(AXIS in index for index in found) == 1
    assert_live_equals_offline(tmp_path / "s", LIVE)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (MDAEvent(properties=[("Laser", "Power", 3)]), "Laser"),
        (MDAEvent(channel="DAPI"), "no preset 'DAPI'"),
        (MDAEvent(properties=[("Scanner", "Resolution", 333)]), "give 32, 64, 128"),
        (MDAEvent(properties=[("Scanner", "Zoom", 99)]), "'99', .*: give 0.5 to 8"),
        (MDAEvent(properties=[("Scanner", "PixelSize_um", 1)]), "can only be read"),
        (MDAEvent(x_pos=1, y_pos=2), "It needs an XY stage and the microscope has"),
        (MDAEvent(z_pos=3), "It needs a focus drive and"),
        (MDAEvent(action=HardwareAutofocus()), "It needs an autofocus and"),
    ],
)
def test_an_answer_that_cannot_be_carried_out_is_left_out(
    core: ScanCore, tmp_path: Path, wrong: MDAEvent, word: str
) -> None:
    live = run_fed(core, tmp_path / "s", answering(2, [wrong, MDAEvent()]))
    assert (live.report["status"], live.report["frames_acquired"]) == ("success", 7)
    assert live.report["feedback"]["frames_sent_for"] == 1
    [said] = live.report["warnings"]
    assert said.startswith("What a callback asked for was left out: ")
    assert re.search(word, said)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        assert {frame.channel_name for frame in raw.frames()} == {""}
