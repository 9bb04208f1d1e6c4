"""What each shipped model learns from, is judged on, and says of itself.

Sources that judge a model are never among those it learns from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

from pssr_live.training.clips import PoolPlan, build_pool
from pssr_live.training.network import Architecture

Clips = Callable[[Path], torch.Tensor]


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
    begins_from : str, optional
        Name of the model whose weights it starts with.
    budget_s : float
        CPU seconds of training.
    about : mapping
        What its card says.
    """

    architecture: Architecture
    pool: PoolPlan
    stills: Callable[[Path], list[Path]]
    judged_on: Mapping[str, Clips]
    budget_s: float
    about: dict[str, Any]
    begins_from: str | None = None


def fluorescence_stills(data: Path) -> list[Path]:
    """Return the stills for fluorescence, and some electron images for texture.

    Movies of living cells and the noisy/clean pairs stay out.
    """
    found = sorted((data / "fluo").glob("*.tif"))
    found += sorted((data / "fluo_timelapse").glob("mapmanager*.tif"))
    return 3 * found + sorted((data / "em").glob("*.tif"))[::6]


EM_HELD_OUT = {
    "spinal cord SEM": "ads_",
    "ceramic coating SEM": "nasa_EBC_050317",
    "nickel alloy SEM": "nasa_Super_spot4",
    "etched metal tiles": "nasa_AM_Slice-2Bottom",
}
EM_ASIDE = "nasa_EBC_111418"  # kept for later questions


def electron_stills(data: Path) -> list[Path]:
    """Return the electron images that no electron model is judged on."""
    aside = (*EM_HELD_OUT.values(), EM_ASIDE)
    found = sorted((data / "em").glob("*.tif"))
    return [path for path in found if not path.name.startswith(aside)]


def held_out_cells(data: Path) -> torch.Tensor:
    """Return clips of simulated cells from seeds of their own."""
    plan = PoolPlan(simulated=24, real=0, seed=77)
    return torch.from_numpy(build_pool(plan, []))


def mitosis(data: Path) -> torch.Tensor:
    """Return the windows of a movie of chromatin in a dividing cell."""
    movie = data / "fluo_timelapse" / "microfilm_mitosis_C1_chromatin.tif"
    return movie_clips(movie)


def movie_clips(path: Path, frames: int = 5, step: int = 4) -> torch.Tensor:
    """Cut a movie (T, Y, X) into windows (N, frames, Y, X), brightness about 0..1."""
    movie = tifffile.imread(path).astype(np.float32)
    height, width = (extent // 4 * 4 for extent in movie.shape[1:])
    levelled = _levelled(movie[:, :height, :width], movie[0])
    windows = [levelled[k : k + frames] for k in range(0, len(movie) - frames, step)]
    return torch.from_numpy(np.stack(windows))


def electron_clips(beginning: str) -> Clips:
    """Return what gives the middle of each image whose name begins so."""

    def clips(data: Path) -> torch.Tensor:
        found = []
        for path in sorted((data / "em").glob(f"{beginning}*.tif")):
            image = tifffile.imread(path).astype(np.float32)
            top, left = ((extent - 320) // 2 for extent in image.shape)
            found.append(_levelled(image[top : top + 320, left : left + 320], image))
        return torch.from_numpy(np.stack(found))[:, None]

    return clips


def _levelled(
    image: np.ndarray[Any, Any], shown: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    low, high = np.percentile(shown, [1, 99.8])
    levelled: np.ndarray[Any, Any] = ((image - low) / (high - low)).clip(0, 4)
    return levelled


FLUORESCENCE_DATA = (
    "simulated cells (pssr_live.samples.mito)",
    "NEUBIAS training images, CC-BY 4.0",
    "FLClab STED actin and tubulin, MIT",
    "MapManager two-photon dendrites, MIT",
    "U. Wisconsin LOCI collagen, BSD-2-Clause",
    "NASA pretrained-microscopy-models SEM, MIT",
    "axondeepseg spinal cord SEM, MIT",
)
FLUORESCENCE: dict[str, Any] = {
    "limits": (
        "Made for fluorescence; not judged on electron microscopy.",
        "Learned motion up to 3 high-density pixels a frame, no more.",
        "Learned 6 photons a pixel (at the bright level) and more, no less.",
        "Detail finer than the microscope's PSF cannot be restored, only invented.",
    ),
    "sample": {
        "kind": "mitochondria, filaments, vesicles, nuclei",
        "modality": "confocal and two-photon fluorescence",
        "pixel_size_um": (0.1, 0.4),
    },
    "data": FLUORESCENCE_DATA,
}
ELECTRON: dict[str, Any] = {
    "limits": (
        "Looks at one frame: it cannot average noise over time.",
        "Learned mostly from metals and ceramics; tissue is judged, below, but few "
        "tissue images were learned from.",
        "Learned 6 electrons a pixel (at the bright level) and more, no less.",
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
    "mitosis movie never seen": mitosis,
}
FLUORESCENCE_POOL = PoolPlan(simulated=360, real=280)
RECIPES = {
    "mito-mf5-x4": Recipe(
        Architecture(lookahead=2),
        FLUORESCENCE_POOL,
        fluorescence_stills,
        CELLS,
        2300,
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
        1610,
        FLUORESCENCE
        | {"summary": "living cells in fluorescence, 4x per axis, never looks ahead"},
        begins_from="mito-mf5-x4",
    ),
    "em-sf-x4": Recipe(
        Architecture(n_frames=1, lookahead=0),
        PoolPlan(simulated=0, real=900, frames=1, seed=2000),
        electron_stills,
        {f"{what} never seen": electron_clips(n) for what, n in EM_HELD_OUT.items()},
        720,
        ELECTRON | {"summary": "electron micrographs, 4x per axis, one frame"},
    ),
}
