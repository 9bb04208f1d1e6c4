"""What each shipped model learns from, is judged on, and says of itself.

Sources that judge a model are never among those it learns from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pssr_live.network import Architecture
from pssr_live.training.films.clips import PoolPlan
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
    begins_from : str, optional
        Name of the model whose weights it starts with.
    rounds_s : tuple of float
        CPU seconds of training, one number a round. Each round goes on from the one
        before, with clips of its own: the seed of the pool grows by one.
    version : str
        What the card says.
    about : mapping
        What its card says.
    """

    architecture: Architecture
    pool: PoolPlan
    stills: Callable[[Path], list[Path]]
    judged_on: Mapping[str, Clips]
    foreign: Movies
    rounds_s: tuple[float, ...]
    about: dict[str, Any]
    begins_from: str | None = None
    version: str = "1.1.0"


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
FLUORESCENCE_DATA = (
    "simulated cells (pssr_live.samples.mito)",
    "NEUBIAS training images, CC-BY 4.0",
    "FLClab STED actin and tubulin, MIT",
    "U. Wisconsin LOCI collagen, BSD-2-Clause",
    "NASA pretrained-microscopy-models SEM, MIT",
)
VERSION_1_0_DATA = (
    "in version 1.0: MapManager two-photon dendrites, MIT",
    "in version 1.0: axondeepseg spinal cord SEM, MIT",
)
FLUORESCENCE: dict[str, Any] = {
    "limits": (
        "Made for fluorescence; not judged on electron microscopy.",
        "Learned motion up to 6 high-density pixels a frame, no more.",
        "Learned 5 photons a pixel (at the bright level) and more, no less.",
        "Takes noise that neighbouring pixels share (a camera's, after binning or "
        "smoothing) for structure.",
        "Behind interpolation on fast samples in scans that hardly have noise: see "
        "the table.",
        FINER,
    ),
    "sample": {
        "kind": "mitochondria, filaments, vesicles, nuclei",
        "modality": "confocal and two-photon fluorescence",
        "pixel_size_um": (0.1, 0.4),
    },
    "data": FLUORESCENCE_DATA + VERSION_1_0_DATA,
}
ELECTRONS: dict[str, Any] = {
    "limits": (
        "Learned mostly from metals and ceramics; tissue is judged, below, but few "
        "tissue images were learned from.",
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
ELECTRON_POOL = PoolPlan(simulated=0, real=700, seed=7000)
FLUORESCENCE_POOL = PoolPlan(simulated=320, real=560, seed=4000)
RECIPES = {
    "mito-mf5-x4": Recipe(
        Architecture(lookahead=2),
        FLUORESCENCE_POOL,
        fluorescence_stills,
        CELLS,
        FLUORESCENT,
        (4040,),
        FLUORESCENCE
        | {
            "summary": "living cells in fluorescence, 4x per axis, looks 2 frames ahead"
        },
    ),
    "mito-mf5-x4-live": Recipe(
        Architecture(lookahead=0),
        FLUORESCENCE_POOL,
        fluorescence_stills,
        CELLS,
        FLUORESCENT,
        (3110,),
        FLUORESCENCE
        | {"summary": "living cells in fluorescence, 4x per axis, never looks ahead"},
        begins_from="mito-mf5-x4",
    ),
    "fluo-sf-x4": Recipe(
        Architecture(n_frames=1, lookahead=0),
        PoolPlan(simulated=300, real=800, frames=1, seed=6000),
        fluorescence_stills,
        STILLS,
        FLUORESCENT,
        (1200, 1500),
        FLUORESCENCE
        | {
            "summary": "fluorescence of any kind, 4x per axis, one frame",
            "limits": (*ONE_FRAME, *FLUORESCENCE["limits"][2:4], FINER),
            "data": FLUORESCENCE_DATA,
            "sample": FLUORESCENCE["sample"] | {"kind": "cells and tissue"},
        },
        begins_from="em-sf-x4",
        version="1.2.0",
    ),
    "em-sf-x4": Recipe(
        Architecture(n_frames=1, lookahead=0),
        PoolPlan(simulated=0, real=1100, frames=1, seed=5000),
        electron_stills,
        {
            f"{what} never seen": still_clips("em", name)
            for what, name in ELECTRON_TESTS.items()
        },
        ELECTRON,
        (1620,),
        ELECTRONS
        | {
            "summary": "electron micrographs, 4x per axis, one frame",
            "limits": ONE_FRAME + ELECTRONS["limits"],
        },
    ),
    "em-mf5-x4": Recipe(
        Architecture(lookahead=2),
        ELECTRON_POOL,
        electron_stills,
        DRIFTING,
        ELECTRON_MOVING,
        (1000,),
        ELECTRONS
        | {"summary": "repeated electron scans, 4x per axis, looks 2 frames ahead"},
        begins_from="em-sf-x4",
    ),
    "em-mf5-x4-live": Recipe(
        Architecture(lookahead=0),
        ELECTRON_POOL,
        electron_stills,
        DRIFTING,
        ELECTRON_MOVING,
        (900,),
        ELECTRONS
        | {"summary": "repeated electron scans, 4x per axis, never looks ahead"},
        begins_from="em-sf-x4",
    ),
}
