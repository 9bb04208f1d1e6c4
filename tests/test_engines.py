"""Engines prove themselves, and one that fails is replaced, with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from frames import make_movie

from pssr_live.card import Model, load_model
from pssr_live.engines import EngineLadder, kinds, ladder, survey
from pssr_live.engines.bicubic import BicubicEngine, bicubic
from pssr_live.engines.cuda import driver
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer


class Failing(OnnxEngine):
    """Works for the self-test and three windows, then fails as a driver would."""

    name = "failing"
    rank = 1

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.left = 4

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        self.left -= 1
        if self.left < 0:
            raise MemoryError("out of device memory")
        return super().run(frames, valid)


class Wrong(OnnxEngine):
    """Computes in too few digits."""

    name = "wrong"
    rank = 2

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        return super().run(frames, valid).astype(np.float16).astype(np.float32) * 1.01


class Blank(OnnxEngine):
    """Gives NaN, which compares false with everything."""

    name = "blank"
    rank = 3

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        return np.full_like(super().run(frames, valid), np.nan)


class Elsewhere(OnnxEngine):
    """Needs a device that is not here."""

    name = "elsewhere"
    rank = 4

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        return "There is no such device here."


@pytest.fixture
def rungs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[type[OnnxEngine]]]:
    """Put engines of this file before the real ones."""
    extra: list[type[OnnxEngine]] = []
    real = ladder.engine_classes
    monkeypatch.setattr(ladder, "engine_classes", lambda: [*extra, *real()])
    yield extra


def test_without_a_gpu_onnxruntime_is_first_and_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "LIBRARY", "libthere-is-none.so")
    found = EngineLadder(load_model("mito-mf5-x4"))
    assert found.engine.name == "onnxruntime"
    assert found.self_test_error is not None
    assert found.self_test_error < 1e-5
    reasons = {r.engine: r.reason for r in found.refusals}
    assert list(reasons) == ["tensorrt", "tensorrt_rtx", "torch-cuda"]
    for reason in reasons.values():
        assert "no NVIDIA driver" in reason or "is not installed" in reason


def test_an_engine_that_cannot_even_tell_is_refused(
    rungs: list[type[OnnxEngine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Half(Elsewhere):
        """Its package is there, and a library of that is not."""

        name = "half"

        @classmethod
        def is_incompatible(cls, model: Model) -> str | None:
            raise OSError("half.dll could not be found")

    rungs.append(Half)
    found = EngineLadder(load_model("mito-mf5-x4"))
    assert found.engine.name == "onnxruntime"
    assert found.report()["refused"]["half"] == "half.dll could not be found"
    with pytest.raises(EngineError, match=r"'half' cannot be used: half\.dll could"):
        EngineLadder(load_model("mito-mf5-x4"), "half")
    monkeypatch.setattr(survey, "engine_classes", lambda: [Half, BicubicEngine])
    states = [rung.state for rung in survey.survey(load_model("mito-mf5-x4"))]
    assert states == ["refused", "works"]


def test_somebody_elses_broken_package_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> object:
        raise ValueError("numpy.dtype size changed")

    theirs = SimpleNamespace(name="theirs", load=fail)
    rankless = SimpleNamespace(name="rankless", load=lambda: object)
    ours = SimpleNamespace(name="ours", load=lambda: OnnxEngine)
    listed = [theirs, rankless, ours]
    monkeypatch.setattr(kinds, "entry_points", lambda group: listed)
    assert kinds.engine_classes() == [OnnxEngine]
    assert "Engine theirs cannot be imported: numpy.dtype size changed" in caplog.text
    assert "Engine rankless cannot be imported" in caplog.text


def test_refused_engines_leave_their_reasons(rungs: list[type[OnnxEngine]]) -> None:
    rungs += [Wrong, Blank, Elsewhere]
    found = EngineLadder(load_model("mito-mf5-x4"))
    assert found.engine.name == "onnxruntime"
    reasons = {r.engine: r.reason for r in found.refusals}
    assert "self-test differs" in reasons["wrong"]
    assert "nan" in reasons["blank"]
    assert reasons["elsewhere"] == "There is no such device here."


def test_a_failing_engine_is_replaced_and_no_frame_lost(
    rungs: list[type[OnnxEngine]], centred: Restorer
) -> None:
    rungs.append(Failing)
    restorer = Restorer("mito-mf5-x4")
    assert restorer.ladder.engine.name == "failing"
    movie = make_movie(6)
    before = restorer.engine_report()["refused"]
    restored = list(restorer.restore(movie))
    names = [r.engine for r in restored]
    assert names == ["failing"] * 3 + ["onnxruntime"] * 3
    refused = restorer.engine_report()["refused"]
    assert refused.items() >= before.items()
    assert refused["failing"] == "out of device memory"
    for ours, expected in zip(restored, centred.restore(movie), strict=True):
        np.testing.assert_array_equal(ours.pixels, expected.pixels)


def test_the_last_rung_is_labelled(rungs: list[type[OnnxEngine]]) -> None:
    restorer = Restorer("mito-mf5-x4", engine="bicubic")
    (restored,) = restorer.restore(make_movie(1))
    assert restored.engine == "bicubic"
    assert restorer.engine_report()["restores"] is False
    with pytest.raises(EngineError, match="raw frames are safe"):
        restorer.ladder.step_down("broken")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("tensorflow", "no engine 'tensorflow'.*onnxruntime"),
        ("wrong", "cannot be used"),
    ],
)
def test_an_engine_asked_for_by_name_is_used_or_refused(
    rungs: list[type[OnnxEngine]], wanted: str, said: str
) -> None:
    rungs.append(Wrong)
    with pytest.raises(EngineError, match=said):
        EngineLadder(load_model("mito-mf5-x4"), only=wanted)


def test_engines_agree_on_extreme_windows(centred: Restorer) -> None:
    """Nothing that a detector can give makes the output infinite."""
    for level in (0.0, 1.0, 500.0, -500.0):
        frames = np.full((5, 9, 7), level, np.float32)
        out = centred.ladder.engine.run(frames, np.ones(5, np.float32))
        assert np.isfinite(out).all()
        assert out.shape == (36, 28)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_bicubic_keeps_constants_and_lies_on_pixel_centres(scale: int) -> None:
    assert bicubic(np.full((5, 4), 3, np.float32), scale) == pytest.approx(3)
    ramp = np.arange(20, dtype=np.float32)[:, None] * np.ones((1, 3), np.float32)
    grown = bicubic(ramp, scale)[:, 0]
    centres = (np.arange(20 * scale) + 0.5) / scale - 0.5
    inner = slice(2 * scale, -2 * scale)
    np.testing.assert_allclose(grown[inner], centres[inner], atol=1e-5)


def test_bicubic_takes_the_target_frame() -> None:
    model = load_model("mito-mf5-x4")
    frames = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4))
    out = BicubicEngine(model).run(frames.astype(np.float32), np.ones(5, np.float32))
    assert out == pytest.approx(2)
