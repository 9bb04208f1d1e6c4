"""Train the models that are shipped: `python -m pssr_live.training.shelf --help`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich import print as say

from pssr_live.card import ModelCard, load_model
from pssr_live.errors import SettingsError
from pssr_live.network import FastNet
from pssr_live.training.films.clips import build_pool
from pssr_live.training.judging.foreign import abroad
from pssr_live.training.judging.judge import examples, judge, run
from pssr_live.training.learning.checkpoint import load, save
from pssr_live.training.learning.device import make_fabric, name_of, one_thread
from pssr_live.training.learning.trainer import TrainPlan, train
from pssr_live.training.model_folder.export import export
from pssr_live.training.model_folder.page import draw, page
from pssr_live.training.shelf.recipes import RECIPES, Recipe
from pssr_live.weights import read_weights

PHOTONS = 20.0  # a pixel, at the bright level: what all models are judged at
VERSION = "2.3.0"
FURTHER_RATE = 0.3  # of the learning rate, for weights that are good already
SOFT_SHARE = 0.3
TOLD = 0.02  # of the budget: how often progress is told


@dataclass(frozen=True, slots=True)
class Learned:
    """A network, and how it was trained: what the card says of it."""

    net: FastNet
    how: dict[str, Any]


def main(
    data: Annotated[Path, typer.Option(help="Folder with fluo/, em/ and so on.")],
    work: Annotated[Path, typer.Option(help="Folder for pools and weights.")],
    models: Annotated[
        Path | None, typer.Option(help="Folder for the model folders; or only train.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Folder with models to begin from.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Of training: of a GPU, or of a core of a CPU.")
    ] = 3600,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    names: Annotated[
        list[str] | None, typer.Argument(help="Which models; all if left out.")
    ] = None,
) -> None:
    """Train models, judge them, and write their folders.

    Weights that `work` holds already are used; remove them to train anew. Several
    models are trained on one GPU side by side by as many of these commands. With
    `--start`, weights of an earlier version are trained further, in smaller steps.

    Example: `python -m pssr_live.training.shelf --data D --work W --models models`
    """
    work.mkdir(parents=True, exist_ok=True)
    for name in names or RECIPES:
        if name not in RECIPES:
            raise SettingsError(
                f"There is no recipe {name!r}: give one of {', '.join(RECIPES)}."
            )
        with one_thread():
            learned = trained(name, data, work, seconds, device, start)
        if models is not None:
            write_folder(learned, RECIPES[name], models / name, data)


def trained(
    name: str,
    data: Path,
    work: Path,
    seconds: float,
    device: str = "auto",
    start: Path | None = None,
) -> Learned:
    """Return the network of a recipe, trained now if `work` does not hold it."""
    recipe, kept = RECIPES[name], work / f"{name}.safetensors"
    if not kept.exists():
        fabric = make_fabric(device, "auto")
        begun = None if start is None else load_model(start / name)
        plan = _plan(recipe, seconds, further=begun is not None)
        pool = _pool(recipe, data, work)
        made = train(
            recipe.architecture,
            pool,
            plan,
            _told(name),
            None if begun is None else read_weights(begun),
            fabric,
        )
        how = {
            "steps": made.steps,
            "seconds": round(made.spent_s, 1),
            "device": name_of(fabric.device),
            "seed": plan.seed,
            "soft_share": plan.soft_share,
        }
        if begun is not None:
            how["begun_from"] = said_of(begun.card)
        save(kept, made.average.state_dict(), how)
    weights, how = load(kept)
    net = FastNet(recipe.architecture)
    net.load_state_dict(weights)
    return Learned(net.eval(), how)


def _plan(recipe: Recipe, seconds: float, further: bool) -> TrainPlan:
    batch, crop = recipe.further if further else (recipe.batch, recipe.crop)
    return TrainPlan(
        budget_s=seconds,
        batch=batch,
        crop=crop,
        learning_rate=recipe.learning_rate * (FURTHER_RATE if further else 1),
        soft_share=SOFT_SHARE,
        loss="ahead",
        ranges=recipe.ranges,
    )


def said_of(card: ModelCard) -> str:
    """Tell in a line how an earlier version was trained."""
    how = card.training
    trained = f"{how.steps} steps in {how.seconds:g} s of {how.device}"
    before = f"; before that, {how.begun_from}" if how.begun_from else ""
    return f"version {card.version}: {trained}{before}"


def write_folder(learned: Learned, recipe: Recipe, folder: Path, data: Path) -> None:
    """Judge a network and write its model folder, with page and picture."""
    net = learned.net
    shown = {
        test: examples(clips(data), net, PHOTONS)
        for test, clips in recipe.judged_on.items()
    }
    about = dict(recipe.about)
    training = {
        "data": about.pop("data"),
        "crappifier": asdict(recipe.ranges),
        **learned.how,
    }
    card = export(
        net,
        folder,
        about
        | {
            "version": VERSION,
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


def _pool(recipe: Recipe, data: Path, work: Path) -> torch.Tensor:
    cache = work / f"pool_{recipe.pool.seed}.npy"
    if not cache.exists():
        pool = build_pool(recipe.pool, recipe.stills(data))
        np.save(cache, pool, allow_pickle=False)
    return torch.from_numpy(np.load(cache, allow_pickle=False))


def _told(name: str) -> Callable[[float, int, float], None]:
    told = 0.0

    def tell(used: float, steps: int, loss: float) -> None:
        nonlocal told
        if used >= told + TOLD:
            told = used
            say(f"{name} {100 * used:5.1f} %  step {steps:6d}  loss {loss:.4f}")

    return tell


if __name__ == "__main__":
    typer.run(main)
