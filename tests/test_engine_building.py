"""Engines that must be built first: another serves meanwhile, and no frame is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import make_movie
from sessions import LIVE, assert_live_equals_offline, small_scanner, timelapse

from pssr_live.card import Model, load_model
from pssr_live.engines import BuildProgress, EngineLadder, ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer
from pssr_live.scanners.hook import LiveRestoration

PATIENCE_S = 60.0


class Built(OnnxEngine):
    """Starts only once `prepare` has been let through."""

    name = "built"
    rank = 10
    allowed = threading.Event()
    entered = threading.Event()
    done = False
    fault: Exception | None = None
    runs_left = 10**6

    @classmethod
    def is_ready(cls, model: Model) -> bool:
        return cls.done

    @classmethod
    def prepare(
        cls, model: Model, progress: BuildProgress, cancelled: threading.Event
    ) -> None:
        cls.entered.set()
        progress(0.5)
        while not cls.allowed.wait(0.01):
            if cancelled.is_set():
                raise EngineError("Building it was cancelled.")
        if cls.fault is not None:
            raise cls.fault
        cls.done = True

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        type(self).runs_left -= 1
        if self.runs_left < 0:
            raise MemoryError("out of device memory")
        return super().run(frames, valid)


class QuickBuilt(Built):
    """Another one that must be built: worse, and ready sooner."""

    name = "quick"
    rank = 20


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that installs engines, none of them built yet."""

    def install(*kinds: type[Built]) -> None:
        for kind in kinds:
            for name in ("allowed", "entered"):
                monkeypatch.setattr(kind, name, threading.Event())
            monkeypatch.setattr(kind, "done", False)
            monkeypatch.setattr(kind, "fault", None)
            monkeypatch.setattr(kind, "runs_left", 10**6)
        engines = [*kinds, OnnxEngine, BicubicEngine]
        monkeypatch.setattr(ladder, "engine_classes", lambda: list(engines))

    yield install
    assert not [t for t in threading.enumerate() if t.name == "pssr-live build"]


def finish_building(restorer: Restorer, *kinds: type[Built]) -> None:
    preparation = restorer.ladder._preparation
    assert preparation is not None
    for kind in kinds:
        kind.allowed.set()
    preparation.wait()


def test_the_next_engine_serves_until_it_is_built(
    fresh: Callable[..., None], centred: Restorer
) -> None:
    fresh(Built)
    restorer = Restorer("mito-mf5-x4")
    assert Built.entered.wait(PATIENCE_S)
    assert "being built" in restorer.engine_report()["refused"]["built"]
    assert restorer.engine_report()["name"] == "onnxruntime"
    movie, restored = make_movie(8), []
    for number, one in enumerate(restorer.restore(movie)):
        restored.append(one)
        if number == 3:
            finish_building(restorer, Built)
    assert [r.engine for r in restored] == ["onnxruntime"] * 4 + ["built"] * 4
    assert restorer.engine_report()["refused"] == {}
    assert restorer.ladder.self_test_error is not None
    for ours, expected in zip(restored, centred.restore(movie), strict=True):
        np.testing.assert_array_equal(ours.pixels, expected.pixels)
    restorer.close()


def test_the_quick_one_is_built_first_and_the_best_one_wins(
    fresh: Callable[..., None],
) -> None:
    fresh(Built, QuickBuilt)
    restorer = Restorer("mito-mf5-x4")
    assert QuickBuilt.entered.wait(PATIENCE_S)
    assert not Built.entered.is_set()
    QuickBuilt.allowed.set()
    assert Built.entered.wait(PATIENCE_S)
    assert restorer.ladder.in_use().name == "quick"
    finish_building(restorer, Built)
    assert restorer.ladder.in_use().name == "built"
    restorer.close()


