"""A network that is learning: one step at a time, and all that a resume needs.

A step is short on purpose: cut, crappify, restore, compare, step. Everything random
in it follows from the seed and the number of the step, so a training that was killed
goes on as if it had not been. The budget is counted in steps, or in seconds of this
process's own CPU (wall time on a GPU): steps would favour slow networks, and wall
time a quiet machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.optim.swa_utils import get_ema_multi_avg_fn

from pssr_live.network import Architecture, FastNet
from pssr_live.training.learning.losses import LOSSES, Scans
from pssr_live.training.scans.batches import Batch, cut, scan
from pssr_live.training.scans.ranges import Ranges
from pssr_live.training.scans.soft import soften

Report = Callable[[float, int, float], None]
REPORTED = 50  # steps
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How to train.

    Attributes
    ----------
    budget_s : float
        Seconds to spend; heeded only if `steps` is None.
    steps : int, optional
        Steps to make.
    batch, crop : int
        Windows in a step, and their side in low-resolution pixels.
    short_share : float
        Windows that lack frames, so that the first frames of a stream are good.
    soft_share : float
        Windows of samples without fine detail, see `scans.soft`.
    loss : str
        One of `losses.LOSSES`.
    """

    budget_s: float = 600.0
    steps: int | None = None
    batch: int = 8
    crop: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    short_share: float = 0.3
    soft_share: float = 0.2
    ema: float = 0.999
    seed: int = 0
    loss: str = "charbonnier"
    ranges: Ranges = field(default_factory=Ranges)


