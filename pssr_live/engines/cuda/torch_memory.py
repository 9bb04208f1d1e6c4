"""Blocks of memory that are tensors of bytes, and tensors at places in them."""

from __future__ import annotations

import mmap
import weakref
from typing import Any

import numpy as np
import torch

from pssr_live.engines.cuda.protocol import At, Bytes
from pssr_live.errors import EngineError

CUDA: Any = torch.cuda  # parts of it have no types


class TorchMemory:
    """A block of memory that is a tensor of bytes."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self.address = tensor.data_ptr()
        self.nbytes = tensor.numel()
        self.array: Bytes = tensor.numpy() if tensor.device.type == "cpu" else None  # type: ignore[assignment]

    def free(self) -> None:
        """Give it back, to PyTorch."""
        del self.tensor, self.array


class TorchPinned(TorchMemory):
    """A page-locked block of memory on the host, zeroed.

    PyTorch makes such blocks itself, but not for this: it asks the GPU whether it may
    free them, and ends the process if the GPU is lost.
    """

    def __init__(self, nbytes: int) -> None:
        # Pages are locked, so it must not share one with anything else.
        self._pages = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        block = np.zeros(self._pages + mmap.PAGESIZE, np.uint8)
        begin = -block.ctypes.data % mmap.PAGESIZE
        super().__init__(torch.from_numpy(block[begin : begin + nbytes]))
        code = int(CUDA.cudart().cudaHostRegister(self.address, self._pages, 0))
        if code:
            raise EngineError(
                f"{nbytes / 1e6:.0f} MB of memory cannot be locked for the GPU (CUDA "
                f"error {code}): close other programs, or scan smaller frames."
            )
        # Also when nobody frees it: the same pages can be locked only once.
        self._unlock = weakref.finalize(self, _unlock, self.address)
        self._unlock.atexit = False  # at exit the driver may be gone already

    def free(self) -> None:
        """Give it back; nothing can be done if the GPU is lost."""
        self._unlock()
        super().free()


def _unlock(address: int) -> None:
    CUDA.cudart().cudaHostUnregister(address)


def tensor_at(at: At, kind: torch.dtype, *shape: int) -> torch.Tensor:
    """Return the tensor of a shape and kind that begins at a place."""
    assert isinstance(at.memory, TorchMemory)  # noqa: S101 - its own memory only
    count = 1
    for length in shape:
        count *= length
    taken = at.memory.tensor[at.offset : at.offset + count * kind.itemsize]
    return taken.view(kind).view(shape)


def rows_at(at: At, width: int, height: int) -> torch.Tensor:
    """Return `height` rows of `width` bytes that begin at a place."""
    assert isinstance(at.memory, TorchMemory)  # noqa: S101 - its own memory only
    if height == 1:
        return at.memory.tensor[at.offset : at.offset + width]
    # Rows are of 16-bit counts, and copying those takes half the work of bytes.
    counts = at.memory.tensor.view(torch.int16)
    return counts.as_strided((height, width // 2), (at.pitch // 2, 1), at.offset // 2)
