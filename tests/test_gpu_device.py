"""The layer over the CUDA runtime on a real GPU, with a network that only copies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from frames import make_frame, make_movie
from gpus import skip_without_a_gpu

from pssr_live.card import load_model
from pssr_live.engines.cuda.inference import Bind, Ends
from pssr_live.engines.cuda.protocol import At, Device
from pssr_live.engines.cuda.sessions import Sessions
from pssr_live.errors import EngineError
from pssr_live.frame import Frame
from pssr_live.window import RollingWindows, Window

pytestmark = pytest.mark.gpu

CARD = load_model("mito-mf5-x4").card.model_copy(update={"scale": 1})
TARGET = CARD.n_frames - 1 - CARD.lookahead


class Copying:
    """A network at scale 1 that gives back the frame it is to restore."""

    def __init__(self, ends: Ends, device: Device) -> None:
        self._ends, self._device = ends, device

    def enqueue(self) -> None:
        ends, copy = self._ends, self._device.copy
        n, t, h, w = ends.shape
        frame = 2 * h * w
        for number in range(n):
            taken = ends.counts.offset + (number * t + TARGET) * frame
            given = ends.restored.offset + number * frame
            copy(
                At(ends.restored.memory, given, 2 * w),
                At(ends.counts.memory, taken, 2 * w),
                2 * w,
                h,
            )
        copy(ends.total, ends.valid, 4 * n)  # finite numbers

    def is_recordable(self) -> bool:
        return True

    def close(self) -> None:
        pass


def cuda_device() -> Device:
    pytest.importorskip("cuda.bindings.runtime")
    from pssr_live.engines.cuda.device import CudaDevice

    return CudaDevice()


def torch_device() -> Device:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch does not use the GPU.")
    from pssr_live.engines.cuda.torch_device import TorchDevice

    return TorchDevice("cuda")


@pytest.fixture(params=[cuda_device, torch_device])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    skip_without_a_gpu()
    opened: Device = request.param()
    yield opened
    opened.close()


def bind_to(device: Device) -> Bind:
    return lambda ends: Copying(ends, device)


def windows_of(frames: list[Frame]) -> list[Window]:
    rolling = RollingWindows(CARD.n_frames, CARD.lookahead)
    done = [window for frame in frames for window in rolling.push(frame)]
    return [*done, *rolling.flush()]


@pytest.mark.parametrize("largest", [512, 48])
@pytest.mark.parametrize("series", [1, 3, 9])
def test_frames_come_back(
    device: Device, largest: int, series: int, caplog: pytest.LogCaptureFixture
) -> None:
    """In one piece and in tiles, step by step and by graphs, in two threads."""
    sessions = Sessions(device, CARD, bind_to(device), largest=largest, most=4)
    frames = [
        make_frame(10 * t + c, {"t": t, "c": c}, shape=(61, 75))
        for t in range(12)
        for c in range(series)
    ]
    windows = windows_of(frames)

    def serve(part: list[Window]) -> None:
        for window in part:
            restored = sessions.restore(window)
            np.testing.assert_array_equal(restored, window.target.pixels)

    serve(windows[: len(windows) // 2])
    failed = in_thread(lambda: serve(windows[len(windows) // 2 :]))
    recorded = [len(session._graphs) for session in sessions._open.values()]
    sessions.close()
    assert failed is None
    assert min(recorded) > 0
    assert "step by step" not in caplog.text


def in_thread(work: Callable[[], None]) -> BaseException | None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return failed[0] if failed else None


def test_pictures_are_never_overwritten(device: Device) -> None:
    sessions = Sessions(device, CARD, bind_to(device), largest=512, most=1)
    windows = windows_of(make_movie(40, (33, 31)))
    kept = [sessions.restore(window) for window in windows]
    sessions.close()
    for picture, window in zip(kept, windows, strict=True):
        np.testing.assert_array_equal(picture, window.target.pixels)


def test_sizes_come_and_go(device: Device) -> None:
    """Graphs of PyTorch share memory that is gone with the last of them."""
    sessions = Sessions(device, CARD, bind_to(device), largest=512, most=1)
    for side in (20, 30, 40, 50, 60, 20):
        for frames in (1, 6, 1):
            for window in windows_of(make_movie(frames, (side, side))):
                restored = sessions.restore(window)
                np.testing.assert_array_equal(restored, window.target.pixels)
    sessions.close()


def test_too_much_memory_is_a_sentence(device: Device) -> None:
    with pytest.raises(EngineError, match="out of memory"):
        device.allocate(2**46)
    device.allocate(2**20).free()
    device.synchronize()
