"""What the session asks of a device, so that it can be run, and proved, without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
ALIGNMENT = 256  # bytes; TensorRT takes no tensor that begins elsewhere


def aligned(nbytes: int) -> int:
    """Return the next place at or after `nbytes` where a tensor may begin."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


class Memory(Protocol):
    """A block of memory, on the device or on the host.

    Attributes
    ----------
    address, nbytes : int
        Where it lies, and how long it is.
    """

    address: int
    nbytes: int

    def free(self) -> None:
        """Give it back; nothing uses it any more."""


class HostMemory(Memory, Protocol):
    """A block on the host that the device can reach without detours.

    Attributes
    ----------
    array : ndarray of uint8
        Its bytes. It does not keep the block alive.
    """

    array: Bytes


@dataclass(frozen=True, slots=True)
class At:
    """A place in a block, and the distance of the rows that begin there, in bytes."""

    memory: Memory
    offset: int = 0
    pitch: int = 0

    @property
    def address(self) -> int:
        """Where it is."""
        return self.memory.address + self.offset


class Graph(Protocol):
    """A recorded list of work."""

    def launch(self) -> None:
        """Queue all of it."""

    def free(self) -> None:
        """Forget it."""


class Device(Protocol):
    """One GPU and one queue of work on it.

    Every method raises `EngineError` if the driver refuses.

    Attributes
    ----------
    name : str
        What the GPU is called.
    stream : int
        Handle of the queue.
    """

    name: str
    stream: int

    def allocate(self, nbytes: int) -> Memory:
        """Reserve memory on the device, aligned for tensors, its contents undefined."""

    def allocate_pinned(self, nbytes: int) -> HostMemory:
        """Reserve page-locked memory on the host, zeroed."""

    def copy(self, to: At, source: At, width: int, height: int = 1) -> None:
        """Queue a copy of `height` rows of `width` bytes; they must not overlap."""

    def run(self, work: Callable[[], None]) -> None:
        """Let `work` queue what it queues."""

    def capture(self, work: Callable[[], None]) -> Graph:
        """Record what `work` queues; nothing of it is done."""

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""

    def close(self) -> None:
        """Free the queue."""
