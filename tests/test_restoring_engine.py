"""The MDA engine whose frames are the restored ones: what a viewer and a file get."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from sessions import (
    CENTRED,
    LIVE,
    SIDE,
    assert_live_equals_offline,
    fail_snap,
    pixels,
    small_scanner,
    timelapse,
)
from useq import MDAEvent, MDASequence

from pssr_live.errors import StorageError
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.restoring_engine import RestoringEngine
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.session import SessionFolder


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


class Viewer:
    """A viewer that knows nothing of restoration."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}
        self.frames: list[tuple[dict[str, int], np.ndarray[Any, Any], Any]] = []
        self.ended = threading.Event()

    def sequenceStarted(self, sequence: MDASequence, meta: Any) -> None:
        self.info = meta["image_infos"][0]

    def frameReady(
        self, image: np.ndarray[Any, Any], event: MDAEvent, meta: Any
    ) -> None:
        self.frames.append((dict(event.index), image, meta))

    def sequenceFinished(self, sequence: MDASequence) -> None:
        self.ended.set()


@pytest.mark.parametrize("model", [LIVE, CENTRED])
@pytest.mark.parametrize("interval_s", [0.0, 0.01], ids=["streamed", "snapped"])
def test_a_viewer_gets_restored_frames_under_their_own_index(
    core: ScanCore, tmp_path: Path, model: str, interval_s: float
) -> None:
    viewer = Viewer()
    with RestoringEngine(core, model, save=tmp_path / "s") as engine:
        core.mda.run(timelapse(7, interval_s), output=viewer)
    assert engine.report["status"] == "success"
    assert (viewer.info["height"], viewer.info["width"]) == (4 * SIDE, 4 * SIDE)
    assert viewer.info["plane_shape"] == (4 * SIDE, 4 * SIDE)
    assert viewer.info["pixel_size_um"] == pytest.approx(25.6 / SIDE / 4)
    assert [index["t"] for index, _, _ in viewer.frames] == list(range(7))
    restored = pixels(tmp_path / "s" / "restored.ome.tiff")
    for (_, image, meta), page in zip(viewer.frames, restored, strict=True):
        np.testing.assert_array_equal(image, page)
        assert meta["pixel_size_um"] == pytest.approx(25.6 / SIDE / 4)
        assert meta["pssr_live"]["model"] == model
    assert_live_equals_offline(tmp_path / "s", model)


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_the_runners_own_file_holds_them(
    core: ScanCore, tmp_path: Path, model: str
) -> None:
    with RestoringEngine(core, model, save=tmp_path / "s"):
        core.mda.run(timelapse(6, 0.005), output=tmp_path / "theirs.ome.tiff")
    theirs = tifffile.imread(tmp_path / "theirs.ome.tiff")
    np.testing.assert_array_equal(theirs, pixels(tmp_path / "s" / "restored.ome.tiff"))


def test_without_a_folder_nothing_is_written(core: ScanCore, tmp_path: Path) -> None:
    before = core.mda.engine
    with RestoringEngine(core, CENTRED) as engine:
        core.mda.run(timelapse(4), output="memory")
        view = np.asarray(core.mda.get_view())
    assert view.shape == (4, 4 * SIDE, 4 * SIDE) and all(v.any() for v in view)
    assert engine.report == {} and list(tmp_path.iterdir()) == []
    assert core.mda.engine is before


@pytest.mark.parametrize("order", ["tpcz", "pczt"])
def test_every_dimension_keeps_its_order(tmp_path: Path, order: str) -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    for axis, size in (("X", 48), ("Y", 32)):
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", size)
    sequence = MDASequence(
        axis_order=order,
        time_plan={"interval": 0, "loops": 4},
        stage_positions=[{"x": 0, "y": 0}, {"x": 100, "y": 0}],
        channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
        z_plan={"range": 2, "step": 2},
    )
    viewer = Viewer()
    held: list[int] = []
    with RestoringEngine(core, CENTRED, save=tmp_path / "s") as engine:
        core.mda.events.frameReady.connect(lambda: held.append(len(engine._ready)))
        core.mda.run(sequence, output=viewer)
    close_core(core)
    assert [index for index, _, _ in viewer.frames] == [dict(e.index) for e in sequence]
    # Where time is the innermost axis, a series that has ended is not held back.
    assert order == "tpcz" or max(held) <= 3
    assert engine.report["status"] == "success"
    assert_live_equals_offline(tmp_path / "s", CENTRED)


@pytest.mark.parametrize("given", [list, iter], ids=["list", "generator"])
def test_events_without_a_sequence(
    core: ScanCore, tmp_path: Path, given: Callable[[Any], Any]
) -> None:
    viewer = Viewer()
    with RestoringEngine(core, CENTRED, save=tmp_path / "s"):
        core.mda.run(given(timelapse(6)), output=viewer)
    assert [index["t"] for index, _, _ in viewer.frames] == list(range(6))
    assert_live_equals_offline(tmp_path / "s", CENTRED)


