"""An engine dies in the middle of a recorded run: what is on disk afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sessions import (
    CENTRED,
    LIVE,
    assert_live_equals_offline,
    small_scanner,
    timelapse,
)

from pssr_live import restorer
from pssr_live.card import Model
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.intensity import FloatArray
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.storage.session import SessionFolder, read_log

FRAMES, SERVED = 12, 5
SAID = {
    "raises": "the device is gone",
    "runs out of memory": "out of device memory",
    "gives nonsense": "its output is not finite",
    "hangs": "It did not return within 1 s.",
}


class Dying(OnnxEngine):
    """Passes its self-test, serves some frames, and dies in one of several ways."""

    name = "dying"
    rank = 1
    how = ""
    let_go = threading.Event()

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._left = 1 + SERVED

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        self._left -= 1
        # Only the call that hangs is not waited for: a busy computer's take long, too.
        restorer.STUCK_S = 0.6 if self._left == 0 else 60.0
        if self._left >= 0:
            return super().run(frames, valid)
        if self.how == "raises":
            raise RuntimeError("the device is gone")
        if self.how == "runs out of memory":
            raise MemoryError("out of device memory")
        if self.how == "hangs":
            self.let_go.wait(60)
        return np.full_like(super().run(frames, valid), np.nan)


@pytest.fixture(params=list(SAID))
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    chosen: str = request.param
    monkeypatch.setattr(restorer, "STUCK_S", 60.0)
    monkeypatch.setattr(restorer, "STUCK_S_PER_PIXEL", 0.0)
    monkeypatch.setattr("pssr_live.pipeline.LOOK_S", 0.05)
    monkeypatch.setattr("pssr_live.pipeline.MOST_WAITING", FRAMES)  # one by one
    monkeypatch.setattr(Dying, "how", chosen)
    engines = [Dying, OnnxEngine, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: list(engines))
    return chosen


@pytest.fixture(autouse=True)
def let_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Dying, "let_go", threading.Event())
    yield
    Dying.let_go.set()


@pytest.mark.parametrize("model", [LIVE, CENTRED])
def test_no_frame_is_lost_and_the_seam_is_in_the_log(
    how: str, model: str, tmp_path: Path
) -> None:
    with (
        small_scanner() as core,
        LiveRestoration(model, tmp_path / "s", core=core) as live,
    ):
        core.mda.run(timelapse(FRAMES, interval_s=0.05), output=live)
    report = live.report
    assert report["status"] == "success"
    assert report["frames_restored"] == report["frames_acquired"] == FRAMES
    assert report["engine"]["refused"] == {"dying": SAID[how]}
    lines = list(read_log(SessionFolder(tmp_path / "s").frames))
    made = {x["ordinal"]: x["engine"] for x in lines if x["status"] == "restored"}
    said = [line["status"] for line in lines]
    assert said.count("restored") == said.count("raw") == FRAMES
    assert [made[ordinal] for ordinal in range(FRAMES)] == (
        ["dying"] * SERVED + ["onnxruntime"] * (FRAMES - SERVED)
    )
    Dying.let_go.set()
    assert_live_equals_offline(tmp_path / "s", model)
