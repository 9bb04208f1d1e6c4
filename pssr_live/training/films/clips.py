"""The pool of short high-density clips that a network learns from.

Three kinds. *Simulated* clips are cells with a random look, rendered without noise
while they move. *Real* clips are photographs of real samples set in motion by drift
and elastic flow: nothing synthetic has real texture, and without it a network learns
the simulator instead of microscopy. *Textured* clips are grain and gratings of no
sample, set in motion likewise: detail that a network would take for noise if it had
met nothing like it but noise. Every clip is seeded by its number.

A pool is float16, (clips, frames, Y, X), brightness about 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tifffile
from rich.progress import Progress
from scipy import ndimage

from pssr_live.errors import SettingsError
from pssr_live.samples.mito import MitoLook, MitoSample
from pssr_live.samples.optics import ScanGrid
from pssr_live.samples.texture import draw_texture
from pssr_live.training.films.many import make_clips
from pssr_live.training.films.motion import set_in_motion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = npt.NDArray[np.floating[Any]]
HR_PIXEL_UM = 0.05
TINY = 1e-30  # the contrast of nothing; floating-point images may have any units
MARGIN_PX = 32  # how far motion may reach beyond a crop; farther, it is mirrored


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """How many clips of which kind, and their size."""

    simulated: int = 320
    real: int = 240
    textured: int = 0
    frames: int = 8
    size: int = 160
    seed: int = 1000  # demos and tests use seeds below 1000


def build_pool(plan: PoolPlan, stills: Sequence[Path]) -> npt.NDArray[np.float16]:
    """Make all clips of `plan`, the real ones from the image files `stills`."""
    if plan.real and not stills:
        raise SettingsError(
            "No real images were given for a pool that wants "
            f"{plan.real} real clips: name a folder of TIFF images, or set real=0."
        )
    total = plan.simulated + plan.real + plan.textured
    shape = (plan.frames, plan.size, plan.size)
    with Progress(transient=True) as bar:
        task = bar.add_task("Making clips", total=total)
        return make_clips(
            partial(_numbered, plan, tuple(stills)),
            total,
            shape,
            lambda made, _: bar.update(task, completed=made),
        )


def _numbered(plan: PoolPlan, stills: Sequence[Path], number: int) -> FloatArray:
    rng = np.random.default_rng([plan.seed, number])
    if number < plan.simulated:
        return simulated_clip(rng, plan)
    if number < plan.simulated + plan.real:
        still = read_still(stills[number % len(stills)], rng)
    else:
        still = draw_texture(rng, plan.size + 2 * MARGIN_PX)
    return real_clip(rng, still, plan)


def simulated_clip(rng: np.random.Generator, plan: PoolPlan) -> FloatArray:
    """Film a cell of random look at a random pace: static to three pixels a frame."""
    default = rng.random() < 0.4
    look = MitoLook() if default else MitoLook.random(rng)
    field_um = plan.size * HR_PIXEL_UM
    cell_um = max(2 * field_um, 16.0)
    sample = MitoSample(int(rng.integers(1000, 2**31)), cell_um, look)
    corner = rng.uniform(0, cell_um - field_um, 2)
    grid = ScanGrid(
        plan.size,
        plan.size,
        HR_PIXEL_UM,
        (float(corner[0]), float(corner[1])),
        psf_sigma_um=float(rng.uniform(0.065, 0.13)),
    )
    speed_um_s = 2 * np.pi * look.reach_um / look.period_s
    pace_px = 0.0 if rng.random() < 0.2 else rng.uniform(0.05, 3.0)
    step_s = pace_px * HR_PIXEL_UM / speed_um_s
    within = np.linspace(0, step_s, plan.size)
    start = rng.uniform(0, 100)
    film = [sample.scan(grid, start + k * step_s + within) for k in range(plan.frames)]
    return _levelled(np.stack(film))


def real_clip(
    rng: np.random.Generator, still: FloatArray, plan: PoolPlan
) -> FloatArray:
    """Set a crop of a real image in motion: drift, elastic flow, parts of their own.

    A third stands still; the others move by 0.1 to 6 pixels a frame. In a third of
    these, parts of the picture go their own way, as organelles do.
    """
    side = plan.size + 2 * MARGIN_PX
    crop = _interesting(rng, _tiled_to(still, side), side)
    standing = rng.random() < 0.35
    pace = 0.0 if standing else float(np.exp(rng.uniform(np.log(0.1), np.log(6.0))))
    return _levelled(set_in_motion(rng, crop, plan.frames, pace, MARGIN_PX))


def _interesting(rng: np.random.Generator, image: FloatArray, side: int) -> FloatArray:
    """Cut the crop with the most contrast out of three."""
    crops = []
    for _ in range(3):
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in image.shape)
        crops.append(image[top : top + side, left : left + side])
    return max(crops, key=lambda crop: float(crop.std()))


def read_still(path: Path, rng: np.random.Generator) -> FloatArray:
    """Return one plane of an image file: often quietened, sometimes as it is.

    Shrinking a little takes noise out of what will be the truth. Left as it is, the
    grain of a picture moves along with the sample: a network that never saw that
    takes all grain for noise, and falls behind interpolation where a scan has none.
    """
    data = tifffile.imread(path)
    while data.ndim > 2:
        data = data[int(rng.integers(len(data)))]
    plane = data.astype(np.float32)
    if rng.random() < 0.4:
        return plane
    zoom = float(rng.uniform(0.5, 0.9)) if min(plane.shape) > 250 else 1.0
    smooth = ndimage.gaussian_filter(plane, 0.5 / zoom if zoom < 1 else 0.6)
    shrunken: FloatArray = ndimage.zoom(smooth, zoom, order=1)
    return shrunken


def _tiled_to(image: FloatArray, side: int) -> FloatArray:
    missing = [(0, max(0, side - extent)) for extent in image.shape]
    padded: FloatArray = np.pad(image, missing, mode="symmetric")
    return padded


def _levelled(film: FloatArray) -> FloatArray:
    """Scale to about 0..1; a film with hardly any contrast stays faint."""
    low, high = np.percentile(film[0], [0.5, 99.8])
    spread = max(float(high - low), 0.15 * float(abs(high)), TINY)
    levelled: FloatArray = np.clip((film - low) / spread, 0, 4)
    return levelled.astype(np.float32)
