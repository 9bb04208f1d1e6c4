"""What a network costs, counted and not timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters, and GFLOP (two a multiply-add) for one picture."""

    parameters: int
    gflop: float


def cost(build: Callable[[], nn.Module], n_frames: int, side: int) -> Cost:
    """Return what a network costs on a window of `n_frames` x side x side."""
    # Shapes alone are enough to count; nothing is computed on this "device".
    with torch.device("meta"), torch.no_grad():
        net = build().eval()
        with FlopCounterMode(display=False) as counter:
            net(torch.empty(1, n_frames, side, side))
    parameters = sum(p.numel() for p in net.parameters())
    return Cost(parameters, counter.get_total_flops() / 1e9)
