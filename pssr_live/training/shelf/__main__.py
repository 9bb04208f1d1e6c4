"""Train the models that are shipped: `python -m pssr_live.training.shelf --help`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich import print as say
from safetensors.torch import load_file, save_file

from pssr_live.errors import SettingsError
from pssr_live.network import FastNet
from pssr_live.training.films.clips import PoolPlan, build_pool
from pssr_live.training.judging.foreign import abroad
from pssr_live.training.judging.judge import examples, judge, run
from pssr_live.training.learning.beginning import for_window
from pssr_live.training.learning.trainer import TrainPlan, train
from pssr_live.training.model_folder.export import export
from pssr_live.training.model_folder.page import draw, page
from pssr_live.training.scans.crappify import Ranges
from pssr_live.training.shelf.recipes import RECIPES, Recipe

PHOTONS = 20.0  # a pixel, at the bright level: what all models are judged at


def main(
    data: Annotated[Path, typer.Option(help="Folder with fluo/, em/ and so on.")],
    work: Annotated[Path, typer.Option(help="Folder for pools and weights.")],
    models: Annotated[Path, typer.Option(help="Folder for the model folders.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Which models; all if left out.")
    ] = None,
) -> None:
    """Train models, judge them, and write their folders.

    Weights that `work` holds already are used; remove them to train anew.

    Example: `python -m pssr_live.training.shelf --data D --work W --models models`
    """
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    for name in names or RECIPES:
        if name not in RECIPES:
            raise SettingsError(
                f"There is no recipe {name!r}: give one of {', '.join(RECIPES)}."
            )
        write_folder(trained(name, data, work), RECIPES[name], models / name, data)


def trained(name: str, data: Path, work: Path) -> FastNet:
    """Return the network of a recipe, trained now if `work` does not hold it."""
    recipe, weights = RECIPES[name], work / f"{name}.safetensors"
    net = FastNet(recipe.architecture)
    if not weights.exists():
        start = None
        if recipe.begins_from:
            start = trained(recipe.begins_from, data, work).state_dict()
            start = for_window(start, recipe.architecture)
        for number, budget_s in enumerate(recipe.rounds_s):
            clips = replace(recipe.pool, seed=recipe.pool.seed + number)
            pool = _pool(clips, recipe.stills(data), work)
            rate = 1e-3 if start is None else 6e-4
            plan = TrainPlan(budget_s=budget_s, learning_rate=rate, loss="psnr")
            net = train(recipe.architecture, pool, plan, _progress, start)
            start = net.state_dict()
        save_file(net.state_dict(), weights)
    net.load_state_dict(load_file(weights))
    return net.eval()


def write_folder(net: FastNet, recipe: Recipe, folder: Path, data: Path) -> None:
    """Judge a network and write its model folder, with page and picture."""
    shown = {
        test: examples(clips(data), net, PHOTONS)
        for test, clips in recipe.judged_on.items()
    }
    about = dict(recipe.about)
    training = {
        "data": about.pop("data"),
        "crappifier": asdict(Ranges()),
        "cpu_seconds": sum(recipe.rounds_s),
        "seed": TrainPlan().seed,
    }
    card = export(
        net,
        folder,
        about
        | {
            "version": recipe.version,
            "licence": "BSD-3-Clause",
            "tolerance": 1e-3,
            "training": training,
            "metrics": {
                f"{test}, {PHOTONS:g} photons": judge(net, found)
                for test, found in shown.items()
            },
            "foreign": abroad(
                partial(run, net, valid=np.ones(net.architecture.n_frames)),
                {source: read(data) for source, read in recipe.foreign.items()},
                n_frames=net.architecture.n_frames,
                lookahead=net.architecture.lookahead,
                scale=net.architecture.scale,
            ),
        },
    )
    first = next(iter(shown.values()))
    draw(net, max(first, key=lambda e: float(e.truth.std())), folder / "preview.png")
    (folder / "README.md").write_text(page(card), encoding="utf-8")
    say(card.metrics)


def _pool(plan: PoolPlan, stills: Sequence[Path], work: Path) -> torch.Tensor:
    cache = work / f"pool_{plan.seed}.npy"
    if not cache.exists():
        np.save(cache, build_pool(plan, stills), allow_pickle=False)
    return torch.from_numpy(np.load(cache, allow_pickle=False))


def _progress(used: float, steps: int, loss: float) -> None:
    say(f"{100 * used:5.1f} %  step {steps:6d}  loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
