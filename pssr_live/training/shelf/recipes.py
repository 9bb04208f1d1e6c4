"""What each shipped model learns from, is judged on, and says of itself.

Sources that judge a model are never among those it learns from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pssr_live.network import Architecture
from pssr_live.training.films.clips import PoolPlan
from pssr_live.training.scans.ranges import Ranges
from pssr_live.training.shelf.held_out import (
    ELECTRON,
    ELECTRON_MOVING,
    FLUORESCENT,
    MITOSIS,
    Clips,
    Movies,
    held_out_cells,
    movie_clips,
    moving_clips,
    still_clips,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model comes about.

    Attributes
    ----------
    architecture : Architecture
        The network.
    pool : PoolPlan
        What it learns from, together with `stills`.
    stills : callable
        Data folder -> image files for real clips.
    judged_on : mapping of str to callable
        What the card calls a test -> the clips of that test, never learned from.
    foreign : mapping of str to callable
        What it is judged on under degradations that it never met.
    about : mapping
        What its card says.
    batch, crop : int
        Windows in a step, and their side in low-density pixels.
    learning_rate : float
        The highest of the schedule.
    ranges : Ranges
        How its scans go wrong.
    further : (int, int)
        Windows in a step and their side when weights are trained further, on a CPU.
    """

    architecture: Architecture
    pool: PoolPlan
    stills: Callable[[Path], list[Path]]
    judged_on: Mapping[str, Clips]
    foreign: Movies
    about: dict[str, Any]
    batch: int = 64
    crop: int = 48
    learning_rate: float = 1e-3
    ranges: Ranges = field(default_factory=Ranges)
    further: tuple[int, int] = (16, 48)


def fluorescence_stills(data: Path) -> list[Path]:
    """Return stills of fluorescence, often, and of electrons, for their texture.

    Movies of living cells and the noisy/clean pairs stay out: they judge. So do the
    dendrites, whose truth is noisy.
    """
    found = sorted((data / "fluo").glob("*.tif"))
    quiet = [path for path in found if not path.name.startswith("mapmanager")]
    return 6 * quiet + electron_stills(data)


ELECTRON_TESTS = {
    "spinal cord SEM": "ads_",
    "ceramic coating SEM": "nasa_EBC_050317",
    "nickel alloy SEM": "nasa_Super_spot4",
    "etched metal tiles": "nasa_AM_Slice-2Bottom",
}
ELECTRON_ASIDE = "nasa_EBC_111418"  # kept for later questions


def electron_stills(data: Path) -> list[Path]:
    """Return the electron images that no electron model is judged on."""
    aside = (*ELECTRON_TESTS.values(), ELECTRON_ASIDE)
    found = sorted((data / "em").glob("*.tif"))
    return [path for path in found if not path.name.startswith(aside)]


