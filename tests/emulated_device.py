"""A GPU in host memory: the same queue, graphs and rules, without the speed.

Work is not done when it is queued but when somebody waits for it, as on a device;
every copy must stay inside blocks that were allocated and are not yet freed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.cuda.inference import Bind, Ends, Inference
from pssr_live.engines.cuda.protocol import ALIGNMENT, At, Bytes
from pssr_live.errors import EngineError

JUNK = 0xA5  # what uninitialised memory holds


class EmulatedMemory:
    def __init__(self, device: EmulatedDevice, nbytes: int, fill: int) -> None:
        block = np.full(nbytes + ALIGNMENT, fill, np.uint8)
        begin = -block.ctypes.data % ALIGNMENT
        self.array = block[begin : begin + nbytes]
        self.address, self.nbytes = self.array.ctypes.data, nbytes
        self._device = device
        device.blocks.add(self)

    def free(self) -> None:
        self.array[:] = JUNK
        self._device.blocks.remove(self)

    def rows(self, at: At, width: int, height: int) -> Bytes:
        """Return (height, width) bytes that begin at a place, or fail."""
        assert self in self._device.blocks, "freed memory is used"
        assert height == 1 or at.pitch >= width
        assert at.offset >= 0
        end = at.offset + (height - 1) * at.pitch + width
        assert end <= self.nbytes, "a copy leaves its block"
        base = self.array[at.offset : end]
        return np.lib.stride_tricks.as_strided(base, (height, width), (at.pitch, 1))


@dataclass
class EmulatedGraph:
    device: EmulatedDevice
    steps: list[Callable[[], None]]
    freed: bool = False

    def launch(self) -> None:
        assert not self.freed
        self.device.launches += 1
        self.device.queue += self.steps

    def free(self) -> None:
        assert not self.freed
        self.freed = True


@dataclass
class EmulatedDevice:
    name: str = "Emulated GPU"
    stream: int = 7
    captures_work: bool = True
    blocks: set[EmulatedMemory] = field(default_factory=set)
    queue: list[Callable[[], None]] = field(default_factory=list)
    graphs: list[EmulatedGraph] = field(default_factory=list)
    launches: int = 0
    uploaded: int = 0
    closed: bool = False

    def allocate(self, nbytes: int) -> EmulatedMemory:
        return EmulatedMemory(self, nbytes, JUNK)

    def allocate_pinned(self, nbytes: int) -> EmulatedMemory:
        return EmulatedMemory(self, nbytes, 0)

    def copy(self, to: At, source: At, width: int, height: int = 1) -> None:
        assert isinstance(to.memory, EmulatedMemory)
        assert isinstance(source.memory, EmulatedMemory)
        taken = source.memory.rows(source, width, height)
        given = to.memory.rows(to, width, height)
        assert not np.shares_memory(taken, given), "the copied rows overlap"
        self.queue.append(lambda: given.__setitem__(slice(None), taken))

    def run(self, work: Callable[[], None]) -> None:
        work()

    def capture(self, work: Callable[[], None]) -> EmulatedGraph:
        before, self.queue = self.queue, []
        work()
        if not self.captures_work:
            self.queue = before
            raise EngineError("cudaStreamEndCapture failed.")
        graph = EmulatedGraph(self, self.queue)
        self.queue = before
        self.graphs.append(graph)
        return graph

    def synchronize(self) -> None:
        waiting, self.queue = self.queue, []
        for step in waiting:
            step()

    def close(self) -> None:
        self.closed = True


def array_at(at: At, dtype: str, *shape: int) -> np.ndarray:
    """Return what lies at a place."""
    assert isinstance(at.memory, EmulatedMemory)
    nbytes = np.dtype(dtype).itemsize * int(np.prod(shape))
    return at.memory.rows(at, nbytes, 1).reshape(-1).view(dtype).reshape(shape)


class EmulatedInference:
    """Runs a function of arrays on the ends of a network."""

    def __init__(
        self,
        device: EmulatedDevice,
        ends: Ends,
        scale: int,
        run: Callable[..., tuple[np.ndarray, np.ndarray]],
    ) -> None:
        for at in (ends.counts, ends.valid, ends.map, ends.restored, ends.total):
            assert at.address % ALIGNMENT == 0, "TensorRT would refuse this address"
        n, t, h, w = ends.shape
        self._device, self._run = device, run
        self._given = (
            array_at(ends.counts, "u1", n, t, h, w, 2),
            array_at(ends.valid, "f4", n, t),
            array_at(ends.map, "f4", 3),
        )
        self._restored = array_at(ends.restored, "u1", n, h * scale, w * scale, 2)
        self._total = array_at(ends.total, "f4", n)
        self.closed = False

    def enqueue(self) -> None:
        assert not self.closed
        self._device.queue.append(self._compute)

    def is_recordable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def _compute(self) -> None:
        self._restored[:], self._total[:] = self._run(*self._given)


def onnx_binding(device: EmulatedDevice, graph: bytes, scale: int) -> Bind:
    """Return what binds a counts graph, run by onnxruntime, to its ends."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"]
    )

    def run(
        counts: np.ndarray, valid: np.ndarray, map_: np.ndarray
    ) -> list[np.ndarray]:
        fed = {"counts": counts, "valid": valid, "map": map_}
        return session.run(["restored", "total"], fed)

    def bind(ends: Ends) -> Inference:
        return EmulatedInference(device, ends, scale, run)

    return bind


def graph_of(model: Model, precision: str) -> bytes:
    """Return the counts graph of a model."""
    from pssr_live.engines.tensorrt.graph import counts_graph

    return counts_graph(model.onnx.read_bytes(), precision)
