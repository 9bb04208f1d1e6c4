"""Live restoration as an `output=` of an MDA: live equals offline, and faults."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import (
    CENTRED,
    LIVE,
    SIDE,
    assert_live_equals_offline,
    fail_snap,
    pixels,
    small_scanner,
    timelapse,
    wait_until,
)

from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.errors import (
    EngineError,
    ModelError,
    SettingsError,
    StorageError,
)
from pssr_live.frame import Restored
from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.restoring_engine import RestoringEngine
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.session import SessionFolder, read_log


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


def use_engines(monkeypatch: pytest.MonkeyPatch, *engines: Any) -> None:
    monkeypatch.setattr(ladder, "engine_classes", lambda: list(engines))


class SlowEngine(OnnxEngine):
    """So slow that most frames are deferred, until `hurry` is set."""

    name = "slow"
    hurry = threading.Event()

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        assert self.hurry.wait(60)
        return super().run(frames, valid)


class FailingEngine(OnnxEngine):
    """Passes its self-test and four frames, and then fails."""

    name = "failing"

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._left = 5

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("the device is gone")
        return super().run(frames, valid)


# -- live equals offline -------------------------------------------------------------


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_live_equals_offline(core: ScanCore, tmp_path: Path, model: str) -> None:
    with LiveRestoration(model, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(8), output=live)
    assert live.report["status"] == "success"
    assert live.report["frames_by_engine"] == {"onnxruntime": 8}
    assert_live_equals_offline(tmp_path / "s", model)


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_deferred_frames_are_restored_in_place(
    core: ScanCore, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engines(monkeypatch, SlowEngine, BicubicEngine)
    monkeypatch.setattr(SlowEngine, "hurry", threading.Event())
    SlowEngine.hurry.set()  # for its self-test
    told: list[tuple[int, int]] = []
    with LiveRestoration(
        model, tmp_path / "s", core=core, progress=lambda *at: told.append(at)
    ) as live:
        SlowEngine.hurry.clear()
        core.mda.run(timelapse(24), output=live)
        wait_until(lambda: live.tally().deferred > 8)
        SlowEngine.hurry.set()
    report = live.report
    assert (report["status"], report["frames_restored"]) == ("success", 24)
    assert report["frames_deferred"] > 8
    assert told[-1] == (report["frames_deferred"], report["frames_deferred"])
    assert_live_equals_offline(tmp_path / "s", model)


# -- faults of the microscope --------------------------------------------------------


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_a_failed_snap_leaves_its_place_empty(
    core: ScanCore, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_snap(core, monkeypatch, 2)
    taken: dict[int, np.ndarray[Any, Any]] = {}
    core.mda.events.frameReady.connect(
        lambda image, event: taken.update({event.index["t"]: image})
    )
    with LiveRestoration(model, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(6, interval_s=0.01), output=live)
    folder = SessionFolder(tmp_path / "s")
    assert live.report["status"] == folder.read_status()["status"] == "partial"
    assert (live.report["frames_acquired"], live.report["frames_lost"]) == (5, 1)
    raw, restored = pixels(folder.raw), pixels(folder.restored)
    assert [n for n, page in enumerate(raw) if page is None] == [2]
    assert [n for n, page in enumerate(restored) if page is None] == [2]
    for t, image in taken.items():
        np.testing.assert_array_equal(raw[t], image)
    assert {"ordinal": 2, "status": "missing"} in read_log(folder.frames)
    sources = {
        line["ordinal"]: line["sources"]
        for line in read_log(folder.frames)
        if line["status"] == "restored"
    }
    assert sources[3][0] == 3 and max(sources[1]) == 1  # no window spans the gap
    assert_live_equals_offline(tmp_path / "s", model)


def test_a_lost_last_frame_is_marked_too(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_snap(core, monkeypatch, 2)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(3, interval_s=0.01), output=live)
    assert live.report["status"] == "partial"
    for name in ("raw.ome.tiff", "restored.ome.tiff"):
        assert [page is None for page in pixels(tmp_path / "s" / name)] == [
            False,
            False,
            True,
        ]


def test_no_frame_at_all_is_a_failure(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_snap(core, monkeypatch, 0, 1)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(2, interval_s=0.01), output=live)
    assert (live.report["status"], live.report["reason"]) == (
        "failed",
        "The camera gave no frame.",
    )


def test_frames_that_the_camera_lost_restart_the_window(
    core: ScanCore, tmp_path: Path
) -> None:
    image = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE)
    sequence = timelapse(6)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        live.sequenceStarted(sequence, {})
        for event, number in zip(sequence, [0, 1, 2, 5, 6, 7], strict=True):
            meta = {"camera_metadata": {"ImageNumber": str(number)}}
            live.frameReady(image, event, meta)
        live.sequenceFinished(sequence)
    assert live.report["camera_gaps"] == 1
    assert live.report["warnings"] == [
        "The camera lost frames 1 times; the frames after each gap were restored "
        "without those before it."
    ]
    log = read_log(tmp_path / "s" / "frames.jsonl")
    restored = [line for line in log if line["status"] == "restored"]
    sources = {line["ordinal"]: line["sources"] for line in restored}
    assert [sources[n] for n in range(6)] == [
        *([0], [0, 1], [0, 1, 2]),
        *([3], [3, 4], [3, 4, 5]),
    ]
    assert [n["ordinal"] for n in log if n.get("after_gap")] == [3]
    assert_live_equals_offline(tmp_path / "s", LIVE)


# -- faults of the engine ------------------------------------------------------------


def test_frames_that_were_only_interpolated_are_no_success(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engines(monkeypatch, FailingEngine, BicubicEngine)
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(6), output=live)
    assert live.report["frames_by_engine"] == {"failing": 4, "bicubic": 2}
    assert live.report["status"] == "partial"
    assert live.report["reason"].startswith("2 frames are only interpolated")


def test_bicubic_on_demand_is_a_success(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", engine="bicubic", core=core) as live:
        core.mda.run(timelapse(3), output=live)
    assert live.report["status"] == "success"
    assert live.report["engine"]["restores"] is False


def test_a_callback_that_raises_harms_nothing(core: ScanCore, tmp_path: Path) -> None:
    def fail(restored: object) -> None:
        raise ValueError("a bug of the script")

    with LiveRestoration(LIVE, tmp_path / "s", core=core, on_restored=fail) as live:
        core.mda.run(timelapse(4), output=live)
    assert live.report["status"] == "success"


def test_a_callback_cannot_alter_the_frames_of_later_windows(
    core: ScanCore, tmp_path: Path
) -> None:
    def subtract(restored: Restored) -> None:
        raw = restored.frame.pixels
        raw -= raw.min()

    live = LiveRestoration(LIVE, tmp_path / "s", core=core, on_restored=subtract)
    with live:
        core.mda.run(timelapse(6, interval_s=0.02), output=live)
    assert ["read-only" in said for said in live.report["warnings"]].count(True) == 1
    assert_live_equals_offline(tmp_path / "s", LIVE)


# -- bad input -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"model": "nope"}, ModelError, "There is no model 'nope': give one of"),
        ({"engine": "warp"}, EngineError, "There is no engine 'warp': give one of"),
        ({"save": "full"}, StorageError, "full is not empty; choose another"),
        ({"save": "file"}, StorageError, "file is a file; choose a folder"),
        ({"save": "file/below"}, StorageError, "could not be written to"),
        ({"save": "x" * 300}, StorageError, "File name too long"),
    ],
)
def test_bad_input_is_refused_on_entering(
    core: ScanCore,
    tmp_path: Path,
    given: dict[str, str],
    error: type[Exception],
    message: str,
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    settings = {"model": LIVE, "engine": None} | given
    save = tmp_path / settings.pop("save", "s")
    live = LiveRestoration(save=save, core=core, **settings)
    with pytest.raises(error, match=message), live:
        pytest.fail("it was entered")
    assert not (tmp_path / "s").exists()
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_disk_without_room_is_found_before_the_first_frame(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pssr_live.storage.disk.free_bytes", lambda path: 10**5)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(StorageError, match=r"The run needs .* and the disk of"), live:
        core.mda.run(timelapse(100), output=live)
    assert list(tmp_path.iterdir()) == []


def test_a_restorer_that_was_closed_is_refused_on_entering(
    core: ScanCore, tmp_path: Path
) -> None:
    restorer = Restorer(LIVE)
    with LiveRestoration(restorer, tmp_path / "one", core=core) as live:
        core.mda.run(timelapse(2), output=live)
    said = f"Restorer of {LIVE} was closed, .* make a new one"
    again = LiveRestoration(restorer, tmp_path / "two", core=core)
    with pytest.raises(EngineError, match=said), again:
        pytest.fail("it was entered")
    with pytest.raises(EngineError, match=said), LiveMode(core, restorer):
        pytest.fail("it was entered")
    with pytest.raises(EngineError, match=said):
        RestoringEngine(core, restorer)
    with pytest.raises(EngineError, match=said):
        list(restorer.restore([]))
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_script_may_change_its_folder_within_the_block(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    live = LiveRestoration(LIVE, "relative", core=core)
    with live:
        monkeypatch.chdir(tmp_path / "elsewhere")
        core.mda.run(timelapse(2), output=live)
    assert live.report["status"] == "success"
    assert len(pixels(tmp_path / "relative" / "restored.ome.tiff")) == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_tilde_is_the_home_folder(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    with LiveRestoration(LIVE, "~/one", core=core) as live:
        core.mda.run(timelapse(2), output=live)
    with RestoringEngine(core, LIVE, save="~/two"):
        core.mda.run(timelapse(2))
    with LiveMode(core, LIVE) as looking:
        looking.record("~/three")
        looking.stop_recording()
    assert {p.name for p in (tmp_path / "home").iterdir()} == {"one", "two", "three"}
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="nobody removes the current folder")
def test_a_current_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StorageError, match="could not be written to relative"):
        LiveRestoration(LIVE, "relative")


def test_colour_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setProperty("Camera", "PixelType", "32bitRGB")
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    with pytest.raises(SettingsError, match="A frame has shape"), live:
        core.mda.run(timelapse(3, interval_s=0.01), output=live)
    assert list(tmp_path.iterdir()) == []
    close_core(core)
