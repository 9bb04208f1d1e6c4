"""Engines for GPUs on a real one: `pytest -m gpu`. Elsewhere all of this is skipped.

What the emulated device cannot show: that numbers come out as onnxruntime makes them,
that graphs are recorded whichever thread asks, and that an engine without memory, or
without its GPU, is replaced and no frame lost.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import make_frame, make_movie
from gpus import KINDS, Kind, skip_what_is_refused, skip_without_a_gpu

from pssr_live.card import Model, load_model
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.preparation import start
from pssr_live.evaluation.metrics import psnr
from pssr_live.frame import Frame
from pssr_live.restorer import Restorer
from pssr_live.window import RollingWindows, Window

pytestmark = pytest.mark.gpu

MODELS = ("mito-mf5-x4", "mito-mf5-x4-live", "em-mf5-x4-live", "fluo-sf-x4")
LIVE = "mito-mf5-x4-live"
MOST_LOST_DB = 0.02
SHAPES = {"odd": (17, 33), "one pixel": (1, 1), "tiles": (530, 701), "hall": (9, 540)}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    skip_what_is_refused(chosen, load_model(LIVE))
    return chosen


@pytest.fixture(scope="module", params=MODELS)
def opened(
    kind: Kind, request: pytest.FixtureRequest
) -> Iterator[tuple[Model, CountsEngine, OnnxEngine]]:
    model = load_model(request.param)
    skip_what_is_refused(kind, model)
    engine, reference = start(kind, model).engine, OnnxEngine(model)
    assert isinstance(engine, CountsEngine)
    yield model, engine, reference
    engine.close()
    reference.close()


def windows_of(frames: list[Frame], model: Model) -> list[Window]:
    rolling = RollingWindows(model.card.n_frames, model.card.lookahead)
    done = [window for frame in frames for window in rolling.push(frame)]
    return [*done, *rolling.flush()]


def assert_equal(
    engine: CountsEngine, reference: OnnxEngine, model: Model, windows: list[Window]
) -> None:
    """Within a count, and the card's tolerance of the brightest value there is."""
    for window in windows:
        expected = reference.restore(window)
        restored = engine.restore(window)
        assert restored.dtype == expected.dtype
        brightest = max(1.0, float(np.abs(window.values()).max()))
        allowed = 1 + model.card.tolerance * brightest * window.intensity.scale
        error = np.abs(restored.astype(int) - expected.astype(int)).max()
        assert error <= allowed


def stream(what: str) -> list[Frame]:
    rng = np.random.default_rng(3)
    sides = {
        "odd": (17, 33),
        "one pixel": (1, 1),
        "tiles": (530, 701),
        "hall": (9, 540),
    }
    pixels = rng.integers(0, 2**16, (7, *sides.get(what, (64, 60)))).astype(np.uint16)
    if what in ("dark", "bright"):
        pixels[:] = 0 if what == "dark" else 65535
    elif what == "hot pixel":
        pixels[:] = 100 + pixels // 2000
        pixels[:, 4, 4] = 65535
    return [Frame(p, t, {"t": t}, after_gap=t == 4) for t, p in enumerate(pixels)]


@pytest.mark.parametrize(
    "what",
    ["random", "odd", "one pixel", "tiles", "hall", "dark", "bright", "hot pixel"],
)
def test_counts_are_those_of_onnxruntime(
    what: str, opened: tuple[Model, CountsEngine, OnnxEngine]
) -> None:
    model, engine, reference = opened
    assert_equal(engine, reference, model, windows_of(stream(what), model))


def test_a_real_picture_loses_nothing(
    opened: tuple[Model, CountsEngine, OnnxEngine],
) -> None:
    from skimage.data import cell

    model, engine, reference = opened
    dense = cell()[:640, :544].astype(np.float64)
    coarse = dense.reshape(160, 4, 136, 4).mean(axis=(1, 3))
    rng = np.random.default_rng(0)
    frames = [
        Frame(rng.poisson(8 * coarse).astype(np.uint16), t, {"t": t}) for t in range(8)
    ]
    window = windows_of(frames, model)[5]
    assert_equal(engine, reference, model, [window])
    reached = [
        psnr(each.restore(window).astype(np.float32) / 8, dense, 255)
        for each in (engine, reference)
    ]
    assert reached[0] > reached[1] - MOST_LOST_DB


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2"])
def test_other_pixel_types(
    dtype: str, opened: tuple[Model, CountsEngine, OnnxEngine]
) -> None:
    model, engine, reference = opened
    frames = [make_frame(k, dtype=dtype) for k in range(6)]
    if dtype == "int16":
        frames = [replace(f, pixels=f.pixels - np.int16(60)) for f in frames]
    assert_equal(engine, reference, model, windows_of(frames, model))


