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

from pssr_live.training.crappify import Ranges, crappify, draw, recorded
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
    how = draw(plan.ranges, plan.batch, generator)
    low = crappify(clips, a.scale, how, generator)
    goal = recorded(clips[:, a.target : a.target + 1], how)[:, 0]
    valid = draw_valid(plan.batch, a, plan.short_share, generator)
    restored = net(low, valid)
    # Judged in brightness, not in recorded units: a dim recording counts as much.
    error = (restored - goal) / how.gain[:, 0]
    return torch.sqrt(error**2 + 1e-6).mean()


def cut(
    pool: torch.Tensor,
    count: int,
    frames: int,
    side: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Cut `count` random windows, turned and mirrored: (count, frames, side, side)."""

    def pick(high: int) -> int:
        return int(torch.randint(high, (), generator=generator))

    windows = []
    for _ in range(count):
        clip = pool[pick(pool.shape[0])]
        first = pick(clip.shape[0] - frames + 1)
        top, left = (pick(extent - side + 1) for extent in clip.shape[1:])
        window = clip[first : first + frames, top : top + side, left : left + side]
        if pick(2):
            window = window.flip(0)
        if pick(2):
            window = window.flip(2)
        if pick(2):
            window = window.flip(1)
        if pick(2):
            window = window.transpose(1, 2)
        windows.append(window.float())
    return torch.stack(windows)


def draw_valid(
    count: int, a: Architecture, short_share: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw which frames each window has: (count, n_frames) of 0 and 1.

    A short window is one that begins or ends too early, or that has holes; the
    target frame itself is always there.
    """
    valid = torch.ones(count, a.n_frames)
    for window in valid:
        if float(torch.rand((), generator=generator)) >= short_share:
            continue
        if float(torch.rand((), generator=generator)) < 0.7:
            past = int(torch.randint(a.target + 1, (), generator=generator))
            future = int(torch.randint(a.lookahead + 1, (), generator=generator))
            window[: a.target - past] = 0
            window[a.target + future + 1 :] = 0
        else:
            window[torch.rand(a.n_frames, generator=generator) < 0.4] = 0
        window[a.target] = 1
    return valid


def _follow(average: FastNet, net: FastNet, keep: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - keep)