def test_what_cannot_be_built_leaves_its_reason(fresh: Callable[..., None]) -> None:
    fresh(Built, QuickBuilt)
    Built.fault = EngineError("The network has an operator it does not know.")
    restorer = Restorer("mito-mf5-x4")
    finish_building(restorer, Built, QuickBuilt)
    assert restorer.ladder.in_use().name == "quick"
    refused = restorer.engine_report()["refused"]
    assert refused == {"built": "The network has an operator it does not know."}
    restorer.close()


def test_closing_cancels_what_is_being_built(
    fresh: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    fresh(Built)
    restorer = Restorer("mito-mf5-x4")
    assert Built.entered.wait(PATIENCE_S)
    preparation = restorer.ladder._preparation
    assert preparation is not None
    assert (preparation.building, preparation.share) == ("built", 0.5)
    restorer.close()
    assert not Built.done
    assert "cancelled" not in caplog.text  # it is no fault of the engine's


def test_who_only_asks_builds_nothing(fresh: Callable[..., None]) -> None:
    fresh(Built)
    found = EngineLadder(load_model("mito-mf5-x4"), build=False)
    assert "doctor --build" in found.report()["refused"]["built"]
    assert not Built.entered.is_set()
    found.close()


def test_an_engine_that_nobody_took_is_closed(
    fresh: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(Built, "close", lambda self: closed.append(self.name))
    fresh(Built, QuickBuilt)
    restorer = Restorer("mito-mf5-x4")
    finish_building(restorer, Built, QuickBuilt)
    restorer.close()
    assert closed == ["quick", "built"]


@pytest.mark.parametrize("fault", [None, EngineError("no")])
def test_an_engine_asked_for_by_name_is_built_at_once(
    fresh: Callable[..., None], fault: Exception | None
) -> None:
    fresh(Built)
    Built.allowed.set()
    Built.fault = fault
    model = load_model("mito-mf5-x4")
    if fault is None:
        found = EngineLadder(model, only="built")
        assert found.engine.name == "built"
        found.close()
        return
    with pytest.raises(EngineError, match="'built' cannot be used: no"):
        EngineLadder(model, only="built")


def test_a_built_engine_that_fails_gives_way_again(
    fresh: Callable[..., None], centred: Restorer
) -> None:
    fresh(Built)
    Built.runs_left = 3  # one of them for the self-test
    restorer = Restorer("mito-mf5-x4")
    finish_building(restorer, Built)
    movie = make_movie(6)
    restored = list(restorer.restore(movie))
    assert [r.engine for r in restored] == ["built"] * 2 + ["onnxruntime"] * 4
    assert restorer.engine_report()["refused"] == {"built": "out of device memory"}
    for ours, expected in zip(restored, centred.restore(movie), strict=True):
        np.testing.assert_array_equal(ours.pixels, expected.pixels)
    restorer.close()


def test_a_session_through_build_and_failure_loses_no_frame(
    fresh: Callable[..., None], tmp_path: Path
) -> None:
    fresh(Built)
    Built.runs_left = 6
    seen: list[str] = []

    def on_restored(restored: Any) -> None:
        seen.append(restored.engine)
        if len(seen) == 4:
            finish_building(live._restorer, Built)  # type: ignore[arg-type]

    with small_scanner() as core:
        live = LiveRestoration(LIVE, tmp_path / "s", core=core, on_restored=on_restored)
        with live:
            core.mda.run(timelapse(16, interval_s=0.02), output=live)
    report = live.report
    assert report["status"] == "success"
    assert report["frames_restored"] == report["frames_acquired"] == 16
    assert report["engine"]["refused"] == {"built": "out of device memory"}
    lines = map(json.loads, (tmp_path / "s" / "frames.jsonl").read_text().splitlines())
    engines = [line["engine"] for line in lines if "engine" in line]
    seam = [a for a, b in zip(engines, [*engines[1:], None], strict=True) if a != b]
    assert seam == ["onnxruntime", "built", "onnxruntime"]
    assert engines.count("built") == 5
    assert_live_equals_offline(tmp_path / "s", LIVE)