def test_a_cancelled_run_gives_what_it_has(core: ScanCore, tmp_path: Path) -> None:
    core.setProperty("Scanner", "RealTime", "On")
    viewer = Viewer()
    with RestoringEngine(core, CENTRED, save=tmp_path / "s") as engine:
        core.mda.events.frameReady.connect(
            lambda: core.mda.cancel() if len(viewer.frames) > 3 else None
        )
        core.mda.run(timelapse(500), output=viewer)
    assert viewer.ended.is_set()
    assert engine.report["status"] == "aborted"
    assert 3 < len(viewer.frames) == engine.report["frames_acquired"] < 500
    assert [index["t"] for index, _, _ in viewer.frames] == list(
        range(len(viewer.frames))
    )
    assert_live_equals_offline(tmp_path / "s", CENTRED)


def test_a_failed_snap_and_a_second_run(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_snap(core, monkeypatch, 2)
    viewer = Viewer()
    with RestoringEngine(core, LIVE, save=tmp_path / "s", overwrite=True) as engine:
        core.mda.run(timelapse(5, 0.005), output=viewer)
        assert engine.report["status"] == "partial"
        assert [index["t"] for index, _, _ in viewer.frames] == [0, 1, 3, 4]
        core.mda.run(timelapse(3, 0.005), output=viewer)
    assert engine.report["status"] == "success"
    assert SessionFolder(tmp_path / "s").read_status()["acquired"] == 3


def test_what_cannot_be_recorded_ends_the_run(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pssr_live.storage.recorder import SessionRecorder

    write = SessionRecorder.write_raw

    def full(self: SessionRecorder, frame: Any) -> None:
        if frame.ordinal == 3:
            raise StorageError("The disk is full; make room.")
        write(self, frame)

    monkeypatch.setattr(SessionRecorder, "write_raw", full)
    with RestoringEngine(core, LIVE, save=tmp_path / "s") as engine:
        with pytest.raises(StorageError, match="The disk is full"):
            core.mda.run(timelapse(8, 0.005))
        assert not core.mda.is_running() and core.mda.status.phase == "idle"
    assert engine.report["status"] == "failed"
    assert engine.report["frames_restored"] == 3


def test_a_full_folder_is_refused_before_the_first_frame(
    core: ScanCore, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    with RestoringEngine(core, LIVE, save=tmp_path) as engine:
        with pytest.raises(StorageError, match="is not empty"):
            core.mda.run(timelapse(3))
        assert core.mda.status.phase == "idle"
    assert engine.report == {}


def test_a_run_in_another_thread_keeps_the_engine_until_its_end(
    core: ScanCore, tmp_path: Path
) -> None:
    before = core.mda.engine
    with RestoringEngine(core, LIVE, save=tmp_path / "s", engine="bicubic") as engine:
        core.run_mda(timelapse(12, interval_s=0.01))
    assert core.mda.engine is before
    assert (engine.report["status"], engine.report["frames_restored"]) == (
        "success",
        12,
    )


def test_an_error_of_the_script_ends_the_run(core: ScanCore, tmp_path: Path) -> None:
    seen = threading.Event()
    core.mda.events.frameReady.connect(lambda *frame: seen.set())
    engine = RestoringEngine(core, LIVE, save=tmp_path / "s", engine="bicubic")
    with pytest.raises(ZeroDivisionError, match="division"), engine:
        thread = core.run_mda(timelapse(5000, interval_s=0.01))
        assert seen.wait(60)
        1 / 0  # noqa: B018
    thread.join(60)
    assert not thread.is_alive()
    assert engine.report["status"] == "aborted"
    assert 0 < engine.report["frames_restored"] < 5000


@pytest.mark.parametrize("save", [True, False], ids=["saved", "passing"])
def test_two_detectors_of_a_frame_are_two_series(tmp_path: Path, save: bool) -> None:
    core = open_core(None)
    for label in ("One", "Two"):
        core.loadDevice(label, "DemoCamera", "DCam")
    core.loadDevice("Both", "Utilities", "Multi Camera")
    core.initializeAllDevices()
    for number, label in enumerate(("One", "Two"), 1):
        core.setProperty(label, "Binning", 8)
        core.setProperty("Both", f"Physical Camera {number}", label)
    core.setCameraDevice("Both")
    viewer, folder = Viewer(), tmp_path / "s"
    with RestoringEngine(core, CENTRED, save=folder if save else None) as engine:
        core.mda.run(timelapse(4), output=viewer)
    close_core(core)
    seen = [(index["t"], index["cam"]) for index, _, _ in viewer.frames]
    assert seen == [(t, cam) for t in range(4) for cam in (0, 1)]
    if save:
        assert engine.report["frames_restored"] == engine.report["frames_expected"] == 8
        with tifffile.TiffFile(folder / "raw.ome.tiff") as file:
            assert [one.shape for one in file.series] == [(4, 64, 64)] * 2
