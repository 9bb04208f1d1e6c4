"""All that can be wrong with a recipe is found here, before training starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pssr_live.calibration.values import Calibration
from pssr_live.errors import SettingsError
from pssr_live.network import Architecture
from pssr_live.training.films.pool import OwnPool, check_size
from pssr_live.training.films.sources import (
    Source,
    Survey,
    Wanted,
    find,
    passed_over,
    refuse_shared,
    survey,
)
from pssr_live.training.films.twins import twins
from pssr_live.training.learning.beginning import start_from
from pssr_live.training.learning.trainer import TrainPlan
from pssr_live.training.recipe_file import TrainRecipe
from pssr_live.training.scans.calibrated import calibrated, other_pixels
from pssr_live.training.scans.degradations import CALIBRATION, ranges_of
from pssr_live.training.scans.ranges import Ranges

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
DEFAULT_MINUTES = 30.0
ROOM = 1.25  # how much larger a clip is than a crop
SPARE_FRAMES = 3  # of a clip, so that windows begin at several places
JUDGED = (12, 48)  # clips to judge on, at least and at most
_SIMULATED_PIXEL_UM = {"mito": 0.05, "em": 0.005}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe whose images were looked at and whose numbers are settled.

    Attributes
    ----------
    architecture : Architecture
        The network.
    plan : TrainPlan
        How it is trained.
    pool, judged : OwnPool
        What it learns from, and what it is judged on.
    start : state dict or None
        The weights it begins with.
    about : dict
        What the card will say, but for figures and time.
    notes : tuple of str
        What a person should know, one sentence each.
    """

    architecture: Architecture
    plan: TrainPlan
    pool: OwnPool
    judged: OwnPool
    start: dict[str, torch.Tensor] | None
    about: dict[str, Any]
    notes: tuple[str, ...]


def prepare(recipe: TrainRecipe, folder: Path, bar: Bar) -> Prepared:
    """Check a recipe and look at its images.

    Parameters
    ----------
    recipe : TrainRecipe
        What a person wrote.
    folder : Path
        What its paths are relative to.
    bar : callable
        Gives a progress bar for a title.

    Raises
    ------
    PssrLiveError
        If anything cannot be used, naming it.
    """
    a = recipe.network.architecture
    ranges = ranges_of(recipe.crappifier, a.scale, folder)
    start = None
    if recipe.training.begins_from is not None:
        start = start_from(recipe.training.begins_from, a, folder)
    found = _surveys(recipe, a, folder, bar)
    learned, judged = found if found else (None, None)
    side = 8 * math.ceil(recipe.crop * a.scale * ROOM / 8)
    sources = learned.sources if learned else ()
    judges = judged.sources if judged else ()
    least, most = JUDGED
    pool = _pool(recipe, sources, recipe.data.clips, _clip_frames(a, sources), side)
    check_size(pool)
    return Prepared(
        architecture=a,
        plan=_plan(recipe, ranges),
        pool=pool,
        judged=_pool(
            recipe, judges, min(most, max(least, 2 * len(judges))), a.n_frames, side, 1
        ),
        start=start,
        about=_about(recipe, ranges, sources, judges),
        notes=(
            *(learned.notes("training") if learned else ()),
            *(judged.notes("validation") if judged else ()),
            *(twins(judged.looks, learned.looks) if judged and learned else ()),
            *passed_over(recipe.data.train, folder, "training"),
            *passed_over(recipe.data.judged_on, folder, "validation"),
            *_calibration_notes(recipe, folder, sources),
        ),
    )


def _surveys(
    recipe: TrainRecipe, a: Architecture, folder: Path, bar: Bar
) -> tuple[Survey, Survey] | None:
    data = recipe.data
    if not data.train:
        return None
    side = recipe.crop * a.scale
    spare = SPARE_FRAMES if a.n_frames > 1 else 0
    found = []
    for role, entries in (("training", data.train), ("validation", data.judged_on)):
        wanted = Wanted(a.n_frames, a.n_frames + spare, side, data.channel, data.time)
        with bar(f"Looking at {role} images") as show:
            files = find(entries, folder, role)
            found.append(survey(files, wanted, role, show))
    learned, judged = found
    refuse_shared(learned, judged)
    return learned, judged


