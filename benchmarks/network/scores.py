"""How good the pictures are: four figures for every judged frame, and their means.

Every method is scored on the same frames. Data range 1, the brightness of the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.network.contenders import Contender
from benchmarks.network.films import SCALE, Film, Image
from pssr_live.evaluation.baselines import classical, interpolated
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.evaluation.paired import Difference, paired_difference

FOREGROUND = 0.15  # brightness of the truth above which a pixel counts as sample
FIGURES = ("psnr_db", "ssim", "foreground_psnr_db", "fitted_psnr_db")
QUICK = 4  # during training, one judged frame in so many counts

Restore = Callable[[Film, int], Image]


@dataclass(frozen=True, slots=True)
class Score:
    """One judged frame.

    `foreground_psnr_db` counts only pixels brighter than 0.15 in the truth (NaN if
    there are none); `fitted_psnr_db` is the PSNR after gain and offset of the picture
    were fitted to the truth by least squares.
    """

    scene: str
    speed: str
    photons: int
    frame: int
    psnr_db: float
    ssim: float
    foreground_psnr_db: float
    fitted_psnr_db: float


def restorer(contender: Contender, net: nn.Module, device: torch.device) -> Restore:
    """Return what restores a frame of a film with `net`."""

    def restore(film: Film, target: int) -> Image:
        window = film.window(target, contender.n_frames, contender.lookahead)
        with torch.no_grad():
            picture = net(torch.from_numpy(window)[None].to(device))[0]
        made: Image = picture.float().cpu().numpy()
        return made

    return restore


def bicubic_of(film: Film, target: int) -> Image:
    """Enlarge the one noisy frame."""
    return interpolated(film.scans[target], SCALE)


def classical_of(film: Film, target: int) -> Image:
    """Take the mean of five frames around it, smooth it a little, enlarge it."""
    return classical(film.window(target, 5, 2), SCALE)


BASELINES: dict[str, Restore] = {"bicubic": bicubic_of, "mean of 5": classical_of}


def judge_quickly(films: Sequence[Film], restore: Restore) -> float:
    """Return the mean PSNR (dB) over every fourth judged frame."""
    judged = [(film, target) for film in films for target in film.targets][::QUICK]
    return float(
        np.mean([psnr(restore(f, t), f.truths[t], data_range=1) for f, t in judged])
    )


def score(films: Iterable[Film], restore: Restore) -> list[Score]:
    """Score every judged frame."""
    return [
        _score(film, target, restore(film, target))
        for film in films
        for target in film.targets
    ]


def means(scores: Iterable[Score]) -> dict[str, float]:
    """Return the mean of each figure over all frames."""
    rows = list(scores)
    return {name: _mean(getattr(row, name) for row in rows) for name in FIGURES}


def psnr_by(scores: Iterable[Score], what: str) -> dict[str, float]:
    """Return the mean PSNR (dB) by "speed", "photons" or "scene"."""
    parts: dict[str, list[float]] = defaultdict(list)
    for row in scores:
        parts[str(getattr(row, what))].append(row.psnr_db)
    return {part: _mean(values) for part, values in parts.items()}


def minus(
    ours: Iterable[Score], theirs: Iterable[Score]
) -> dict[str, dict[str, float | int]]:
    """Return ours minus theirs, frame by frame, with intervals over scenes."""
    a, b = list(ours), list(theirs)
    return {name: asdict(_difference(a, b, name)) for name in FIGURES}


def as_json(scores: Iterable[Score]) -> dict[str, Any]:
    """Return the means, in all and by part."""
    rows = list(scores)
    by = {f"by_{what}": psnr_by(rows, what) for what in ("speed", "photons", "scene")}
    return {**means(rows), **by}


def _score(film: Film, target: int, picture: Image) -> Score:
    truth = film.truths[target]
    seen = truth > FOREGROUND
    in_front = psnr(picture[seen], truth[seen], data_range=1) if seen.any() else np.nan
    return Score(
        scene=film.scene,
        speed=film.speed,
        photons=film.photons,
        frame=target,
        psnr_db=psnr(picture, truth, data_range=1),
        ssim=ssim(picture, truth, data_range=1),
        foreground_psnr_db=in_front,
        fitted_psnr_db=psnr(_fitted(picture, truth), truth, data_range=1),
    )


def _fitted(picture: Image, truth: Image) -> Image:
    given = picture.astype(np.float64)
    spread = given - given.mean()
    variance = float(np.mean(spread**2))
    gain = float(np.mean(spread * truth)) / variance if variance else 0.0
    fitted: Image = (truth.mean(dtype=np.float64) + gain * spread).astype(np.float32)
    return fitted


def _difference(ours: list[Score], theirs: list[Score], name: str) -> Difference:
    return paired_difference(_by_scene(ours, name), _by_scene(theirs, name))


def _by_scene(scores: list[Score], name: str) -> dict[str, list[float]]:
    scenes: dict[str, list[float]] = defaultdict(list)
    for row in scores:
        scenes[row.scene].append(getattr(row, name))
    return scenes


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
