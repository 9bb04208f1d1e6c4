"""A training from its recipe to its best weights, in one function."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from pssr_live.training.films.many import Pool
from pssr_live.training.films.pool import cached, keep, make_pool
from pssr_live.training.judging.validation import prepared as validation_of
from pssr_live.training.learning.device import make_fabric, memory_errors, one_thread
from pssr_live.training.learning.loop import Loop, Tell
from pssr_live.training.learning.run_folder import (
    RunFolder,
    check_begin,
    check_same_images,
)
from pssr_live.training.learning.trainer import Trainer
from pssr_live.training.preparation import Bar, Prepared, prepare
from pssr_live.training.recipe_file import TrainRecipe, load_recipe


@dataclass(frozen=True, slots=True)
class View:
    """How a training talks to a person.

    `bar` gives a progress bar for a title, `note` shows a sentence, `tell` how far
    the training is.
    """

    bar: Bar
    note: Callable[[str], None]
    tell: Tell


def learn_recipe(
    path: Path, out: Path, view: View, *, resume: bool = False, overwrite: bool = False
) -> TrainRecipe:
    """Train what a recipe says; `finish.from_run` makes a model of it.

    Parameters
    ----------
    path : Path
        The recipe.
    out : Path
        The folder of the training.
    view : View
        Who is told.
    resume, overwrite : bool
        Whether to go on with, or to replace, the training that is there.

    Returns
    -------
    TrainRecipe
        The recipe.

    Raises
    ------
    PssrLiveError
        If anything is wrong with the recipe, its images, the device or the disk.
    """
    recipe = load_recipe(path)
    with one_thread():
        fabric = make_fabric(recipe.training.device, recipe.training.precision)
        first = fabric.global_rank == 0
        folder = RunFolder(out)
        said = recipe.model_dump(mode="json")
        if first:
            check_begin(folder, said, resume, overwrite)
        ready = prepare(recipe, path.parent, view.bar)
        for note in ready.notes if first else ():
            view.note(note)
        with folder.held() if first else nullcontext():
            if first:
                # Another training may have come, and gone, since.
                check_begin(folder, said, resume, overwrite)
                _begin(folder, recipe, ready, view, resume)
            fabric.barrier()
            _learn(recipe, ready, folder, fabric, view)
            fabric.barrier()
    return recipe


def _begin(
    folder: RunFolder, recipe: TrainRecipe, ready: Prepared, view: View, resume: bool
) -> None:
    """Fill the folder; what an earlier training left goes once all clips are made."""
    if resume:
        check_same_images(folder, _images(ready))
    judged: Pool | None = None
    # A score is compared with the best before: a resume is judged on the same clips.
    if not (resume and folder.validation.exists()):
        with view.bar("Making clips to judge on") as show:
            judged = make_pool(ready.judged, show)
    pool = folder.pool(ready.pool.key)
    with view.bar("Making clips to learn from") as show:
        cached(pool, ready.pool, show)
    if not resume:
        folder.clear(but=pool)
    _write_facts(folder, recipe, ready)
    if judged is not None:
        keep(folder.validation, judged)


def _images(ready: Prepared) -> dict[str, str]:
    return {"train": ready.pool.images, "validate": ready.judged.images}


def _write_facts(folder: RunFolder, recipe: TrainRecipe, ready: Prepared) -> None:
    facts: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "architecture": asdict(ready.architecture),
        "ranges": asdict(ready.plan.ranges),
        "about": ready.about,
        "images": _images(ready),
    }
    folder.write_json(folder.facts.name, facts)


def _learn(
    recipe: TrainRecipe,
    ready: Prepared,
    folder: RunFolder,
    fabric: Fabric,
    view: View,
) -> None:
    pool = np.load(folder.pool(ready.pool.key), allow_pickle=False)
    judged = np.load(folder.validation, allow_pickle=False)
    plan, a = ready.plan, ready.architecture
    with memory_errors(plan.batch, plan.crop):
        trainer = Trainer(a, plan, fabric, ready.start)
        validation = validation_of(torch.from_numpy(judged), a, plan.ranges)
        Loop(trainer, torch.from_numpy(pool), validation, folder, recipe.name).run(
            view.tell
        )
