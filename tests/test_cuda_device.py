"""The layer over the CUDA runtime: every call as CUDA knows it, and in its order."""

from __future__ import annotations

import ctypes
import gc
import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest

from pssr_live.card import load_model
from pssr_live.engines.cuda import driver
from pssr_live.engines.cuda import runtime as cuda_runtime
from pssr_live.engines.cuda.device import CudaDevice, CudaGraph
from pssr_live.engines.cuda.inference import Ends
from pssr_live.engines.cuda.protocol import At
from pssr_live.engines.cuda.runtime import call, gpu_facts
from pssr_live.engines.cuda.sessions import Sessions
from pssr_live.errors import EngineError
from pssr_live.window import RollingWindows, Window

real = pytest.importorskip("cuda.bindings.runtime")

from emulated_cuda import EmulatedCuda  # noqa: E402 - it needs the bindings
from emulated_device import EmulatedDevice, EmulatedMemory  # noqa: E402
from frames import make_movie  # noqa: E402


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> EmulatedCuda:
    emulated = EmulatedCuda()
    monkeypatch.setattr(cuda_runtime, "runtime", lambda: emulated)
    monkeypatch.setattr("pssr_live.engines.cuda.device.runtime", lambda: emulated)
    return emulated


class Nearest:
    """A network that repeats pixels, and knows only addresses."""

    def __init__(self, ends: Ends, cuda: EmulatedCuda, scale: int, target: int) -> None:
        self._cuda, self._scale, self._target = cuda, scale, target
        n, t, h, w = ends.shape
        self._counts = _array(ends.counts, "<u2", n, t, h, w)
        self._valid = _array(ends.valid, "f4", n, t)
        self._restored = _array(ends.restored, "<u2", n, scale * h, scale * w)
        self._total = _array(ends.total, "f4", n)

    def enqueue(self) -> None:
        self._cuda.enqueue(self._compute)

    def is_recordable(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def _compute(self) -> None:
        there = np.where(self._valid[:, :, None, None] > 0, self._counts, 0)
        mean = there[:, self._target] + there.sum(axis=1, dtype=np.uint16) % 7
        self._restored[:] = mean.repeat(self._scale, 1).repeat(self._scale, 2)
        self._total[:] = mean.sum(axis=(1, 2))


def _array(at: At, dtype: str, *shape: int) -> np.ndarray:
    kind = np.dtype(dtype)
    block = (ctypes.c_uint8 * (int(np.prod(shape)) * kind.itemsize)).from_address(
        at.address
    )
    return np.frombuffer(block, kind).reshape(shape)


def expected(window: Window, scale: int, target: int) -> np.ndarray:
    frames = [
        f.pixels if f else np.zeros_like(window.target.pixels) for f in window.frames
    ]
    mean = frames[target] + np.sum(frames, axis=0, dtype=np.uint16) % 7
    return mean.repeat(scale, 0).repeat(scale, 1)


@pytest.mark.parametrize("largest", [64, 36])
def test_windows_go_there_and_back(cuda: EmulatedCuda, largest: int) -> None:
    """In one piece and in tiles, step by step and by graphs."""
    card = load_model("mito-mf5-x4").card
    target = card.n_frames - 1 - card.lookahead
    sessions = Sessions(
        CudaDevice(),
        card,
        lambda ends: Nearest(ends, cuda, card.scale, target),
        largest=largest,
        most=3,
    )
    rolling = RollingWindows(card.n_frames, card.lookahead)
    windows = [w for f in make_movie(9, (50, 41)) for w in rolling.push(f)]
    for window in windows:
        restored = sessions.restore(window)
        np.testing.assert_array_equal(restored, expected(window, card.scale, target))
    assert cuda.launches == len(windows) - 1
    assert len(cuda.ready) == 2  # whole was run step by step, shift in two places
    sessions.close()
    assert not cuda.blocks
    assert not cuda.ready
    assert not cuda.graphs
    assert not cuda.streams
    assert len(cuda.pinned) == 1  # the last picture is still held
    del restored
    gc.collect()
    assert not cuda.pinned


def test_a_lost_gpu_can_be_left(cuda: EmulatedCuda) -> None:
    """Freeing fails as well then, and must not keep the next engine from starting."""
    device = CudaDevice()
    block, pinned = device.allocate(64), device.allocate_pinned(64)
    device.copy(At(block), At(pinned), 64)
    cuda.lost = True
    with pytest.raises(EngineError, match="cudaStreamSynchronize failed"):
        device.synchronize()
    block.free()
    pinned.free()
    device.close()


def test_work_that_fails_ends_its_recording(cuda: EmulatedCuda) -> None:
    def fail() -> None:
        raise EngineError("It cannot be recorded.")

    device = CudaDevice()
    with pytest.raises(EngineError, match="cannot be recorded"):
        device.capture(fail)
    assert cuda.recorded is None


def test_a_device_may_be_closed_twice(cuda: EmulatedCuda) -> None:
    """A driver was seen to crash when a stream was destroyed a second time."""
    device = CudaDevice()
    device.close()
    device.close()
    assert not cuda.streams


def test_facts_about_the_gpu(cuda: EmulatedCuda) -> None:
    facts = gpu_facts()
    assert (facts.name, facts.capability) == ("Emulated GPU", 89)
    assert (facts.driver, facts.runtime) == (13010, 13000)
    assert (facts.free_bytes, facts.total_bytes) == (2**32, 2**33)


def test_the_emulation_takes_what_cuda_takes() -> None:
    used = [name for name in vars(EmulatedCuda) if name.startswith("cuda")]
    assert len(used) > 15
    for name in used:
        ours = list(inspect.signature(getattr(EmulatedCuda, name)).parameters)[1:]
        theirs = list(inspect.signature(getattr(real, name)).parameters)
        assert ours == theirs, name


CALLS = [
    ("cudaGetDeviceCount",),
    ("cudaGetDeviceProperties", 0),
    ("cudaSetDevice", 0),
    ("cudaMemGetInfo",),
    ("cudaMalloc", 512),
    ("cudaFree", 4096),
    ("cudaHostAlloc", 512, 0),
    ("cudaFreeHost", 4096),
    ("cudaStreamCreateWithFlags", 1),
]


@pytest.fixture
def no_driver() -> None:
    if driver.driver_problem() is None:
        pytest.skip("there is a GPU here, and these calls would work")


@pytest.mark.parametrize("named", CALLS, ids=lambda named: named[0])
def test_every_call_is_one_that_cuda_knows(no_driver: None, named: tuple) -> None:
    """Without a driver the arguments are still checked, and the refusal is ours."""
    with pytest.raises(EngineError, match=rf"driver is too old.*\({named[0]}\)"):
        call(*named)


def test_the_device_queues_what_cuda_knows(
    no_driver: None, caplog: pytest.LogCaptureFixture
) -> None:
    cuda = cuda_runtime.runtime()
    made = CudaDevice.__new__(CudaDevice)
    made._stream = cuda.cudaStream_t(0)
    made._direction = cuda.cudaMemcpyKind.cudaMemcpyDefault
    made._mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
    block = EmulatedMemory(EmulatedDevice(), 64, 0)
    graph = CudaGraph.__new__(CudaGraph)
    graph._ready, graph._stream = cuda.cudaGraphExec_t(0), made._stream
    caplog.set_level("INFO")
    tried = {
        "cudaMemcpyAsync": lambda: made.copy(At(block), At(block, 32), 8),
        "cudaMemcpy2DAsync": lambda: made.copy(At(block, 0, 8), At(block, 32, 8), 4, 2),
        "cudaStreamBeginCapture": lambda: made.capture(lambda: None),
        "cudaGraphInstantiate": lambda: CudaGraph(cuda.cudaGraph_t(0), made._stream),
        "cudaStreamEndCapture": lambda: call("cudaStreamEndCapture", made._stream),
        "cudaGraphLaunch": graph.launch,
        "cudaStreamSynchronize": made.synchronize,
    }
    for name, attempt in tried.items():
        with pytest.raises(EngineError, match=name):
            attempt()
    graph.free()
    made.close()
    for name in ("cudaGraphDestroy", "cudaGraphExecDestroy", "cudaStreamDestroy"):
        assert name in caplog.text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("cudaErrorMemoryAllocation", "out of memory.*cudaMalloc.*smaller frames"),
        ("cudaErrorInsufficientDriver", "driver is too old.*cudaMalloc"),
        (
            "cudaErrorIllegalAddress",
            "cudaMalloc failed.*IllegalAddress.*an illegal",
        ),
    ],
)
def test_what_the_driver_refuses_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    error = getattr(real.cudaError_t, code)
    fake = SimpleNamespace(
        cudaError_t=real.cudaError_t,
        cudaGetErrorString=real.cudaGetErrorString,
        cudaMalloc=lambda size: (error, None),
    )
    monkeypatch.setattr(cuda_runtime, "runtime", lambda: fake)
    with pytest.raises(EngineError, match=said):
        call("cudaMalloc", 1)


@pytest.mark.parametrize(
    ("init", "count", "said"),
    [
        (0, 1, None),
        (0, 0, "sees no GPU"),
        (100, 0, "sees no GPU"),
        (999, 0, "does not start.*999"),
    ],
)
def test_the_driver_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, init: int, count: int, said: str | None
) -> None:
    def counted(place: object) -> int:
        ctypes.cast(place, ctypes.POINTER(ctypes.c_int))[0] = count
        return 0

    library = SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetCount=counted)
    monkeypatch.setattr(driver.ctypes, "CDLL", lambda name: library)
    problem = driver.driver_problem()
    if said is None:
        assert problem is None
    else:
        assert re.search(said, str(problem))


def test_without_a_driver_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "LIBRARY", "libthere-is-none.so")
    assert "no NVIDIA driver" in str(driver.driver_problem())
