"""What goes wrong in a script's run is in its report, counted once, in a sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymmcore_plus.mda import MDAEngine, SkipEvent
from pymmcore_plus.mda._thread_relay import MDARelayThread
from sessions import (
    LIVE,
    assert_live_equals_offline,
    pixels,
    small_scanner,
    timelapse,
)
from useq import MDAEvent

from pssr_live.errors import ScannerError, StorageError
from pssr_live.frame import Restored
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder, read_log


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


@pytest.fixture
def stage_core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 48)
    core.setExposure(1)
    yield core
    close_core(core)


def counts(live: LiveRestoration) -> list[int]:
    names = ("acquired", "recorded", "restored", "lost")
    return [live.report[f"frames_{name}"] for name in names]


class ChangingEngine(MDAEngine):
    """A camera whose images change their size in the middle of a run."""

    def exec_event(self, event: MDAEvent) -> Iterator[Any]:
        for image, *rest in super().exec_event(event):
            yield image if event.index["t"] < 4 else image[:30], *rest


class SkippingEngine(MDAEngine):
    """An engine that leaves an event out, in each of the ways that it may."""

    def setup_event(self, event: MDAEvent) -> None:
        if event.index["t"] == 2:
            raise SkipEvent(1, "there is no light")
        super().setup_event(event)

    def exec_event(self, event: MDAEvent) -> Iterator[Any]:
        if event.index["t"] == 4:
            yield None
        else:
            yield from super().exec_event(event)


class DoublingEngine(MDAEngine):
    """An engine that hands over two images of one event."""

    at = 2

    def exec_event(self, event: MDAEvent) -> Iterator[Any]:
        for payload in super().exec_event(event):
            yield payload
            if event.index["t"] == self.at:
                yield payload


@pytest.mark.parametrize("at", [2, 5])
def test_a_frame_that_comes_twice_takes_no_other_ones_place(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(DoublingEngine, "at", at)
    core.mda.set_engine(DoublingEngine(core, use_hardware_sequencing=False))
    taken: dict[int, Any] = {}
    core.mda.events.frameReady.connect(
        lambda image, event: taken.update({event.index["t"]: image})
    )
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    said = rf"A frame of \{{'t': {at}\}} came that the sequence does not have"
    with pytest.raises(StorageError, match=said), live:
        core.mda.run(timelapse(6, 0.05), output=live)
    assert live.report["status"] == "failed"
    assert live.report["frames_expected"] == 6
    raw = pixels(tmp_path / "s" / "raw.ome.tiff")
    assert len(raw) <= 6
    assert all(page is not None for page in raw[: at + 1])
    for t, page in enumerate(raw):
        if page is not None:
            np.testing.assert_array_equal(page, taken[t])
    assert_live_equals_offline(tmp_path / "s", LIVE)


@pytest.mark.parametrize("events", [list, iter])
def test_a_list_of_events_may_give_a_frame_twice(
    core: ScanCore, tmp_path: Path, events: Any
) -> None:
    core.mda.set_engine(DoublingEngine(core, use_hardware_sequencing=False))
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(events(timelapse(6, 0.01)), output=live)
    assert (live.report["status"], counts(live)) == ("success", [7, 7, 7, 0])


def test_images_of_another_size_end_the_run_and_are_counted_once(
    core: ScanCore, tmp_path: Path
) -> None:
    core.mda.set_engine(ChangingEngine(core, use_hardware_sequencing=False))
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(StorageError, match="begin a new run after changing"), live:
        core.mda.run(timelapse(400, 0.001), output=live)
    acquired, recorded, restored, lost = counts(live)
    assert recorded == restored == 4
    assert lost == acquired - 4 > 0
    found = pixels(tmp_path / "s" / "raw.ome.tiff")
    assert [page is None for page in found] == [False] * 4 + [True] * lost


def test_events_that_an_engine_leaves_out_are_marked(
    core: ScanCore, tmp_path: Path
) -> None:
    core.mda.set_engine(SkippingEngine(core, use_hardware_sequencing=False))
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(6, 0.001), output=live)
    assert counts(live) == [4, 4, 4, 2]
    assert live.report["reason"] == "2 frames never arrived; each place is marked."
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        assert raw.missing == {2, 4}
    assert_live_equals_offline(tmp_path / "s", LIVE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("tells", [True, False], ids=["told", "its end untold"])
def test_an_error_in_the_thread_of_the_run_is_no_success(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    stop = MDARelayThread.stop

    def stop_and_leave(relay: MDARelayThread) -> None:
        stop(relay)
        relay.join()  # before it has been given the signal of the end

    if not tells:
        monkeypatch.setattr(MDARelayThread, "stop", stop_and_leave)

    def events() -> Iterator[MDAEvent]:
        yield from timelapse(3)
        raise ValueError("a mistake of the script")

    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.run_mda(events(), output=live)
    assert counts(live) == [3, 3, 3, 0]
    status = SessionFolder(tmp_path / "s").read_status()
    assert status["status"] == "failed"
    assert "stopped with an error" in status["reason"]


def test_a_second_run_is_refused_and_the_first_goes_on(
    core: ScanCore, tmp_path: Path
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def events() -> Iterator[MDAEvent]:
        for event in timelapse(6):
            yield event
            begun.set()
            assert go_on.wait(60)

    second = LiveRestoration(LIVE, tmp_path / "second", core=core)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.run_mda(events(), output=live)
        assert begun.wait(60)
        with pytest.raises(ScannerError, match="busy with another run: wait"), second:
            core.mda.run(timelapse(3), output=second)
        go_on.set()
    assert (live.report["status"], counts(live)) == ("success", [6, 6, 6, 0])
    assert not (tmp_path / "second").exists()


def test_a_camera_in_live_view_is_left_alone(core: ScanCore, tmp_path: Path) -> None:
    core.startContinuousSequenceAcquisition(0)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(ScannerError, match="is busy with a live view"), live:
        core.mda.run(timelapse(3), output=live)
    assert core.isSequenceRunning()
    core.stopSequenceAcquisition()


def test_a_stage_that_did_not_move_is_told(
    stage_core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, calls = stage_core.setXYPosition, iter(range(99))

    def stuck(*where: Any) -> None:
        if next(calls) == 1:
            raise RuntimeError("the stage timed out")
        move(*where)

    monkeypatch.setattr(stage_core, "setXYPosition", stuck)
    with LiveRestoration(LIVE, tmp_path / "s", core=stage_core) as live:
        stage_core.mda.run([MDAEvent(x_pos=x) for x in (1, 2, 3)], output=live)
    told = "Micro-Manager: Failed to set XY position. the stage timed out"
    assert told in live.report["warnings"]


def test_channels_and_places_without_an_index_are_not_mixed(
    stage_core: ScanCore, tmp_path: Path
) -> None:
    events = [
        MDAEvent(channel=channel, x_pos=x, y_pos=0)
        for _ in range(3)
        for x in (0, 50)
        for channel in ("DAPI", "FITC")
    ]
    with LiveRestoration(LIVE, tmp_path / "s", core=stage_core) as live:
        stage_core.mda.run(events, output=live)
    assert live.report["status"] == "success"
    assert sources(tmp_path / "s")[8:] == [[n % 4, n % 4 + 4, n] for n in range(8, 12)]
    with open_movie(tmp_path / "s" / "restored.ome.tiff") as movie:
        assert movie.layout.index_of(11) == {"t": 2, "c": 1, "p": 1}
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_channel_that_the_index_leaves_out_is_not_mixed(
    stage_core: ScanCore, tmp_path: Path
) -> None:
    events = [
        MDAEvent(index={"t": t}, channel=channel, z_pos=0.1 * t)
        for t in range(3)
        for channel in ("DAPI", "FITC")
    ]
    with LiveRestoration(LIVE, tmp_path / "s", core=stage_core) as live:
        stage_core.mda.run(events, output=live)
    # Its time is believed, and with it that a focus which drifts is one series.
    assert sources(tmp_path / "s")[4:] == [[0, 2, 4], [1, 3, 5]]
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_what_an_event_does_not_name_stays(
    stage_core: ScanCore, tmp_path: Path
) -> None:
    events = [MDAEvent(), MDAEvent(channel="DAPI"), MDAEvent(), MDAEvent(z_pos=1)]
    with LiveRestoration(LIVE, tmp_path / "s", core=stage_core) as live:
        stage_core.mda.run(events, output=live)
    assert sources(tmp_path / "s") == [[0], [1], [1, 2], [3]]


def test_a_fed_plan_without_an_index_is_not_mixed(
    stage_core: ScanCore, tmp_path: Path
) -> None:
    events = [MDAEvent(channel=channel) for channel in ("DAPI", "FITC") * 3]

    def look(restored: Restored) -> MDAEvent | None:
        return MDAEvent(channel="Cy5") if restored.frame.ordinal == 2 else None

    live = LiveRestoration(LIVE, tmp_path / "s", core=stage_core, on_restored=look)
    with live:
        stage_core.mda.run(live.feed(events, in_step=True), output=live)
    # The third ordinal is what was asked for; the plan's windows go on around it.
    expected = [[0], [1], [0, 2], [3], [1, 4], [0, 2, 5], [1, 4, 6]]
    assert sources(tmp_path / "s") == expected
    assert_live_equals_offline(tmp_path / "s", LIVE)


def sources(folder: Path) -> list[list[int]]:
    """Return what each frame was made from, in the order of the run."""
    lines = [n for n in read_log(folder / "frames.jsonl") if n["status"] == "restored"]
    return [n["sources"] for n in sorted(lines, key=lambda line: line["ordinal"])]