def test_series_and_sizes_take_turns(
    opened: tuple[Model, CountsEngine, OnnxEngine],
) -> None:
    """More of both than are kept on the GPU at a time."""
    model, engine, reference = opened
    shapes = [(19, 18), (22, 17), (20, 20), (21, 19)]
    frames = [
        make_frame(10 * t + c, {"t": t, "c": c}, shape=shapes[c % 4 if t else 0])
        for t in range(4)
        for c in range(9)
    ]
    assert_equal(engine, reference, model, windows_of(frames, model))


def test_pictures_stay_as_they_were_given(
    opened: tuple[Model, CountsEngine, OnnxEngine],
) -> None:
    model, engine, _ = opened
    windows = windows_of(make_movie(12, (40, 44)), model)
    kept = [engine.restore(window) for window in windows]
    copies = [picture.copy() for picture in kept]
    again = [engine.restore(window) for window in windows]
    for picture, copy, once_more in zip(kept, copies, again, strict=True):
        np.testing.assert_array_equal(picture, copy)
        np.testing.assert_array_equal(picture, once_more)


def serve_all(engine: Any, windows: list[Window], restored: list[Any]) -> None:
    restored.extend(engine.restore(window) for window in windows)


def test_frames_are_graphs_in_whichever_thread(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """An engine proves itself in one thread and serves in others."""
    model = load_model(LIVE)
    engine: Any = start(kind, model).engine
    windows = windows_of(make_movie(24, (32, 32)), model)
    restored: list[Any] = []
    for part in (windows[:2], windows[2:16], windows[16:]):
        serve = threading.Thread(target=serve_all, args=(engine, part, restored))
        serve.start()
        serve.join()
    graphs = [len(session._graphs) for session in engine._sessions._open.values()]
    reference = OnnxEngine(model)
    assert_equal(engine, reference, model, windows)
    for window, picture in zip(windows, restored, strict=True):
        np.testing.assert_array_equal(engine.restore(window), picture)
    engine.close()
    assert max(graphs) >= 2
    assert "step by step" not in caplog.text


@pytest.fixture
def rungs(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [kind, OnnxEngine, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: kinds)


def test_without_memory_the_next_engine_does_the_frame(kind: Kind, rungs: None) -> None:
    """The driver itself refuses; another channel is what asks for more."""
    restorer = Restorer(LIVE)
    engine: Any = restorer.ladder.engine
    device = engine._sessions._device
    given = device.allocate
    frames = [make_frame(10 * t, {"t": t, "c": t // 4}) for t in range(8)]
    names = []
    for t, frame in enumerate(frames):
        if t == 4:
            device.allocate = lambda nbytes: given(nbytes + 2**46)
        names += [restored.engine for restored in restorer.restore([frame])]
    report = restorer.engine_report()
    restorer.close()
    assert names == [kind.name] * 4 + ["onnxruntime"] * 4
    assert "out of memory" in report["refused"][kind.name]


LOST = """
import json, sys
import torch
from frames import make_movie
from pssr_live.restorer import Restorer

restorer = Restorer("mito-mf5-x4-live", None)
made = []
for t, frame in enumerate(make_movie(9)):
    if t == 4:
        nothing = torch.zeros(1, device="cuda")
        nothing[torch.full((1,), 10**9, device="cuda")] = 1  # an assertion on the GPU
    made += restorer.restore([frame])
report = restorer.engine_report()
print(json.dumps({
    "engines": [restored.engine for restored in made],
    "mean": [float(restored.pixels.mean()) for restored in made],
    "refused": report["refused"],
}))
restorer.close()
"""


def test_a_gpu_that_is_lost_costs_no_frame(kind: Kind) -> None:
    """Not even the process, which must not end while it frees what is gone."""
    pytest.importorskip("torch")
    script = LOST.replace("None", repr(kind.name))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["engines"][:4] == [kind.name] * 4
    assert told["engines"][4:] == ["bicubic"] * 5
    assert kind.name in told["refused"]
    assert min(told["mean"]) > 1
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_gpu_is_not_left_idle() -> None:
    """Where there is a GPU, one of the engines for it works."""
    skip_without_a_gpu()
    model = load_model(LIVE)
    assert any(kind.is_incompatible(model) is None for kind in KINDS)
