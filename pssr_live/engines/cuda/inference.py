"""What a session asks of whatever runs the network on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pssr_live.engines.cuda.protocol import At


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the network finds its inputs and puts its outputs, for good.

    Attributes
    ----------
    counts : At
        uint8 (N, T, h, w, 2): windows of 16-bit counts, low byte first.
    valid : At
        float32 (N, T): 1 for each frame that is there.
    map : At
        float32 (3,): offset, scale and limit, in counts.
    restored : At
        uint8 (N, scale * h, scale * w, 2).
    total : At
        float32 (N,): sum of each output in network units; not finite if a pixel is not.
    shape : (int, int, int, int)
        N, T, h, w.
    """

    counts: At
    valid: At
    map: At
    restored: At
    total: At
    shape: tuple[int, int, int, int]


class Inference(Protocol):
    """A network, bound to its ends."""

    def enqueue(self) -> None:
        """Queue one run on the device's stream."""

    def is_recordable(self) -> bool:
        """Tell, after the first run, whether a run can be part of a CUDA graph."""

    def close(self) -> None:
        """Free what it holds."""


Bind = Callable[[Ends], Inference]
