"""The CUDA runtime's Python bindings, on host memory: the functions that are used.

Arguments and results are those of cuda-bindings; its own types and codes are used.
Copies and launches are done when the stream is waited for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from cuda.bindings import runtime as real

OK = real.cudaError_t.cudaSuccess
INVALID = real.cudaError_t.cudaErrorInvalidValue
LOST = real.cudaError_t.cudaErrorIllegalAddress
STREAM = 77


class EmulatedCuda:
    """Stands for the module `cuda.bindings.runtime`."""

    def __init__(self) -> None:
        self.blocks: dict[int, Any] = {}
        self.pinned: dict[int, Any] = {}
        self.queue: list[Callable[[], None]] = []
        self.recorded: list[Callable[[], None]] | None = None
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.ready: dict[int, list[Callable[[], None]]] = {}
        self.streams: list[int] = []
        self.launches = 0
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        """Return types, codes and whatever needs no GPU from the real module."""
        found = getattr(real, name)
        assert not callable(found) or isinstance(found, type) or "String" in name
        return found

    def cudaGetDeviceProperties(self, device: int) -> Any:
        properties = real.cudaDeviceProp()
        properties.name = b"Emulated GPU".ljust(256, b"\0")
        properties.major, properties.minor = 8, 9
        return OK, properties

    def cudaSetDevice(self, device: int) -> Any:
        return (OK,)

    def cudaMemGetInfo(self) -> Any:
        return OK, 2**32, 2**33

    def cudaDriverGetVersion(self) -> Any:
        return OK, 13010

    def cudaRuntimeGetVersion(self) -> Any:
        return OK, 13000

    def cudaMalloc(self, size: int) -> Any:
        return self._allocate(self.blocks, size)

    def cudaFree(self, devPtr: int) -> Any:
        return (LOST if self.lost else self._free(self.blocks, devPtr),)

    def cudaHostAlloc(self, size: int, flags: int) -> Any:
        return self._allocate(self.pinned, size)

    def cudaFreeHost(self, ptr: int) -> Any:
        return (LOST if self.lost else self._free(self.pinned, ptr),)

    def cudaStreamCreateWithFlags(self, flags: int) -> Any:
        assert flags == real.cudaStreamNonBlocking
        self.streams.append(STREAM)
        return OK, real.cudaStream_t(STREAM)

    def cudaStreamDestroy(self, stream: Any) -> Any:
        self.streams.remove(int(stream))
        return (OK,)

    def cudaStreamSynchronize(self, stream: Any) -> Any:
        assert int(stream) == STREAM
        waiting, self.queue = self.queue, []
        if self.lost:
            return (LOST,)
        for step in waiting:
            step()
        return (OK,)

    def cudaMemcpyAsync(
        self, dst: int, src: int, count: int, kind: Any, stream: Any
    ) -> Any:
        return self.cudaMemcpy2DAsync(dst, count, src, count, count, 1, kind, stream)

    def cudaMemcpy2DAsync(
        self,
        dst: int,
        dpitch: int,
        src: int,
        spitch: int,
        width: int,
        height: int,
        kind: Any,
        stream: Any,
    ) -> Any:
        assert kind is real.cudaMemcpyKind.cudaMemcpyDefault
        assert int(stream) == STREAM
        rows = range(height)
        if width > min(dpitch, spitch):
            return (INVALID,)
        for address, pitch in ((dst, dpitch), (src, spitch)):
            self._check(address, pitch * (height - 1) + width)
        self._queue(
            lambda: [
                ctypes.memmove(dst + row * dpitch, src + row * spitch, width)
                for row in rows
            ]
        )
        return (OK,)

    def cudaStreamBeginCapture(self, stream: Any, mode: Any) -> Any:
        threads = real.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        assert mode is threads
        assert self.recorded is None
        self.recorded = []
        return (OK,)

    def cudaStreamEndCapture(self, stream: Any) -> Any:
        assert self.recorded is not None
        handle = 1000 + len(self.graphs) + len(self.ready)
        self.graphs[handle], self.recorded = self.recorded, None
        return OK, real.cudaGraph_t(handle)

    def cudaGraphInstantiate(self, graph: Any, flags: int) -> Any:
        assert flags == 0
        handle = 5000 + len(self.ready)
        self.ready[handle] = list(self.graphs[int(graph)])
        return OK, real.cudaGraphExec_t(handle)

    def cudaGraphDestroy(self, graph: Any) -> Any:
        del self.graphs[int(graph)]
        return (OK,)

    def cudaGraphLaunch(self, graphExec: Any, stream: Any) -> Any:
        self.launches += 1
        for step in self.ready[int(graphExec)]:
            self._queue(step)
        return (OK,)

    def cudaGraphExecDestroy(self, graphExec: Any) -> Any:
        del self.ready[int(graphExec)]
        return (OK,)

    def enqueue(self, work: Callable[[], None]) -> None:
        """Queue a kernel, as a library would."""
        self._queue(work)

    def _queue(self, step: Callable[[], Any]) -> None:
        (self.queue if self.recorded is None else self.recorded).append(step)

    def _allocate(self, blocks: dict[int, Any], size: int) -> Any:
        block = ctypes.create_string_buffer(size + 256)
        address = -(-ctypes.addressof(block) // 256) * 256
        blocks[address] = (block, size)
        return OK, address

    def _free(self, blocks: dict[int, Any], address: int) -> Any:
        return OK if blocks.pop(address, None) else INVALID

    def _check(self, address: int, nbytes: int) -> None:
        inside = (
            begin <= address and address + nbytes <= begin + size
            for begin, (_, size) in [*self.blocks.items(), *self.pinned.items()]
        )
        assert any(inside), "a copy leaves its block"
