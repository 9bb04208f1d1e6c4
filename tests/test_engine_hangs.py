"""A driver that never returns: the frame is done by the next engine, none is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import (
    LIVE,
    assert_live_equals_offline,
    small_scanner,
    timelapse,
    wait_until,
)

from pssr_live import restorer
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.intensity import FloatArray
from pssr_live.scanners.hook import LiveRestoration

FRAMES = 12
SELF_TEST = 1
PATIENT_S, IMPATIENT_S = 60.0, 0.3


class Hanging(OnnxEngine):
    """Does not return from one of its calls until it is let go.

    Only that call is not waited for: on a busy computer others may take long, too.
    """

    name = "hanging"
    rank = 1
    calls = 0
    hangs_at = 0
    let_go = threading.Event()
    fails_then = False
    closed = False

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        type(self).calls += 1
        is_next = self.calls == self.hangs_at - 1
        restorer.STUCK_S = IMPATIENT_S if is_next else PATIENT_S
        if self.calls == self.hangs_at:
            self.let_go.wait(60)
            if self.fails_then:
                raise RuntimeError("the device was reset")
        return super().run(frames, valid)

    def close(self) -> None:
        type(self).closed = True


class Serving(OnnxEngine):
    """The next engine, whose first call may let the one before come back."""

    lets_go = False

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        if self.lets_go:
            Hanging.let_go.set()
        return super().run(frames, valid)


@pytest.fixture(autouse=True)
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(restorer, "STUCK_S", PATIENT_S)
    monkeypatch.setattr(restorer, "STUCK_S_PER_PIXEL", 0.0)
    monkeypatch.setattr("pssr_live.pipeline.LOOK_S", 0.05)
    monkeypatch.setattr(Hanging, "calls", 0)
    monkeypatch.setattr(Hanging, "closed", False)
    monkeypatch.setattr(Hanging, "let_go", threading.Event())
    engines = [Hanging, Serving, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: list(engines))
    yield
    Hanging.let_go.set()


def threads_that_restore() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "pssr-live restore"]


@pytest.mark.parametrize("fails_then", [False, True])
@pytest.mark.parametrize("at", [1, 5, FRAMES])
def test_a_hanging_engine_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, fails_then: bool
) -> None:
    monkeypatch.setattr(Hanging, "hangs_at", SELF_TEST + at)
    monkeypatch.setattr(Hanging, "fails_then", fails_then)
    monkeypatch.setattr(Serving, "lets_go", at < FRAMES)  # while the run goes on
    with (
        small_scanner() as core,
        LiveRestoration(LIVE, tmp_path / "s", core=core) as live,
    ):
        core.mda.run(timelapse(FRAMES, interval_s=0.1), output=live)
    report = live.report
    assert (report["status"], report["frames_restored"]) == ("success", FRAMES)
    made = {"hanging": at - 1, "onnxruntime": FRAMES - at + 1}
    assert report["frames_by_engine"] == {k: v for k, v in made.items() if v}
    assert "did not return within" in report["engine"]["refused"]["hanging"]
    assert not Hanging.closed  # that might hang, too
    Hanging.let_go.set()
    for thread in threads_that_restore():
        thread.join(10)
        assert not thread.is_alive()
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_it_may_hang_while_deferred_frames_are_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first frame hangs so long that most are deferred; then another does."""

    def progress(done: int, total: int) -> None:
        if done == 1:
            monkeypatch.setattr(restorer, "STUCK_S", IMPATIENT_S)
            monkeypatch.setattr(Hanging, "let_go", threading.Event())
            monkeypatch.setattr(Hanging, "hangs_at", Hanging.calls + 1)

    with (
        small_scanner() as core,
        LiveRestoration(LIVE, tmp_path / "s", core=core, progress=progress) as live,
    ):
        monkeypatch.setattr(restorer, "STUCK_S", PATIENT_S)
        monkeypatch.setattr(Hanging, "hangs_at", SELF_TEST + 1)
        core.mda.run(timelapse(FRAMES), output=live)
        wait_until(lambda: live.tally().deferred >= 2)
        Hanging.let_go.set()
    report = live.report
    assert (report["status"], report["frames_restored"]) == ("success", FRAMES)
    assert report["frames_deferred"] >= 2
    assert report["frames_by_engine"]["onnxruntime"] == report["frames_deferred"] - 1
    assert "did not return within" in report["engine"]["refused"]["hanging"]
    assert_live_equals_offline(tmp_path / "s", LIVE)
