"""What a picture of 512 x 512 costs, all networks in turns so that none has luck.

Plain torch: float32 on the cores that training has on a CPU, bfloat16 on a GPU. The
engines that a live run uses are faster; `pssr-live bench` times those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from benchmarks.network.contenders import SIDE, Contender
from benchmarks.network.training import Trained, laid_out
from pssr_live.bench.peers.pssr_mf import PssrMf

ROUNDS = 7
WARM_UP = 2  # rounds that do not count


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a picture, the least and the median of the rounds."""

    min_ms: float
    median_ms: float


def time_all(
    nets: Mapping[Contender, Trained],
    device: torch.device,
    tick: Callable[[float], None],
) -> dict[str, Latency]:
    """Time each network once a round, in the memory layout it has."""
    ready = {c: (for_use(c, t, device), _window(c, device)) for c, t in nets.items()}
    took_ms: dict[str, list[float]] = {c.name: [] for c in nets}
    for number in range(WARM_UP + ROUNDS):
        for contender, (net, frames) in ready.items():
            took_ms[contender.name].append(_time_ms(net, frames))
        tick((number + 1) / (WARM_UP + ROUNDS))
    counted = {name: values[WARM_UP:] for name, values in took_ms.items()}
    return {
        name: Latency(min(values), float(np.median(values)))
        for name, values in counted.items()
    }


def for_use(contender: Contender, trained: Trained, device: torch.device) -> nn.Module:
    """Return a copy that only restores, the original's norms folded away."""
    # Built anew: copies of a normed layer share a class, which folding would change.
    made = contender.build().to(device)
    made.load_state_dict(trained.net.state_dict())
    for module in list(made.modules()):
        if isinstance(module, PssrMf):
            module.folded()
    return laid_out(made, trained.channels_last).eval()


def _window(contender: Contender, device: torch.device) -> torch.Tensor:
    return torch.rand(1, contender.n_frames, SIDE, SIDE, device=device)


def _time_ms(net: nn.Module, frames: torch.Tensor) -> float:
    kind = frames.device.type
    half = torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda")
    _wait_for(frames.device)
    begun = time.perf_counter()
    with torch.inference_mode(), half:
        net(frames)
    _wait_for(frames.device)
    return 1e3 * (time.perf_counter() - begun)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
