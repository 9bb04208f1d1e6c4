"""What PyTorch's device asks of CUDA and of memory; there is no GPU to ask."""

from __future__ import annotations

import gc
import mmap

import pytest
import torch

from pssr_live.engines.cuda.torch_device import TorchDevice, TorchGraph
from pssr_live.engines.cuda.torch_memory import CUDA, TorchPinned
from pssr_live.errors import EngineError


class Cudart:
    """The functions that lock pages, as `torch.cuda.cudart()` has them."""

    def __init__(self) -> None:
        self.locked: dict[int, int] = {}
        self.refuses = False

    def cudaHostRegister(self, address: int, nbytes: int, flags: int) -> int:
        pages = range(address, address + nbytes)
        assert address % mmap.PAGESIZE == nbytes % mmap.PAGESIZE == flags == 0
        for begin, length in self.locked.items():
            assert not (begin < pages.stop and pages.start < begin + length)
        if self.refuses:
            return 2
        self.locked[address] = nbytes
        return 0

    def cudaHostUnregister(self, address: int) -> int:
        return 0 if self.locked.pop(address, None) else 713


@pytest.fixture
def cudart(monkeypatch: pytest.MonkeyPatch) -> Cudart:
    emulated = Cudart()
    monkeypatch.setattr(CUDA, "cudart", lambda: emulated)
    return emulated


def test_pages_are_locked_once_and_unlocked(cudart: Cudart) -> None:
    blocks = [TorchPinned(nbytes) for nbytes in (1, 4096, 10_000)]
    assert len(cudart.locked) == 3
    for block, nbytes in zip(blocks, (1, 4096, 10_000), strict=True):
        assert block.nbytes == len(block.array) == nbytes
        assert not block.array.any()
        block.array[:] = 7
        assert (block.tensor == 7).all()
    blocks[0].free()
    assert len(cudart.locked) == 2
    del block, blocks  # nobody freed them
    gc.collect()
    assert not cudart.locked


def test_pages_that_cannot_be_locked_are_a_sentence(cudart: Cudart) -> None:
    cudart.refuses = True
    with pytest.raises(EngineError, match=r"12 MB .* cannot be locked .*error 2"):
        TorchPinned(12_000_000)
    gc.collect()
    assert not cudart.locked


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "GPU is out of memory"),
        (
            RuntimeError("CUDA error: gone\nCompile with"),
            "network on the GPU: .*gone.$",
        ),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_what_pytorch_throws_becomes_a_sentence(error: Exception, said: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(EngineError, match=said):
        TorchDevice("cpu").run(work)


class Recorded:
    def replay(self) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def reset(self) -> None:
        raise RuntimeError("CUDA error: it is still gone")


def test_a_graph_on_a_lost_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    device = TorchDevice("cpu")
    monkeypatch.setattr(CUDA, "stream", lambda stream: device._queue())
    graph = TorchGraph(Recorded(), None, device._living)  # type: ignore[arg-type]
    assert device._living == {graph}
    with pytest.raises(EngineError, match=r"launch a graph .* illegal memory access"):
        graph.launch()
    graph.free()
    assert not device._living
