"""TensorRT engines, on an emulated GPU that runs their very graph."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import emulated_tensorrt
import numpy as np
import pytest
from counts import assert_same_counts, extreme_frames, windows_of
from emulated_device import EmulatedDevice
from frames import make_frame, make_movie

from pssr_live.card import Model, load_model
from pssr_live.engines import installed as packages
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.cuda.runtime import GpuFacts
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.preparation import build, start
from pssr_live.engines.tensorrt import engine as rt
from pssr_live.engines.tensorrt import obtain
from pssr_live.engines.tensorrt.engine import TensorRtEngine, TensorRtRtxEngine
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.graph import counts_graph
from pssr_live.errors import EngineError
from pssr_live.restorer import Restorer

GPU = GpuFacts("Emulated GPU", 89, 13000, 13000, 2**33, 2**33)
MODELS = ("mito-mf5-x4", "mito-mf5-x4-live", "fluo-sf-x4")
Kind = type[TensorRtEngine]


@dataclass
class Computer:
    """A computer with a GPU, in host memory."""

    device: EmulatedDevice
    package: Any
    facts: GpuFacts = GPU


@pytest.fixture(params=[TensorRtEngine, TensorRtRtxEngine], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def computer(
    kind: Kind,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Computer:
    device = EmulatedDevice()
    rtx = kind is TensorRtRtxEngine
    here = Computer(device, emulated_tensorrt.emulated_tensorrt(device, rtx))
    installed = Flavour(kind.package, here.package, "1.0")
    monkeypatch.setenv("PSSR_LIVE_PLANS", str(tmp_path_factory.mktemp("plans")))
    monkeypatch.setattr(packages, "find_spec", lambda name: name)
    monkeypatch.setattr(rt, "driver_problem", lambda: None)
    monkeypatch.setattr(rt, "gpu_facts", lambda: here.facts)
    monkeypatch.setattr(rt, "flavour", lambda name: installed)
    monkeypatch.setattr(kind, "_open_device", classmethod(lambda cls: device))
    monkeypatch.setattr(obtain, "build_apart", graph_as_plan)
    return here


def graph_as_plan(
    name: str, network: Any, spec: Any, progress: Any, cancelled: Any
) -> bytes:
    return counts_graph(network.read_bytes(), spec.precision)


@pytest.fixture
def opened(kind: Kind, computer: Computer) -> Iterator[Callable[..., TensorRtEngine]]:
    made = []

    def open_engine(model: Model) -> TensorRtEngine:
        build(kind, model, lambda share: None, threading.Event())
        made.append(kind(model))
        return made[-1]

    yield open_engine
    for each in made:
        each.close()
    assert computer.device.closed == bool(made)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_stream_is_restored_as_by_onnxruntime(
    kind: Kind,
    opened: Callable[..., TensorRtEngine],
    computer: Computer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    precision: str,
) -> None:
    """First and last frames, a gap, and the steady stream in between."""
    monkeypatch.setattr(kind, "precision", precision)
    model = load_model(name)
    movie = make_movie(9, (21, 17))
    movie[5] = replace(movie[5], after_gap=True)
    windows = windows_of(movie, model)
    engine = opened(model)
    assert_same_counts(engine, model, windows)
    device = computer.device
    assert device.launches == len(windows) - 1
    # Two kinds of upload, and two places: one picture is held while the next is made.
    assert len(device.graphs) <= 4


@pytest.mark.parametrize("name", ["random", "dark", "bright", "hot pixel"])
def test_extreme_frames(opened: Callable[..., TensorRtEngine], name: str) -> None:
    model = load_model("mito-mf5-x4")
    windows = windows_of(extreme_frames(name, (12, 11)), model)
    assert_same_counts(opened(model), model, windows)


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2"])
def test_other_pixel_types(opened: Callable[..., TensorRtEngine], dtype: str) -> None:
    model = load_model("mito-mf5-x4-live")
    frames = [make_frame(k, dtype=dtype) for k in range(6)]
    if dtype == "int16":
        frames = [replace(f, pixels=f.pixels - np.int16(60)) for f in frames]
    assert_same_counts(opened(model), model, windows_of(frames, model))


@pytest.mark.parametrize("shape", [(1, 1), (41, 23), (40, 97), (75, 75)])
def test_frames_larger_than_a_tile(
    opened: Callable[..., TensorRtEngine], monkeypatch: pytest.MonkeyPatch, shape: Any
) -> None:
    monkeypatch.setattr(rt, "TILE_PX", 16)
    model = load_model("mito-mf5-x4-live")
    windows = windows_of(make_movie(4, shape), model)
    assert_same_counts(opened(model), model, windows)


def test_interleaved_series_and_changing_sizes(
    opened: Callable[..., TensorRtEngine], computer: Computer
) -> None:
    model = load_model("mito-mf5-x4-live")
    shapes = [(9, 8), (12, 7), (10, 10), (11, 9)]  # one more than are kept
    frames = [
        make_frame(
            10 * t + c, {"t": t, "c": c}, shape=shapes[c % 4] if t else shapes[0]
        )
        for t in range(4)
        for c in range(9)  # one more than are kept
    ]
    assert_same_counts(opened(model), model, windows_of(frames, model))
    contexts = computer.package.plans[0].contexts
    assert len(contexts) > len(shapes)  # the longest unused was closed and came back


def test_pictures_stay_as_they_were_given(
    opened: Callable[..., TensorRtEngine],
) -> None:
    model = load_model("mito-mf5-x4-live")
    engine = opened(model)
    windows = windows_of(make_movie(12), model)
    kept = [engine.restore(window) for window in windows]
    copies = [picture.copy() for picture in kept]
    again = [engine.restore(window) for window in windows]
    for picture, copy, once_more in zip(kept, copies, again, strict=True):
        np.testing.assert_array_equal(picture, copy)
        np.testing.assert_array_equal(picture, once_more)


def test_the_engine_proves_itself_and_frees_all(kind: Kind, computer: Computer) -> None:
    model = load_model("mito-mf5-x4")
    assert not kind.is_ready(model)
    build(kind, model, lambda share: None, threading.Event())
    assert kind.is_ready(model)
    assert kind.is_incompatible(model) is None
    proved = start(kind, model)
    assert proved.self_test_error is not None
    assert 0 < proved.self_test_error < model.card.tolerance
    assert proved.engine.device == "Emulated GPU"
    wanted = kind._wanted(model)
    kept = wanted.plans.facts(wanted.key)["self_test"]
    assert kept["max_error"] == proved.self_test_error
    assert kept["elapsed_ms"] > 0
    proved.engine.close()
    assert not computer.device.blocks
    assert all(graph.freed for graph in computer.device.graphs)


def test_what_rtx_compiled_is_kept(kind: Kind, computer: Computer) -> None:
    model = load_model("mito-mf5-x4")
    build(kind, model, lambda share: None, threading.Event())
    for _ in range(2):
        start(kind, model).engine.close()
    wanted = kind._wanted(model)
    key = rt.runtime_key(wanted.key, wanted.flavour, wanted.gpu)
    kept = wanted.plans.load_runtime(key).content
    assert kept == (b"kernel kernel " if kind is TensorRtRtxEngine else None)


def test_the_ladder_climbs_to_it_and_down_again(
    kind: Kind, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built beside the engine that serves; replaced when the GPU is lost."""
    rungs = [kind, OnnxEngine, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: rungs)
    restorer = Restorer("mito-mf5-x4-live")
    assert restorer.ladder.engine.name == "onnxruntime"
    assert restorer.ladder._preparation is not None
    restorer.ladder._preparation.wait()

    def lost() -> None:
        raise EngineError("cudaStreamSynchronize failed: the GPU is gone.")

    names = []
    for count, frame in enumerate(make_movie(6)):
        if count == 3:
            monkeypatch.setattr(computer.device, "synchronize", lost)
        names += [restored.engine for restored in restorer.restore([frame])]
    assert names == [kind.name] * 3 + ["onnxruntime"] * 3
    assert "GPU is gone" in restorer.engine_report()["refused"][kind.name]
    restorer.close()
    assert computer.device.closed


