"""Train one network for a given time on the device, or for a given number of samples.

Only the step is timed: restore, compare, differentiate, change the weights. On a CPU
the time is that of the processor, on a GPU that of its own clock. What a step learns
from is made outside the clock, from one seed, so that networks with the same number of
windows in a step meet the same ones; a slow network just does not get as far.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from benchmarks.network.contenders import Contender
from benchmarks.network.films import TRAINED_ON
from pssr_live.training.scans.batches import Batch, cut, scan

MARKS = (0.03, 0.10, 0.25, 0.50, 0.75, 1.0)  # of the limit: where PSNR is noted
WARM_UP = 0.10
WEIGHT_DECAY = 1e-4
LARGEST_GRADIENT = 1.0
TRIED_STEPS = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """When training ends: after `device_s` seconds, or after `samples` windows."""

    device_s: float | None = None
    samples: int | None = None

    def share(self, device_s: float, samples: int) -> float:
        """Return how much of it is used up."""
        if self.device_s is not None:
            return device_s / self.device_s
        return samples / self.samples if self.samples else 1.0


@dataclass
class Trained:
    """What came of it; `curve` holds (share, samples, device seconds, PSNR)."""

    net: nn.Module
    samples: int = 0
    device_s: float = 0.0
    channels_last: bool = False
    curve: list[tuple[float, int, float, float]] = field(default_factory=list)


def train(
    contender: Contender,
    pool: torch.Tensor,
    limit: Limit,
    seed: int,
    judge: Callable[[nn.Module], float],
    tick: Callable[[float], None],
) -> Trained:
    """Train a network with random weights.

    Parameters
    ----------
    contender : Contender
        What to train, with which settings.
    pool : Tensor, (clips, frames, Y, X)
        On the device that trains.
    limit : Limit
        When to stop.
    seed : int
        Of weights and windows.
    judge : callable
        Gives the PSNR of a network on unseen films; not timed.
    tick : callable
        Called with the share of the limit that is used.
    """
    with pool.device:
        torch.manual_seed(seed)
        net = contender.build()
        generator = torch.Generator(pool.device).manual_seed(seed)
        batch = draw_batch(contender, pool, generator)
        made = Trained(net, channels_last=_prefers_channels_last(contender, batch))
        optimiser = _optimiser(laid_out(net, made.channels_last))
        marks = [m for m in MARKS if limit.device_s is not None or m == 1]
        while marks:
            share = limit.share(made.device_s, made.samples)
            if share >= marks[0]:
                marks = [mark for mark in marks if mark > share]
                place = (min(share, 1.0), made.samples, made.device_s)
                made.curve.append((*place, judge(net)))
                continue
            for group in optimiser.param_groups:
                group["lr"] = contender.learning_rate * schedule(share)
            made.device_s += timed_step(net, optimiser, contender, batch)
            made.samples += contender.batch
            batch = draw_batch(contender, pool, generator)
            tick(share)
    return made


def schedule(share: float) -> float:
    """Return the part of the highest learning rate: up at once, down as a cosine."""
    if share < WARM_UP:
        return share / WARM_UP + 0.01
    return 0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))


def draw_batch(
    contender: Contender, pool: torch.Tensor, generator: torch.Generator
) -> Batch:
    """Make the next windows; all networks with one batch size get the same ones."""
    side = contender.crop * contender.architecture.scale
    frames = 5  # also for a single-frame network: it is given one of them below
    clips = cut(pool, contender.batch, frames, side, generator)
    if contender.n_frames == 1:
        clips = clips[:, frames // 2 : frames // 2 + 1]
    return scan(clips, contender.architecture, TRAINED_ON, 0.0, generator)


def timed_step(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    contender: Contender,
    batch: Batch,
) -> float:
    """Take one step and return the seconds of the device that it took."""
    if batch.frames.device.type != "cuda":
        begun = time.process_time()
        step(net, optimiser, contender, batch)
        return time.process_time() - begun
    first, last = (_event() for _ in range(2))
    first.record()
    step(net, optimiser, contender, batch)
    last.record()
    last.synchronize()
    return 1e-3 * float(first.elapsed_time(last))


def step(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    contender: Contender,
    batch: Batch,
) -> None:
    """Restore, compare, differentiate, change the weights."""
    kind = batch.frames.device.type
    # bfloat16 is emulated by most CPUs, and many times slower there.
    with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
        restored = net(batch.frames)
    squares = (restored.float() - batch.goal) ** 2
    loss = (squares if contender.squared else torch.sqrt(squares + 1e-6)).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), LARGEST_GRADIENT)
    optimiser.step()


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def _optimiser(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        net.parameters(), betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY
    )


def laid_out(net: nn.Module, channels_last: bool) -> nn.Module:
    """Return the network with its weights in one of the two memory layouts."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    moved: nn.Module = net.to(memory_format=layout)  # type: ignore[call-overload]
    return moved


def _prefers_channels_last(contender: Contender, batch: Batch) -> bool:
    """Try both memory layouts: each network is trained in the one it is faster in."""
    took_s = {}
    for channels_last in (False, True):
        net = laid_out(contender.build(), channels_last)
        optimiser = _optimiser(net)
        tried = [timed_step(net, optimiser, contender, batch) for _ in range(3)]
        took_s[channels_last] = min(tried[-TRIED_STEPS:])
    return took_s[True] < took_s[False]
