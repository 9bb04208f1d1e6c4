"""The CUDA runtime, as thin as it can be: memory, copies, one stream, its graphs.

Whatever the driver refuses becomes an `EngineError` that names the call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pssr_live.engines.cuda.protocol import At, Bytes
from pssr_live.engines.cuda.runtime import call, gpu_facts, release, runtime


@dataclass(eq=False)
class DeviceMemory:
    """A block on the GPU."""

    nbytes: int
    address: int = field(init=False)

    def __post_init__(self) -> None:
        self.address = int(call("cudaMalloc", self.nbytes))

    def free(self) -> None:
        """Give it back."""
        release("cudaFree", self.address)


@dataclass(eq=False)
class PinnedMemory:
    """A page-locked block on the host."""

    nbytes: int
    address: int = field(init=False)
    array: Bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        flags = runtime().cudaHostAllocDefault
        self.address = int(call("cudaHostAlloc", self.nbytes, flags))
        block = (ctypes.c_uint8 * self.nbytes).from_address(self.address)
        self.array = np.frombuffer(memoryview(block), np.uint8)
        self.array[:] = 0

    def free(self) -> None:
        """Give it back."""
        release("cudaFreeHost", self.address)


class CudaGraph:
    """A recorded list of work, ready to be launched on the stream it came from."""

    def __init__(self, recorded: Any, stream: Any) -> None:
        self._stream = stream
        try:
            self._ready = call("cudaGraphInstantiate", recorded, 0)
        finally:
            release("cudaGraphDestroy", recorded)

    def launch(self) -> None:
        """Queue all of it."""
        call("cudaGraphLaunch", self._ready, self._stream)

    def free(self) -> None:
        """Forget it."""
        release("cudaGraphExecDestroy", self._ready)


class CudaDevice:
    """The first GPU, and one stream on it that waits for no other."""

    def __init__(self) -> None:
        cuda = runtime()
        self._direction = cuda.cudaMemcpyKind.cudaMemcpyDefault  # told by the addresses
        # Other threads may call CUDA while this one records.
        self._mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.name = gpu_facts().name
        self._stream = call("cudaStreamCreateWithFlags", cuda.cudaStreamNonBlocking)
        self.stream = int(self._stream)

    def allocate(self, nbytes: int) -> DeviceMemory:
        """Reserve memory on the device."""
        return DeviceMemory(nbytes)

    def allocate_pinned(self, nbytes: int) -> PinnedMemory:
        """Reserve page-locked memory on the host, zeroed."""
        return PinnedMemory(nbytes)

    def copy(self, to: At, source: At, width: int, height: int = 1) -> None:
        """Queue a copy of `height` rows of `width` bytes."""
        if height == 1:
            line = (to.address, source.address, width)
            call("cudaMemcpyAsync", *line, self._direction, self._stream)
        else:
            ends = (to.address, to.pitch, source.address, source.pitch)
            area = (width, height)
            call("cudaMemcpy2DAsync", *ends, *area, self._direction, self._stream)

    def run(self, work: Callable[[], None]) -> None:
        """Let `work` queue what it queues."""
        work()

    def capture(self, work: Callable[[], None]) -> CudaGraph:
        """Record what `work` queues."""
        call("cudaStreamBeginCapture", self._stream, self._mode)
        try:
            work()
        except BaseException:
            release("cudaStreamEndCapture", self._stream)
            raise
        return CudaGraph(call("cudaStreamEndCapture", self._stream), self._stream)

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        call("cudaStreamSynchronize", self._stream)

    def close(self) -> None:
        """Free the stream, once: CUDA does not forgive a second time."""
        stream, self._stream = self._stream, None
        if stream is not None:
            release("cudaStreamDestroy", stream)
