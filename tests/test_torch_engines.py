"""PyTorch engines: the GPU's code runs here on the CPU, all but graphs and streams."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from counts import assert_same_counts, extreme_frames, windows_of
from frames import make_frame, make_movie

from models import copy_model
from pssr_live import weights
from pssr_live.card import Model, load_model
from pssr_live.engines import installed, pytorch
from pssr_live.engines.by_counts import window_of
from pssr_live.engines.cuda.torch_device import TorchDevice
from pssr_live.engines.cuda.torch_inference import CountsNet
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.pytorch import TorchCudaEngine, TorchEngine
from pssr_live.engines.self_test import self_test
from pssr_live.errors import EngineError

MODELS = ("mito-mf5-x4", "mito-mf5-x4-live", "fluo-sf-x4")
PRECISIONS = ("float32", "float16")


class OnCpu(TorchCudaEngine):
    """The engine for GPUs, with its tensors in host memory."""

    kind = "cpu"


@pytest.fixture
def opened() -> Iterator[Callable[[Model, str], OnCpu]]:
    made = []

    def open_engine(model: Model, precision: str) -> OnCpu:
        chosen = type("Chosen", (OnCpu,), {"precision": precision})
        made.append(chosen(model))
        return made[-1]

    yield open_engine
    for each in made:
        each.close()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_stream_is_restored_as_by_onnxruntime(
    opened: Callable[[Model, str], OnCpu], name: str, precision: str
) -> None:
    model = load_model(name)
    movie = make_movie(9, (21, 17))
    movie[5] = replace(movie[5], after_gap=True)
    assert_same_counts(opened(model, precision), model, windows_of(movie, model))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["random", "dark", "bright", "hot pixel"])
def test_extreme_frames(
    opened: Callable[[Model, str], OnCpu], name: str, precision: str
) -> None:
    model = load_model("mito-mf5-x4-live")
    frames = extreme_frames(name, (12, 11))
    assert_same_counts(opened(model, precision), model, windows_of(frames, model))


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u2"])
def test_other_pixel_types(opened: Callable[[Model, str], OnCpu], dtype: str) -> None:
    model = load_model("mito-mf5-x4-live")
    frames = [make_frame(k, dtype=dtype) for k in range(6)]
    if dtype == "int16":
        frames = [replace(f, pixels=f.pixels - np.int16(60)) for f in frames]
    assert_same_counts(opened(model, "float32"), model, windows_of(frames, model))


@pytest.mark.parametrize("shape", [(1, 1), (60, 97), (75, 75)])
def test_frames_larger_than_a_tile(
    opened: Callable[[Model, str], OnCpu],
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int],
) -> None:
    monkeypatch.setattr(pytorch, "LARGEST_PX", 40)
    model = load_model("mito-mf5-x4-live")
    assert_same_counts(
        opened(model, "float32"), model, windows_of(make_movie(4, shape), model)
    )


def test_interleaved_series(opened: Callable[[Model, str], OnCpu]) -> None:
    model = load_model("mito-mf5-x4")
    frames = [
        make_frame(10 * t + c, {"t": t, "c": c}) for t in range(5) for c in range(3)
    ]
    assert_same_counts(opened(model, "float32"), model, windows_of(frames, model))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_self_test(
    opened: Callable[[Model, str], OnCpu], name: str, precision: str
) -> None:
    model = load_model(name)
    error = self_test(opened(model, precision), model)
    assert error is not None
    assert 0 < error < model.card.tolerance


@pytest.mark.parametrize("name", MODELS)
def test_the_engine_for_the_cpu_equals_onnxruntime(name: str) -> None:
    model = load_model(name)
    engine = TorchEngine(model)
    error = self_test(engine, model)
    assert error is not None
    assert error < 1e-5
    frames = np.random.default_rng(0).random((model.card.n_frames, 9, 7), np.float32)
    frames.flags.writeable = False
    there = np.ones(model.card.n_frames, np.float32)
    window = window_of(frames, there, model.card.n_frames - 1 - model.card.lookahead)
    reference = OnnxEngine(model)
    expected = reference.restore(window).astype(int)
    assert np.abs(engine.restore(window).astype(int) - expected).max() <= 1
    assert engine.run(frames, there).flags.writeable
    engine.close()
    reference.close()


def test_weights_of_another_network_are_a_refusal(tmp_path: Path) -> None:
    """Other engines run the same folder, so it is no error of the model."""
    model = load_model(copy_model(tmp_path))
    file = model.folder / weights.FILE
    file.write_bytes(file.read_bytes()[:100])
    for kind in (TorchEngine, OnCpu):
        with pytest.raises(EngineError, match="take the model folder anew"):
            kind(model)
    file.unlink()
    for kind in (TorchEngine, OnCpu):
        assert f"has no {weights.FILE}" in str(kind.is_incompatible(model))


def test_what_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model("mito-mf5-x4")
    monkeypatch.setattr(pytorch, "driver_problem", lambda: "There is no driver.")
    assert TorchEngine.is_incompatible(model) is None
    assert TorchCudaEngine.is_incompatible(model) == "There is no driver."
    monkeypatch.setattr(pytorch, "driver_problem", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "does not use the GPU" in str(TorchCudaEngine.is_incompatible(model))
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    assert 'pip install "pssr-live[torch]"' in str(TorchEngine.is_incompatible(model))


def test_only_the_correction_is_in_half_precision() -> None:
    """Where the network corrects nothing, every count is as in full precision."""
    net = weights.network_of(load_model("mito-mf5-x4"))
    with torch.no_grad():
        net.tail.weight.zero_()
        net.tail.bias.zero_()
    bits = torch.randint(-(2**15), 2**15, (1, 5, 9, 8), dtype=torch.int16)
    given = (bits, torch.ones(1, 5), torch.tensor([3.0, 700.0, 65535.0]))
    with torch.inference_mode():
        full, _ = CountsNet(net, "cpu", half=False)(*given)
        half, _ = CountsNet(net, "cpu", half=True)(*given)
    assert len(full.unique()) > 100
    assert torch.equal(half, full)


def test_graphs_are_recorded_as_pytorch_knows() -> None:
    """There is no GPU to record on, but there is a signature."""
    begin = inspect.signature(torch.cuda.CUDAGraph.capture_begin)
    begin.bind(None, object(), capture_error_mode="thread_local")
    flags = inspect.signature(torch.backends.cudnn.flags)
    flags.bind(enabled=True, allow_tf32=False)


def test_there_are_no_graphs_on_the_cpu() -> None:
    with pytest.raises(EngineError, match="no graphs on the CPU"):
        TorchDevice("cpu").capture(lambda: None)


def test_refusing_needs_none_of_the_heavy_packages() -> None:
    """The live program starts without them, wherever there is no GPU."""
    script = (
        "import sys\n"
        "from pssr_live.card import load_model\n"
        "from pssr_live.engines.cuda import driver\n"
        "driver.LIBRARY = 'libthere-is-none.so'\n"
        "from pssr_live.engines.kinds import engine_classes\n"
        "model = load_model('mito-mf5-x4')\n"
        "for kind in engine_classes():\n"
        "    if kind.name in ('tensorrt', 'tensorrt_rtx', 'torch-cuda', 'torch'):\n"
        "        print(kind.name, kind.is_incompatible(model))\n"
        "heavy = {'torch', 'tensorrt', 'tensorrt_rtx', 'cuda.bindings', 'onnx'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    *lines, loaded = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("tensorrt", "tensorrt_rtx", "torch-cuda", "torch")
    ]
    assert all("driver" in line or "not installed" in line for line in lines[:3])
    assert loaded == "[]"