@pytest.mark.parametrize("when", ["before", "while"])
def test_what_cannot_be_recorded_is_done_step_by_step(
    opened: Callable[..., TensorRtEngine],
    computer: Computer,
    kind: Kind,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if when == "while":
        computer.device.captures_work = False
    else:
        monkeypatch.setattr(
            emulated_tensorrt.IExecutionContext,
            "is_stream_capturable",
            lambda self, stream: False,
        )
    model = load_model("mito-mf5-x4-live")
    assert_same_counts(opened(model), model, windows_of(make_movie(5), model))
    assert not computer.device.launches


@pytest.mark.parametrize("spoilt_run", [0, 1, 2])
def test_a_picture_that_is_not_finite_is_never_given(
    opened: Callable[..., TensorRtEngine],
    monkeypatch: pytest.MonkeyPatch,
    spoilt_run: int,
) -> None:
    """Not even if only one tile of one batch is not."""
    monkeypatch.setattr(rt, "TILE_PX", 8)
    model = load_model("mito-mf5-x4-live")
    engine = opened(model)
    window, following = windows_of(make_movie(2, (49, 38)), model)
    real = emulated_tensorrt.IExecutionContext._compute
    runs = []

    def spoilt(self: Any, fed: Any, put: Any) -> None:
        real(self, fed, put)
        runs.append(self)
        if len(runs) == 1 + spoilt_run:
            put["total"][-1] = np.nan

    with monkeypatch.context() as spoiling:
        spoiling.setattr(emulated_tensorrt.IExecutionContext, "_compute", spoilt)
        with pytest.raises(FloatingPointError, match="not finite"):
            engine.restore(window)
    assert len(runs) > 3
    assert_same_counts(engine, model, [following])


def test_a_device_that_fails_once_is_not_trusted_to_hold_frames(
    opened: Callable[..., TensorRtEngine],
    computer: Computer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load_model("mito-mf5-x4-live")
    engine = opened(model)
    windows = windows_of(make_movie(4), model)
    assert_same_counts(engine, model, windows[:2])

    def lost() -> None:
        computer.device.queue.clear()
        raise EngineError("cudaStreamSynchronize failed.")

    with monkeypatch.context() as failing:
        failing.setattr(computer.device, "synchronize", lost)
        with pytest.raises(EngineError, match="cudaStreamSynchronize"):
            engine.restore(windows[2])
    assert_same_counts(engine, model, windows[3:])


def test_a_plan_that_cannot_be_loaded_is_a_sentence(
    kind: Kind, computer: Computer
) -> None:
    model = load_model("mito-mf5-x4")
    with pytest.raises(EngineError, match="plan cannot be used: none was built"):
        kind(model)
    build(kind, model, lambda share: None, threading.Event())
    computer.package.broken = True
    with pytest.raises(EngineError, match=r"cannot load its plan .*assertion failed"):
        kind(model)
    assert computer.device.closed


def test_refusals_are_sentences(
    kind: Kind, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model("mito-mf5-x4")
    monkeypatch.setattr(rt, "driver_problem", lambda: "There is no driver.")
    assert kind.is_incompatible(model) == "There is no driver."
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    extra = "rtx" if kind is TensorRtRtxEngine else "tensorrt"
    assert f'pip install "pssr-live[{extra}]"' in str(kind.is_incompatible(model))


@pytest.mark.parametrize(
    ("capability", "by"),
    [
        (61, ("tensorrt", "tensorrt_rtx")),
        (87, ("tensorrt_rtx",)),
        (90, ("tensorrt_rtx",)),
        (75, ()),
        (130, ()),
    ],
)
def test_a_gpu_that_is_never_served_is_refused_before_anything_is_built(
    kind: Kind,
    computer: Computer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capability: int,
    by: tuple[str, ...],
) -> None:
    computer.facts = replace(GPU, name="Some GPU", capability=capability)
    rungs = [kind, OnnxEngine, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: rungs)
    found = ladder.EngineLadder(load_model("mito-mf5-x4-live"), build=False)
    assert found.engine.name == "onnxruntime"
    (refusal,) = found.refusals
    assert refusal.absent == (kind.name in by)
    if refusal.absent:
        known = "7.5" if kind is TensorRtEngine else "7.5, 8.0, 8.6, 8.9, 12.0, 12.1"
        assert refusal.reason == (
            f"Some GPU has compute capability {capability / 10}, and {kind.name} 1.0 "
            f"runs on {known} and newer only: use another engine."
        )
    found.close()
    assert not [r for r in caplog.records if r.levelname == "WARNING"]


def test_the_header_of_a_plan_says_why_it_does_not_run(
    kind: Kind, computer: Computer
) -> None:
    model = load_model("mito-mf5-x4")
    build(kind, model, lambda share: None, threading.Event())
    invalid = emulated_tensorrt.EngineValidity.INVALID
    computer.package.validity = (invalid, 2 | 4)
    reason = kind.is_incompatible(model)
    if kind is TensorRtEngine:  # it cannot be asked
        assert reason is None
        return
    assert "not built for this kind of GPU; the NVIDIA driver is too old" in str(reason)
    with pytest.raises(EngineError, match="not built for this kind of GPU"):
        kind(model)