FINER = "Detail finer than the microscope's PSF cannot be restored, only invented."
ONE_FRAME = ("Looks at one frame: it cannot average noise over time.",)
SMOOTHED = (
    "Takes noise that neighbouring pixels share (a camera's, after binning or "
    "smoothing) for structure."
)
FLUORESCENCE_DATA = (
    "simulated cells (pssr_live.samples.mito)",
    "NEUBIAS training images, CC-BY 4.0",
    "FLClab STED actin and tubulin, MIT",
    "U. Wisconsin LOCI collagen, BSD-2-Clause",
    "NASA pretrained-microscopy-models SEM, MIT",
)
FLUORESCENCE: dict[str, Any] = {
    "limits": (
        "Made for fluorescence; not judged on electron microscopy.",
        "Learned motion up to 6 high-density pixels a frame, no more.",
        "Learned 5 photons a pixel (at the bright level) and more, no less.",
        SMOOTHED,
        FINER,
    ),
    "sample": {
        "kind": "mitochondria, filaments, vesicles, nuclei",
        "modality": "confocal and two-photon fluorescence",
        "pixel_size_um": (0.1, 0.4),
    },
    "data": FLUORESCENCE_DATA,
}
ELECTRONS: dict[str, Any] = {
    "limits": (
        "Learned mostly from metals and ceramics; tissue is judged too, but few tissue "
        "images were learned from.",
        "The etched metal that judges it is of a specimen whose other parts it learned "
        "from.",
        "Learned 5 electrons a pixel (at the bright level) and more, no less.",
        "Detail finer than the beam cannot be restored, only invented.",
    ),
    "sample": {
        "kind": "metals, ceramics, tissue",
        "modality": "scanning electron microscopy",
        "pixel_size_um": (0.002, 2.0),
    },
    "data": (
        "NASA pretrained-microscopy-models SEM, MIT",
        "NEUBIAS C. elegans EM stack, CC-BY 4.0",
    ),
}
EVEN_AREAS = (  # measured on steps of grey, 48 pixels wide
    "Makes wide even areas of a scan without noise up to {} % of the range too bright."
)
CELLS = {
    "simulated cells never seen": held_out_cells,
    "mitosis movie never seen": movie_clips(f"{MITOSIS}C1_chromatin.tif"),
}
STILLS = {
    "simulated cells never seen": held_out_cells,
    "confocal averages never seen": still_clips("pairs", "fmd_Confocal*_gt"),
}
DRIFTING = {
    f"{what}, 1 px/frame, never seen": moving_clips("em", name, 1)
    for what, name in ELECTRON_TESTS.items()
}
ELECTRON_POOL = PoolPlan(simulated=0, real=3200, textured=280, size=256, seed=7000)
FLUORESCENCE_POOL = PoolPlan(
    simulated=1600, real=3200, textured=400, size=256, seed=4000
)
STILL_POOL = PoolPlan(
    simulated=1500, real=4500, textured=500, frames=1, size=256, seed=6000
)
MITO = Recipe(
    Architecture(lookahead=2),
    FLUORESCENCE_POOL,
    fluorescence_stills,
    CELLS,
    FLUORESCENT,
    FLUORESCENCE
    | {"summary": "living cells in fluorescence, 4x per axis, looks 2 frames ahead"},
)
ELECTRON_SINGLE = Recipe(
    Architecture(n_frames=1, lookahead=0),
    PoolPlan(simulated=0, real=4500, textured=1300, frames=1, size=256, seed=5000),
    electron_stills,
    {
        f"{what} never seen": still_clips("em", name)
        for what, name in ELECTRON_TESTS.items()
    },
    ELECTRON,
    ELECTRONS
    | {
        "summary": "electron micrographs, 4x per axis, one frame",
        "limits": ONE_FRAME + ELECTRONS["limits"],
    },
)
ELECTRON_WINDOW = Recipe(
    Architecture(lookahead=2),
    ELECTRON_POOL,
    electron_stills,
    DRIFTING,
    ELECTRON_MOVING,
    ELECTRONS
    | {"summary": "repeated electron scans, 4x per axis, looks 2 frames ahead"},
)


def _causal(recipe: Recipe) -> Recipe:
    """Return the twin that never looks ahead."""
    summary = recipe.about["summary"].replace("looks 2 frames", "never looks")
    return replace(
        recipe,
        architecture=replace(recipe.architecture, lookahead=0),
        about=recipe.about | {"summary": summary},
    )


def _best(recipe: Recipe, limit: str) -> Recipe:
    """Return the wider and deeper twin, for a GPU, which has a `limit` of its own."""
    about = {
        "summary": f"{recipe.about['summary']}; for a GPU",
        "limits": (*recipe.about["limits"], limit),
    }
    return replace(
        recipe,
        architecture=replace(recipe.architecture, width=64, blocks=16),
        about=recipe.about | about,
        batch=32,
        crop=64,
        learning_rate=5e-4,
        further=(4, 48),
    )


def _knows_filters(recipe: Recipe) -> Recipe:
    """Return the twin that also learns from filtered scans: a small one has no room."""
    limits = (limit for limit in recipe.about["limits"] if limit != SMOOTHED)
    return replace(
        recipe,
        ranges=replace(recipe.ranges, filtered_share=0.08),
        about=recipe.about | {"limits": tuple(limits)},
    )


RECIPES = {
    "mito-mf5-x4": MITO,
    "mito-mf5-x4-live": _causal(MITO),
    "mito-mf5-x4-best": _knows_filters(_best(MITO, EVEN_AREAS.format(11))),
    "fluo-sf-x4": Recipe(
        Architecture(n_frames=1, lookahead=0),
        STILL_POOL,
        fluorescence_stills,
        STILLS,
        FLUORESCENT,
        FLUORESCENCE
        | {
            "summary": "fluorescence of any kind, 4x per axis, one frame",
            "limits": (*ONE_FRAME, *FLUORESCENCE["limits"][2:4], FINER),
            "sample": FLUORESCENCE["sample"] | {"kind": "cells and tissue"},
        },
    ),
    "em-sf-x4": ELECTRON_SINGLE,
    "em-sf-x4-best": _best(ELECTRON_SINGLE, EVEN_AREAS.format(8)),
    "em-mf5-x4": ELECTRON_WINDOW,
    "em-mf5-x4-live": _causal(ELECTRON_WINDOW),
}