def train(
    architecture: Architecture,
    pool: torch.Tensor,
    plan: TrainPlan,
    report: Report,
    start: dict[str, torch.Tensor] | None = None,
    fabric: Fabric | None = None,
) -> Trainer:
    """Train a network; its running average is then on the CPU, ready for use.

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
    fabric : Fabric, optional
        Where; on one thread of the CPU if left out.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    trainer = Trainer(architecture, plan, fabric, start)
    pool = fabric.to_device(pool)
    losses = torch.zeros((), device=fabric.device)
    while trainer.used < 1:
        losses += trainer.step(lambda: trainer.batch(pool, trainer.steps))
        if trainer.steps % REPORTED == 0:
            report(trainer.used, trainer.steps, float(losses) / REPORTED)
            losses.zero_()
    trainer.average.eval().cpu()
    return trainer


def schedule(used: float, warm_up: float) -> float:
    """Return the learning rate as a share of the highest: warm-up, then a cosine."""
    if used < warm_up:
        return used / warm_up + 0.01
    return 0.5 + 0.5 * math.cos(math.pi * (used - warm_up) / (1 - warm_up))


def part_of(tensors: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """Return the tensors named `part.`, without that beginning."""
    return {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}.")
    }


class Trainer:
    """The network, its running average, its optimiser, and how far they are.

    Attributes
    ----------
    average : FastNet
        The running average of the weights: what is judged and exported.
    steps : int
        Steps made.
    spent_s : float
        Seconds spent in them.
    """

    def __init__(
        self,
        architecture: Architecture,
        plan: TrainPlan,
        fabric: Fabric,
        start: dict[str, torch.Tensor] | None = None,
    ) -> None:
        self.architecture, self.plan, self.fabric = architecture, plan, fabric
        torch.manual_seed(plan.seed)
        self.net, self.average = FastNet(architecture), FastNet(architecture)
        if start is not None:
            self.net.load_state_dict(start)
        self.average.load_state_dict(self.net.state_dict())
        if fabric.device.type == "cuda":  # the layout that its convolutions work in
            for net in (self.net, self.average):
                net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        fabric.to_device(self.average)
        optimiser = torch.optim.AdamW(
            self.net.parameters(), betas=(0.9, 0.99), weight_decay=plan.weight_decay
        )
        # The plain ones hold the state; the wrapped ones know device and precision.
        self._optimiser = optimiser
        self._wrapped, self._stepped = fabric.setup(self.net, optimiser)
        self._loss = LOSSES[plan.loss]
        self.steps, self.spent_s = 0, 0.0

    @property
    def used(self) -> float:
        """Share of the budget that is used up."""
        if self.plan.steps is not None:
            return self.steps / self.plan.steps
        return self.spent_s / self.plan.budget_s

    def batch(self, pool: torch.Tensor, number: int) -> Batch:
        """Make the batch of one step: always the same for the same number.

        The pool is on the device that trains, and so is all that is made of it.
        """
        plan, a = self.plan, self.architecture
        seed = np.random.SeedSequence([plan.seed, self.fabric.global_rank, number])
        state = int(seed.generate_state(1, np.uint64)[0] >> 1)
        generator = torch.Generator(self.fabric.device).manual_seed(state)
        clips = cut(pool, plan.batch, a.n_frames, plan.crop * a.scale, generator)
        clips = soften(clips, plan.soft_share, generator)
        return scan(clips, a, plan.ranges, plan.short_share, generator)

    def step(self, make: Callable[[], Batch]) -> torch.Tensor:
        """Learn from the batch that `make` returns; gives the loss back.

        Making the batch counts as time spent.
        """
        begun = self._now()
        batch = make()
        rate = self.plan.learning_rate * schedule(self.used, self.plan.warm_up)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        restored = self._wrapped(batch.frames, batch.valid)
        # Judged in brightness, not in recorded units: a dim recording counts as much.
        seen = batch.frames / batch.gain[:, None]
        scans = Scans(seen, batch.valid, self.architecture.target)
        loss = self._loss(restored / batch.gain, batch.goal / batch.gain, scans)
        self._optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        # Whether the loss is finite is seen when it is noted: asking here would make
        # a GPU wait for its answer at every step.
        self.fabric.clip_gradients(
            self._wrapped, self._stepped, max_norm=1.0, error_if_nonfinite=False
        )
        self._stepped.step()
        self.steps += 1
        self._follow()
        spent = torch.tensor(self.spent_s + self._now() - begun, dtype=torch.float64)
        # All processes must agree how far they are, or their rates would differ.
        if self.fabric.world_size > 1:
            spent = spent.to(self.fabric.device)
            torch.distributed.all_reduce(spent)
            spent = spent / self.fabric.world_size
        self.spent_s = float(spent)
        return loss.detach()

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """Return named tensors and numbers from which `restore` goes on."""
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for name, parameter in self.net.named_parameters():
            for moment, value in self._optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{moment}.{name}"] = torch.as_tensor(value)
        return tensors, {"steps": self.steps, "spent_s": self.spent_s}

    def restore(
        self, tensors: dict[str, torch.Tensor], steps: int, spent_s: float
    ) -> None:
        """Go on from what `state` returned."""
        self.net.load_state_dict(part_of(tensors, "net"))
        self.average.load_state_dict(part_of(tensors, "average"))
        moments = {name: part_of(tensors, f"optimiser.{name}") for name in MOMENTS}
        for name, parameter in self.net.named_parameters():
            self._optimiser.state[parameter] = {
                # The count of steps stays on the CPU, where the optimiser keeps it.
                m: found[name] if m == "step" else self.fabric.to_device(found[name])
                for m, found in moments.items()
                if name in found
            }
        self.steps, self.spent_s = steps, spent_s

    def _follow(self) -> None:
        keep = min(self.plan.ema, self.steps / (self.steps + 10))
        kept, new = (list(net.parameters()) for net in (self.average, self.net))
        follow = get_ema_multi_avg_fn(keep)  # type: ignore[no-untyped-call]
        follow(kept, new, self.steps)

    def _now(self) -> float:
        on_cpu = self.fabric.device.type == "cpu"
        return time.process_time() if on_cpu else time.perf_counter()
