"""The device of a session by way of PyTorch, which brings its own CUDA.

On "cpu" it does the same in host memory, step by step, without graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import torch

from pssr_live.engines.cuda.protocol import At
from pssr_live.engines.cuda.torch_memory import CUDA, TorchMemory, TorchPinned, rows_at
from pssr_live.errors import EngineError


class TorchGraph:
    """A recorded list of work."""

    def __init__(
        self, recorded: torch.cuda.CUDAGraph, stream: Any, living: set[TorchGraph]
    ) -> None:
        self._recorded, self._stream, self._living = recorded, stream, living
        living.add(self)

    def launch(self) -> None:
        """Queue all of it."""
        try:
            with CUDA.stream(self._stream):
                self._recorded.replay()
        except RuntimeError as error:
            raise _refusal("launch a graph", error) from error

    def free(self) -> None:
        """Forget it."""
        self._living.discard(self)
        with suppress(RuntimeError):  # the GPU is lost, and it with it
            self._recorded.reset()


class TorchDevice:
    """The GPU that PyTorch uses, or the CPU.

    Parameters
    ----------
    kind : "cuda" or "cpu"
        Which.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._gpu = kind == "cuda"
        self._stream: Any = CUDA.Stream() if self._gpu else None
        # Graphs share what they work in: only one runs at a time, and none leaves
        # anything there. With the last of them it is gone.
        self._pool: Any = None
        self._living: set[TorchGraph] = set()
        self.name = torch.cuda.get_device_name() if self._gpu else "cpu"
        self.stream: int = 0 if self._stream is None else self._stream.cuda_stream

    def allocate(self, nbytes: int) -> TorchMemory:
        """Reserve memory on the device."""
        try:
            block = torch.empty(nbytes, dtype=torch.uint8, device=self._kind)
        except RuntimeError as error:
            raise _refusal(f"reserve {nbytes} bytes", error) from error
        return TorchMemory(block)

    def allocate_pinned(self, nbytes: int) -> TorchMemory:
        """Reserve page-locked memory on the host, zeroed."""
        if self._gpu:
            return TorchPinned(nbytes)
        return TorchMemory(torch.zeros(nbytes, dtype=torch.uint8))

    def copy(self, to: At, source: At, width: int, height: int = 1) -> None:
        """Queue a copy of `height` rows of `width` bytes."""
        taken = rows_at(source, width, height)
        rows_at(to, width, height).copy_(taken, non_blocking=True)

    def run(self, work: Callable[[], None]) -> None:
        """Let `work` queue what it queues."""
        try:
            with self._queue(), torch.inference_mode():
                work()
        except RuntimeError as error:
            raise _refusal("run the network", error) from error

    def capture(self, work: Callable[[], None]) -> TorchGraph:
        """Record what `work` queues."""
        if not self._gpu:
            raise EngineError("There are no graphs on the CPU.")
        recorded = torch.cuda.CUDAGraph()
        if not self._living:
            self._pool = CUDA.graph_pool_handle()
        try:
            with self._queue(), torch.inference_mode():
                recorded.capture_begin(self._pool, capture_error_mode="thread_local")
                try:
                    work()
                except BaseException:
                    with suppress(RuntimeError):  # it would hide the first error
                        recorded.capture_end()
                    raise
                recorded.capture_end()
        except RuntimeError as error:
            raise _refusal("record a graph", error) from error
        return TorchGraph(recorded, self._stream, self._living)

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        if self._gpu:
            try:
                self._stream.synchronize()
            except RuntimeError as error:
                raise _refusal("run the network", error) from error

    def close(self) -> None:
        """Give unused memory back to the driver."""
        if self._gpu:
            with suppress(RuntimeError):  # the GPU is lost
                torch.cuda.empty_cache()

    def _queue(self) -> AbstractContextManager[Any]:
        return CUDA.stream(self._stream) if self._gpu else nullcontext()


def _refusal(what: str, error: RuntimeError) -> EngineError:
    """Return what PyTorch could not do, and why, in a sentence."""
    if isinstance(error, torch.OutOfMemoryError):
        return EngineError(
            f"The GPU is out of memory (PyTorch could not {what}): close other "
            "programs that use it, or scan smaller frames."
        )
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return EngineError(f"PyTorch could not {what} on the GPU: {reason}.")
