"""How a network does on clips that it never saw, beside what needs no network.

The yardsticks are bicubic interpolation of the same noisy frame, and the best
classical method for movies: the mean of the window, a mild Gaussian, bicubic. A card
carries these figures next to the network's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pssr_live.engines.bicubic import bicubic
from pssr_live.errors import SettingsError
from pssr_live.evaluation.baselines import classical
from pssr_live.evaluation.frc import ring_correlation
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.network import FastNet
from pssr_live.training.scans.crappify import crappify, recorded
from pssr_live.training.scans.ranges import draw, one_scanner

Image = npt.NDArray[np.float32]
GAIN, OFFSET = 0.7, 0.05
FRC = "frc_px"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One window: the coarse scan (T, h, w) and the truth (H, W), same units."""

    scan: Image
    truth: Image


def examples(clips: torch.Tensor, net: FastNet, photons: float) -> list[Example]:
    """Scan the first frames of each clip (N, T, H, W) coarsely, always alike.

    A steadily moving beam, little jitter, read noise 2 % of brightness 1, and
    `photons` photons a pixel at brightness 1.
    """
    a = net.architecture
    fixed = one_scanner(
        photons=(photons, photons),
        gain=(GAIN, GAIN),
        offset=(OFFSET, OFFSET),
        read_noise=(0.02, 0.02),
        dwell_fraction=(1, 1),
        jitter_px=(0.2, 0.2),
    )
    generator = torch.Generator().manual_seed(7)
    how = draw(fixed, len(clips), generator)
    scans = crappify(clips[:, : a.n_frames].float(), a.scale, how, generator)
    truths = recorded(clips[:, a.target : a.target + 1].float(), how)[:, 0]
    return [
        Example(scan.numpy(), truth.numpy())
        for scan, truth in zip(scans, truths, strict=True)
    ]


def judge(net: FastNet, shown: list[Example]) -> dict[str, float]:
    """Return what is said of a network's pictures, and of those that need none.

    Means over all examples of the PSNR (dB, data range 1 = brightness 1) and the
    SSIM; medians of the period, in high-density pixels, down to which a picture
    agrees with the truth (Fourier ring correlation above 1/7).
    """
    a = net.architecture
    alone = np.arange(a.n_frames) == a.target
    start = np.arange(a.n_frames) >= a.target
    whole = np.ones(a.n_frames)
    rows = []
    for example in shown:
        scan, truth = example.scan, example.truth
        pictures = {
            "": run(net, scan, whole),
            "first_frame_": run(net, scan, start),
            "one_frame_": run(net, scan, alone),
            "bicubic_": bicubic(scan[a.target], a.scale),
            "classical_": classical(scan, a.scale),
        }
        row = {f"{k}psnr_db": psnr(p, truth, GAIN) for k, p in pictures.items()}
        row |= {f"{k}ssim": ssim(p, truth, GAIN) for k, p in pictures.items()}
        row |= {f"{k}{FRC}": _finest_px(p, truth) for k, p in pictures.items()}
        rows.append(row)
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    return {
        key: round(float((np.median if FRC in key else np.mean)(values)), 3)
        for key, values in columns.items()
    }


def _finest_px(picture: Image, truth: Image) -> float:
    try:
        return ring_correlation(picture, truth).resolution_px()
    except SettingsError:  # a picture without contrast agrees with nothing
        return float("inf")


def run(net: FastNet, scan: Image, valid: npt.NDArray[Any]) -> Image:
    """Restore one window (T, h, w) of which only the `valid` frames are there."""
    there = torch.from_numpy(valid.astype(np.float32))[None]
    with torch.no_grad():
        restored: Image = net(torch.from_numpy(scan)[None], there)[0].numpy()
    return restored
