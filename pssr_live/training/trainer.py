"""Train one network for a given time, and say how it does on scenes never seen.

The loop is short on purpose: cut, crappify, restore, compare, step. The budget is
counted in seconds of this process's own CPU (or wall time on a GPU), because a
budget in steps would favour slow networks and one in wall time a quiet machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from pssr_live.training.batches import cut, scan
from pssr_live.training.crappify import Ranges
from pssr_live.training.network import Architecture, FastNet

Report = Callable[[float, int, float], None]


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How to train.

    Attributes
    ----------
    budget_s : float
        CPU seconds to spend.
    batch, crop : int
        Windows in a step, and their side in low-resolution pixels.
    short_share : float
        Windows that lack frames, so that the first frames of a stream are good.
    """

    budget_s: float = 600.0
    batch: int = 8
    crop: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    short_share: float = 0.3
    ema: float = 0.999
    seed: int = 0
    ranges: Ranges = field(default_factory=Ranges)


def train(
    architecture: Architecture,
    pool: torch.Tensor,
    plan: TrainPlan,
    report: Report,
    start: dict[str, torch.Tensor] | None = None,
) -> FastNet:
    """Train a network on `pool` and return its running average, ready for use.

    Parameters
    ----------
    architecture : Architecture
        The network to build.
    pool : Tensor, (clips, frames, Y, X)
        High-density clips, see `clips`.
    plan : TrainPlan
        Time, batch, learning rate, degradations.
    report : callable
        Called now and then with (share of the budget used, steps, mean loss).
    start : state dict, optional
        Weights to begin from.
    """
    torch.manual_seed(plan.seed)
    generator = torch.Generator().manual_seed(plan.seed)
    net, average = FastNet(architecture), FastNet(architecture)
    if start is not None:
        net.load_state_dict(start)
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(
        net.parameters(), betas=(0.9, 0.99), weight_decay=plan.weight_decay
    )
    begun, steps, losses = time.process_time(), 0, 0.0
    while (used := (time.process_time() - begun) / plan.budget_s) < 1:
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * _schedule(used, plan.warm_up)
        loss = _step(net, pool, plan, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        steps += 1
        _follow(average, net, min(plan.ema, steps / (steps + 10)))
        losses += float(loss.detach())
        if steps % 200 == 0:
            report(used, steps, losses / 200)
            losses = 0.0
    return average.eval()


def _schedule(used: float, warm_up: float) -> float:
    if used < warm_up:
        return used / warm_up + 0.01
    return 0.5 + 0.5 * math.cos(math.pi * (used - warm_up) / (1 - warm_up))


def _step(
    net: FastNet, pool: torch.Tensor, plan: TrainPlan, generator: torch.Generator
) -> torch.Tensor:
    a = net.architecture
    clips = cut(pool, plan.batch, a.n_frames, plan.crop * a.scale, generator)
    batch = scan(clips, a, plan.ranges, plan.short_share, generator)
    restored = net(batch.frames, batch.valid)
    # Judged in brightness, not in recorded units: a dim recording counts as much.
    error = (restored - batch.goal) / batch.gain
    return torch.sqrt(error**2 + 1e-6).mean()


def _follow(average: FastNet, net: FastNet, keep: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - keep)
