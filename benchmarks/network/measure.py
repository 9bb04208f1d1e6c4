"""Train, score and time all networks; whatever is there already is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from torch import nn

from benchmarks.network.contenders import Contender, cost
from benchmarks.network.films import Film
from benchmarks.network.kept import keep, recall
from benchmarks.network.latency import time_all
from benchmarks.network.scores import (
    BASELINES,
    Score,
    as_json,
    judge_quickly,
    minus,
    restorer,
    score,
)
from benchmarks.network.training import Limit, Trained, train
from pssr_live.training.films.clips import PoolPlan, build_pool

REFERENCE = "unet"  # what all others are compared with
POOL_SEED = 2000

All = dict[Contender, Trained]
Pool = Callable[[], torch.Tensor]  # made only if something has to be trained


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What stays the same for all networks."""

    folder: Path
    device: torch.device
    budget_s: float
    seed: int
    films: list[Film]
    console: Console

    def pool(self, clips: int, listed: list[Contender]) -> torch.Tensor:
        """Make the clips that all networks learn from."""
        side = max(160, max(4 * contender.crop for contender in listed) + 32)
        plan = PoolPlan(simulated=clips, real=0, size=side, seed=POOL_SEED)
        return torch.from_numpy(build_pool(plan, [])).to(self.device)

    def trained(
        self, contender: Contender, name: str, limit: Limit, pool: Pool
    ) -> Trained:
        """Train a network, or fetch what an earlier run made of it."""
        found = self.found(contender, name)
        if found is not None:
            return found
        pool()  # made before the progress bar of the training appears
        with self._progress(f"Training {name}") as tick:
            made = train(
                contender,
                pool(),
                limit,
                self.seed + contender.run,
                lambda net: self.quick_psnr(contender, net),
                tick,
            )
        made.net.eval()
        keep(self.folder, name, made)
        reached = f"{made.samples} samples, {made.curve[-1][-1]:.2f} dB"
        self.console.print(f"{name}: {made.device_s:.0f} s, {reached}")
        return made

    def found(self, contender: Contender, name: str) -> Trained | None:
        """Return what an earlier run made, ready on the device."""
        found = recall(self.folder, name, contender)
        if found is not None:
            found.net.to(self.device).eval()
        return found

    def quick_psnr(self, contender: Contender, net: nn.Module) -> float:
        """Return how a network does in the middle of its training."""
        was = net.training
        psnr_db = judge_quickly(
            self.films, restorer(contender, net.eval(), self.device)
        )
        net.train(was)
        return psnr_db

    def at_equal_samples(
        self, everything: All, pool: Pool
    ) -> dict[str, dict[str, Any]]:
        """Train all as long as the reference: as many windows instead of seconds.

        The schedule of the learning rate ends there, too, or the networks would be
        compared in the middle of their training. Networks that saw fewer are left out.
        """
        count = next(t.samples for c, t in everything.items() if c.name == REFERENCE)
        report = {}
        for contender, whole in everything.items():
            name, enough = contender.name, whole.samples > count
            if name == REFERENCE:
                made = whole
            elif enough and contender.crop == _crop(everything):
                limit = Limit(samples=count)
                made = self.trained(contender, f"{name}-at-{count}", limit, pool)
            else:
                continue
            scored = self.scored(contender, made, self.films)
            psnr_db = as_json(scored)["psnr_db"]
            seen = {"samples": made.samples, "device_s": made.device_s}
            report[name] = {**seen, "psnr_db": psnr_db}
        return report

    def scored(
        self, contender: Contender, trained: Trained, films: list[Film]
    ) -> list[Score]:
        """Score a trained network."""
        return score(films, restorer(contender, trained.net, self.device))

    def scores(self, everything: All, films: list[Film]) -> dict[str, Any]:
        """Return the scores of all networks and baselines, and what they differ by."""
        rows = {name: score(films, restore) for name, restore in BASELINES.items()}
        with self._progress("Scoring") as tick:
            for number, (contender, trained) in enumerate(everything.items(), 1):
                rows[contender.name] = self.scored(contender, trained, films)
                tick(number / len(everything))
        reference = rows.get(REFERENCE)
        report: dict[str, Any] = {}
        for name, scored in rows.items():
            report[name] = as_json(scored)
            if reference is not None and name != REFERENCE:
                report[name]["minus_unet"] = minus(scored, reference)
        return report

    def networks(self, everything: All) -> dict[str, dict[str, Any]]:
        """Return what is known of each network before it is scored."""
        with self._progress("Latency") as tick:
            latency = time_all(everything, self.device, tick)
        report = {}
        for contender, made in everything.items():
            parameters, gflop = cost(contender)
            report[contender.name] = {
                "title": contender.title,
                "parameters": parameters,
                "gflop": gflop,
                "learning_rate": contender.learning_rate,
                "loss": "squared" if contender.squared else "Charbonnier",
                "batch": contender.batch,
                "crop_px": contender.crop,
                "channels_last": made.channels_last,
                "samples": made.samples,
                "device_s": made.device_s,
                "curve": made.curve,
                "latency": asdict(latency[contender.name]),
            }
        return report

    @contextmanager
    def _progress(self, what: str) -> Iterator[Any]:
        columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(what, total=1.0)
            yield lambda share: progress.update(task, completed=share)


def _crop(everything: All) -> int:
    return next(c.crop for c in everything if c.name == REFERENCE)