def _clip_frames(a: Architecture, sources: tuple[Source, ...]) -> int:
    """Return how long clips are: no longer than the shortest movie learned from."""
    if a.n_frames == 1:
        return 1
    lengths = [len(take) for source in sources for take in source.takes]
    return min([a.n_frames + SPARE_FRAMES, *(n for n in lengths if n > 1)])


def _pool(
    recipe: TrainRecipe,
    sources: tuple[Source, ...],
    clips: int,
    frames: int,
    side: int,
    salt: int = 0,
) -> OwnPool:
    data = recipe.data
    share = data.simulated_share if salt == 0 else float(not sources)
    return OwnPool(
        sources,
        clips,
        frames,
        side,
        2 * recipe.seed + salt,
        data.simulated,
        share,
        data.smooth_px,
    )


def _plan(recipe: TrainRecipe, ranges: Ranges) -> TrainPlan:
    training = recipe.training
    return TrainPlan(
        budget_s=60 * (training.minutes or DEFAULT_MINUTES),
        steps=training.steps,
        batch=training.batch,
        crop=recipe.crop,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        loss=training.loss,
        soft_share=recipe.data.soft_share,
        ranges=ranges,
    )


def _about(
    recipe: TrainRecipe,
    ranges: Ranges,
    sources: tuple[Source, ...],
    judges: tuple[Source, ...],
) -> dict[str, Any]:
    data, scale = recipe.data, recipe.network.scale
    names = [source.path.name for source in sources]
    if data.simulated_share or not sources:
        names.append(f"simulated {data.simulated} (pssr_live.samples)")
    if recipe.training.begins_from:
        names.append(f"what {recipe.training.begins_from} learned from")
    sizes = _pixel_sizes_um(recipe, sources)
    limits = [
        f"Learned from {len(sources)} files and judged on {len(judges)} held out, all "
        "scanned by computation: not judged on anything else.",
        "Detail finer than the microscope's PSF cannot be restored, only invented.",
    ]
    if recipe.network.frames == 1:
        limits.append("Looks at one frame: it cannot average noise over time.")
    return {
        "version": "1.0.0",
        "summary": recipe.summary,
        "licence": recipe.licence,
        "tolerance": 1e-3,
        "limits": limits,
        "sample": {
            "kind": data.kind,
            "modality": data.modality,
            # A tenth more or less is the same objective and zoom, set again.
            "pixel_size_um": [0.9 * scale * sizes[0], 1.1 * scale * sizes[1]],
        },
        "training": {
            "data": names,
            "crappifier": asdict(ranges),
            "seed": recipe.seed,
            "soft_share": data.soft_share,
        },
    }


def _calibration_notes(
    recipe: TrainRecipe, folder: Path, sources: tuple[Source, ...]
) -> list[str]:
    named = recipe.crappifier.get(CALIBRATION)
    if named is None:
        return []
    calibration = Calibration.read(folder / named)
    sizes = _pixel_sizes_um(recipe, sources)
    said = [other_pixels(calibration, recipe.network.scale, sizes)]
    if calibrated(Ranges(), calibration, recipe.network.scale) == Ranges():
        lacks = ", ".join(calibration.not_identifiable) or "nothing of use"
        said.append(
            "The calibration narrows no range, and the training is for all microscopes:"
            f" it says why in not_identifiable ({lacks})."
        )
    return [one for one in said if one]


def _pixel_sizes_um(
    recipe: TrainRecipe, sources: tuple[Source, ...]
) -> tuple[float, float]:
    """Return the smallest and largest pixel size of the images learned from."""
    given = recipe.data.pixel_size_um
    if given is not None:
        return given, given
    sizes = [s.pixel_size_um for s in sources if s.pixel_size_um is not None]
    if not sources:
        sizes = [_SIMULATED_PIXEL_UM[recipe.data.simulated]]
    if not sizes:
        raise SettingsError(
            "None of the training images tells its pixel size: give "
            "data.pixel_size_um in the recipe, so that the model can warn where it "
            "does not fit."
        )
    return min(sizes), max(sizes)
