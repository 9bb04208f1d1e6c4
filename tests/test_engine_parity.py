"""Every engine that works on this computer restores what onnxruntime restores."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from frames import real_scan

from pssr_live.card import Model, load_model
from pssr_live.engines.engine import Engine
from pssr_live.engines.kinds import engine_classes
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.preparation import build
from pssr_live.engines.preparation import start as proved
from pssr_live.errors import EngineError
from pssr_live.evaluation.metrics import psnr
from pssr_live.intensity import FloatArray, fit
from pssr_live.window import Window

KINDS = [kind for kind in engine_classes() if kind.restores and kind is not OnnxEngine]
MODELS = ("mito-mf5-x4", "em-mf5-x4-live", "fluo-sf-x4")
MOST_LOST_DB, MOST_LOST_OPT_IN_DB = 0.02, 0.1


@pytest.fixture(scope="module", params=MODELS)
def exact(request: pytest.FixtureRequest) -> Iterator[tuple[Model, OnnxEngine]]:
    model = load_model(request.param)
    engine = OnnxEngine(model)
    yield model, engine
    engine.close()


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def engine(
    request: pytest.FixtureRequest, exact: tuple[Model, OnnxEngine]
) -> Iterator[Engine]:
    model, _ = exact
    kind: type[Engine] = request.param
    reason = kind.is_incompatible(model)
    if reason is not None:
        pytest.skip(reason)
    build(kind, model, lambda share: None, threading.Event())
    try:
        made = proved(kind, model).engine
    except EngineError as error:
        if not kind.opt_in:
            raise
        pytest.skip(str(error))  # refused by its own gate, as it should be
    yield made
    made.close()


def _inputs(name: str, n_frames: int) -> FloatArray:
    rng = np.random.default_rng(0)
    shape = {"odd": (17, 33), "one pixel": (1, 1)}.get(name, (40, 36))
    frames = rng.random((n_frames, *shape), np.float32)
    if name == "hot pixel":
        frames *= 0.1
        frames[:, 9, 9] = 60
    levels = {"dark": 0, "bright": 100, "below the dark level": -3}
    return np.full_like(frames, levels[name]) if name in levels else frames


@pytest.mark.parametrize(
    "name",
    [
        *("random", "odd", "one pixel"),
        *("dark", "bright", "below the dark level", "hot pixel"),
    ],
)
def test_engines_agree(
    name: str, engine: Engine, exact: tuple[Model, OnnxEngine]
) -> None:
    model, reference = exact
    card = model.card
    frames = _inputs(name, card.n_frames)
    there = np.ones(card.n_frames, np.float32)
    expected = reference.run(frames, there)
    restored = engine.run(frames.copy(), there)
    # Errors grow with brightness; the stored window, which tolerances are for, has 1.
    brightest = max(1.0, float(np.abs(frames).max()))
    allowed = 3 * card.opt_in_tolerance if engine.opt_in else card.tolerance
    np.testing.assert_allclose(restored, expected, rtol=0, atol=allowed * brightest)
    assert restored.dtype == np.float32


def test_engines_agree_on_windows_that_lack_frames(
    engine: Engine, exact: tuple[Model, OnnxEngine]
) -> None:
    model, reference = exact
    card = model.card
    there = np.ones(card.n_frames, np.float32)
    there[: card.n_frames // 2] = 0
    frames = _inputs("random", card.n_frames) * there[:, np.newaxis, np.newaxis]
    expected = reference.run(frames, there)
    allowed = 3 * card.opt_in_tolerance if engine.opt_in else card.tolerance
    np.testing.assert_allclose(
        engine.run(frames, there), expected, rtol=0, atol=allowed
    )


def test_a_real_picture_loses_nothing(
    engine: Engine, exact: tuple[Model, OnnxEngine]
) -> None:
    model, reference = exact
    card = model.card
    frames, dense = real_scan(card.n_frames)
    target = frames[card.n_frames - 1 - card.lookahead]
    window = Window(tuple(frames), target, fit(target.pixels))
    ours, expected = (e.restore(window).astype(np.float64) for e in (engine, reference))
    ours_db, expected_db = (psnr(p, dense, dense.max()) for p in (ours, expected))
    most_lost_db = MOST_LOST_OPT_IN_DB if engine.opt_in else MOST_LOST_DB
    assert ours_db > expected_db - most_lost_db
    if not engine.opt_in:
        brightest = max(1.0, float(np.abs(window.values()).max()))
        allowed = 1 + card.tolerance * brightest * window.intensity.scale
        assert np.abs(ours - expected).max() <= allowed
