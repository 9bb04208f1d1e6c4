"""How a training is going: scans of clips that are never learned from.

The scans are drawn once from the recipe's own ranges, always alike, and brought to
one gain, so that a PSNR (data range: brightness 1) means the same for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pssr_live.engines.bicubic import bicubic
from pssr_live.evaluation.baselines import classical
from pssr_live.evaluation.metrics import psnr
from pssr_live.network import Architecture, FastNet
from pssr_live.training.judging.judge import GAIN, Example
from pssr_live.training.scans.batches import scan
from pssr_live.training.scans.ranges import Ranges

SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Scans with their truth, and the mean PSNR in dB of what needs no network."""

    shown: list[Example]
    bicubic_db: float
    classical_db: float


def prepared(
    clips: torch.Tensor, architecture: Architecture, ranges: Ranges
) -> Validation:
    """Scan clips (N, T, H, W) as `ranges` say; H and W are cut to whole pixels."""
    a = architecture
    height, width = (extent // a.scale * a.scale for extent in clips.shape[2:])
    window = clips[:, : a.n_frames, :height, :width].float()
    batch = scan(window, a, ranges, 0.0, torch.Generator().manual_seed(SEED))
    gain = batch.gain[:, :, :, None]
    scans = (batch.frames / gain * GAIN).numpy()
    truths = (batch.goal / batch.gain * GAIN).numpy()
    shown = [Example(s, t) for s, t in zip(scans, truths, strict=True)]
    return Validation(
        shown,
        _mean([psnr(bicubic(e.scan[a.target], a.scale), e.truth, GAIN) for e in shown]),
        _mean([psnr(classical(e.scan, a.scale), e.truth, GAIN) for e in shown]),
    )


def score(net: FastNet, validation: Validation) -> float:
    """Return the mean PSNR of a network in dB, whole windows."""
    device = next(net.parameters()).device
    found = []
    for example in validation.shown:
        frames = torch.from_numpy(example.scan)[None].to(device)
        with torch.no_grad():
            restored = net(frames, torch.ones(frames.shape[:2], device=device))[0]
        found.append(psnr(restored.cpu().numpy(), example.truth, GAIN))
    return _mean(found)


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
