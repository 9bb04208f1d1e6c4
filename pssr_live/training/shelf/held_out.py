"""What the shipped models are judged on and never learn from.

Clips are truth for the model's own kind of scan, brightness about 0..1. Movies are
truth for `foreign`, 16 bit. A still becomes a movie by standing still or by being set
in motion, at a pace in high-density pixels a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import torch
from scipy.ndimage import gaussian_filter

from pssr_live.training.films.clips import PoolPlan, build_pool
from pssr_live.training.films.motion import set_in_motion

Clips = Callable[[Path], torch.Tensor]
Movies = Mapping[str, Callable[[Path], npt.NDArray[np.uint16]]]
SIDE, FRAMES = 256, 12
BLACK, WHITE = 200, 3200  # grey values of the percentiles below
LEVELS = (0.2, 99.9)


def held_out_cells(data: Path) -> torch.Tensor:
    """Return clips of simulated cells from seeds of their own."""
    plan = PoolPlan(simulated=24, real=0, seed=77)
    return torch.from_numpy(build_pool(plan, []))


def movie_clips(file: str, frames: int = 5, step: int = 4) -> Clips:
    """Return what cuts a movie (T, Y, X) into windows (N, frames, Y, X)."""

    def clips(data: Path) -> torch.Tensor:
        movie = tifffile.imread(data / file).astype(np.float32)
        height, width = (extent // 4 * 4 for extent in movie.shape[1:])
        levelled = _levelled(movie[:, :height, :width], movie[0])
        first = range(0, len(movie) - frames, step)
        return torch.from_numpy(np.stack([levelled[k : k + frames] for k in first]))

    return clips


def still_clips(folder: str, beginning: str) -> Clips:
    """Return what gives the middle of each still whose name begins so."""

    def clips(data: Path) -> torch.Tensor:
        found = []
        for path in sorted((data / folder).glob(f"{beginning}*.tif")):
            image = tifffile.imread(path).astype(np.float32)
            found.append(_levelled(_middle(image, 320), image))
        return torch.from_numpy(np.stack(found))[:, None]

    return clips


def moving_clips(folder: str, beginning: str, pace_px: float) -> Clips:
    """Return what sets the middle of each still whose name begins so in motion."""
    stills = still_clips(folder, beginning)

    def clips(data: Path) -> torch.Tensor:
        films = [
            set_in_motion(np.random.default_rng(seed), still[0].numpy(), 5, pace_px)
            for seed, still in enumerate(stills(data))
        ]
        return torch.from_numpy(np.stack(films).astype(np.float32))

    return clips


def _real(data: Path, file: str) -> npt.NDArray[np.uint16]:
    """Read a real movie."""
    return _sixteen_bit(_middle(tifffile.imread(data / file)[:FRAMES], SIDE))


def _still(
    data: Path, file: str, pace: float, blur_px: float = 0.0
) -> npt.NDArray[np.uint16]:
    """Read a still, sharp or not, and set it in motion; at pace 0 it stays."""
    image = _middle(tifffile.imread(data / file).astype(np.float32), SIDE)
    image = gaussian_filter(image, blur_px)
    film = np.repeat(image[None], FRAMES, axis=0)
    if pace:
        film = set_in_motion(np.random.default_rng(len(file)), image, FRAMES, pace)
    return _sixteen_bit(film)


OUT_OF_FOCUS_PX = 3.0
MITOSIS = "fluo_timelapse/microfilm_mitosis_"
PAIRS = "pairs/fmd_"
FLUORESCENT: Movies = {
    "mitosis, chromatin": partial(_real, file=f"{MITOSIS}C1_chromatin.tif"),
    "mitosis, microtubules": partial(_real, file=f"{MITOSIS}C2_microtubules.tif"),
    "Golgi": partial(_real, file="fluo_timelapse/neubias_golgi_bfa_sumproj.tif"),
    "actin, still": partial(_still, file=f"{PAIRS}Confocal_BPAE_R_gt.tif", pace=0),
    "tissue, 1 px/frame": partial(_still, file=f"{PAIRS}Confocal_MICE_gt.tif", pace=1),
    "actin, 3 px/frame": partial(_still, file=f"{PAIRS}Confocal_BPAE_R_gt.tif", pace=3),
    "wide field, 6 px/frame": partial(
        _still, file=f"{PAIRS}WideField_BPAE_G_gt.tif", pace=6
    ),
    "tissue, out of focus": partial(
        _still, file=f"{PAIRS}Confocal_MICE_gt.tif", pace=1, blur_px=OUT_OF_FOCUS_PX
    ),
}
ELECTRON_STILLS = {
    "spinal cord": "em/ads_sub-rat3_sample-data9_SEM.tif",
    "ceramic": "em/nasa_EBC_050317_3_S0440017.tif",
    "nickel alloy": "em/nasa_Super_spot4_0d_3.tif",
    "etched metal": "em/nasa_AM_Slice-2Bottom_4608_0_5120_512.tif",
}
CERAMIC = ELECTRON_STILLS["ceramic"]
ELECTRON: Movies = {
    **{
        what: partial(_still, file=file, pace=0)
        for what, file in ELECTRON_STILLS.items()
    },
    "ceramic, out of focus": partial(
        _still, file=CERAMIC, pace=0, blur_px=OUT_OF_FOCUS_PX
    ),
}
ELECTRON_MOVING: Movies = {
    **{
        f"{what}, {pace} px/frame": partial(_still, file=file, pace=pace)
        for what, file in ELECTRON_STILLS.items()
        for pace in (0, 2)
    },
    "ceramic, out of focus": partial(
        _still, file=CERAMIC, pace=1, blur_px=OUT_OF_FOCUS_PX
    ),
}


def _middle(image: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Cut the middle (..., Y, X) to at most `side`, in whole multiples of 8."""
    height, width = (min(side, extent // 8 * 8) for extent in image.shape[-2:])
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]


def _sixteen_bit(movie: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    low, high = np.percentile(movie[0], LEVELS)
    part = np.clip((movie.astype(np.float64) - low) / (high - low), 0, 1.3)
    grey: npt.NDArray[np.uint16] = np.rint(BLACK + part * (WHITE - BLACK)).astype(
        np.uint16
    )
    return grey


def _levelled(
    image: npt.NDArray[np.float32], shown: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    low, high = np.percentile(shown, [1, 99.8])
    levelled: npt.NDArray[np.float32] = ((image - low) / (high - low)).clip(0, 4)
    return levelled
