"""Nothing is lost, whatever engine, disk or callback do."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from frames import make_frame, make_movie
from sessions import wait_until

from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Restored
from pssr_live.pipeline import LivePipeline
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder, read_log
from pssr_live.window import Window


class Held(Restorer):
    """Restores nothing until it is let go, so that the pipeline must defer."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.let_go = threading.Event()

    def restore_window(self, window: Window) -> Restored:
        assert self.let_go.wait(60)
        return super().restore_window(window)


class Broken(Restorer):
    """Fails for good on one frame."""

    def restore_window(self, window: Window) -> Restored:
        if window.target.ordinal == 3:
            raise RuntimeError("no engine is left")
        return super().restore_window(window)


class FullDisk(SessionRecorder):
    """Runs out of room after five frames."""

    def write_raw(self, frame: Frame) -> None:
        if frame.ordinal >= 5:
            raise StorageError("no room left")
        super().write_raw(frame)


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    return SessionFolder.create(tmp_path / "run")


def recorder_for(folder: SessionFolder, count: int) -> SessionRecorder:
    return SessionRecorder(folder, RunLayout(tuple({"t": n} for n in range(count))), 4)


def feed(pipeline: LivePipeline, frames: list[Frame]) -> None:
    for frame in frames:
        pipeline.submit(frame)


def test_every_frame_is_recorded_and_restored_in_place(
    folder: SessionFolder, centred: Restorer
) -> None:
    recorder, movie = recorder_for(folder, 12), make_movie(12)
    pipeline = LivePipeline(centred, recorder, time.perf_counter)
    feed(pipeline, movie)
    counters = pipeline.finish()
    assert (counters.acquired, counters.recorded, counters.restored) == (12, 12, 12)
    for expected in centred.restore(movie):
        n = expected.frame.ordinal
        np.testing.assert_array_equal(recorder.read_raw(n), movie[n].pixels)
        np.testing.assert_array_equal(recorder.read_restored(n), expected.pixels)
    recorder.close({}, 12)


def test_a_slow_engine_defers_and_makes_up_for_it(folder: SessionFolder) -> None:
    slow = Held("mito-mf5-x4")
    recorder, movie = recorder_for(folder, 30), make_movie(30)
    steps: list[tuple[int, int]] = []
    pipeline = LivePipeline(slow, recorder, time.perf_counter)
    feed(pipeline, movie)
    wait_until(lambda: pipeline.counters.deferred > 5)
    slow.let_go.set()
    counters = pipeline.finish(lambda done, total: steps.append((done, total)))
    assert counters.deferred > 5
    assert counters.restored == 30
    assert steps[0] == (0, counters.deferred)
    assert steps[-1] == (counters.deferred, counters.deferred)
    for expected in Restorer("mito-mf5-x4").restore(movie):
        n = expected.frame.ordinal
        np.testing.assert_array_equal(recorder.read_restored(n), expected.pixels)
    recorder.close({}, 30)
    said = [line["status"] for line in read_log(folder.frames)]
    assert said.count("deferred") == counters.deferred
    assert said.count("restored") == 30


def test_the_display_gets_the_newest_even_if_the_engine_is_slow(
    folder: SessionFolder,
) -> None:
    slow, shown = Held("mito-mf5-x4-live"), []
    recorder = recorder_for(folder, 40)
    pipeline = LivePipeline(
        slow, recorder, time.perf_counter, on_restored=lambda r: shown.append(r.frame)
    )
    feed(pipeline, make_movie(40))
    wait_until(lambda: pipeline.counters.recorded == 40)
    slow.let_go.set()
    wait_until(lambda: pipeline.settle(1))
    # One may have been in hand; of the others only those that came last are shown.
    assert all(frame.ordinal > 30 for frame in shown[1:])
    assert pipeline.latest is not None and pipeline.latest.frame is shown[-1]
    assert shown[-1].ordinal == 39
    pipeline.finish()
    recorder.close({}, 40)


def test_a_frame_that_cannot_be_restored_costs_only_itself(
    folder: SessionFolder,
) -> None:
    recorder = recorder_for(folder, 8)
    pipeline = LivePipeline(Broken("mito-mf5-x4"), recorder, time.perf_counter)
    feed(pipeline, make_movie(8))
    counters = pipeline.finish()
    assert (counters.recorded, counters.restored, counters.unrestored) == (8, 7, 1)
    recorder.close({}, 8)
    failed = [x for x in read_log(folder.frames) if x["status"] == "failed"]
    assert [(x["ordinal"], x["reason"]) for x in failed] == [(3, "no engine is left")]


def test_a_full_disk_stops_the_run_once_and_keeps_what_was_written(
    folder: SessionFolder, centred: Restorer
) -> None:
    recorder = FullDisk(folder, RunLayout(tuple({"t": n} for n in range(9))), 4)
    told: list[Exception] = []
    pipeline = LivePipeline(centred, recorder, time.perf_counter, told.append)
    feed(pipeline, make_movie(9))
    counters = pipeline.finish()
    assert (counters.acquired, counters.recorded, counters.restored) == (9, 5, 5)
    assert [str(error) for error in told] == ["no room left"]
    recorder.close({}, 5)


def test_a_callback_that_fails_does_not_end_the_restoration(
    folder: SessionFolder, centred: Restorer
) -> None:
    recorder, seen = recorder_for(folder, 6), []

    def callback(restored: Restored) -> None:
        seen.append(restored.frame.ordinal)
        raise ValueError("a mistake in a script")

    pipeline = LivePipeline(centred, recorder, time.perf_counter, on_restored=callback)
    for frame in make_movie(6):
        pipeline.submit(frame)
        wait_until(lambda: pipeline.settle(1))  # deferred frames get no callback
    assert pipeline.finish().restored == 6
    assert seen == list(range(6))
    recorder.close({}, 6)


def test_a_frame_of_another_size_is_reported_and_the_others_kept(
    folder: SessionFolder, centred: Restorer
) -> None:
    movie = make_movie(6)
    movie[3] = make_frame(3, shape=(10, 10))
    recorder = recorder_for(folder, 6)
    pipeline = LivePipeline(centred, recorder, time.perf_counter)
    feed(pipeline, movie)
    counters = pipeline.finish()
    assert (counters.recorded, counters.restored) == (5, 5)
    assert "10" in str(pipeline.trouble)
    recorder.close({}, 6)


def test_submit_never_waits_for_disk_or_engine(
    folder: SessionFolder, centred: Restorer
) -> None:
    gate = threading.Event()

    class Stuck(SessionRecorder):
        def write_raw(self, frame: Frame) -> None:
            assert gate.wait(60)
            super().write_raw(frame)

    recorder = Stuck(folder, RunLayout(tuple({"t": n} for n in range(50))), 4)
    pipeline = LivePipeline(centred, recorder, time.perf_counter)
    feed(pipeline, make_movie(50))
    assert (pipeline.counters.acquired, pipeline.counters.recorded) == (50, 0)
    gate.set()
    assert pipeline.finish().restored == 50
    recorder.close({}, 50)
