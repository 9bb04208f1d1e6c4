"""Samples without fine detail: thick, out of focus, or sampled finer than the optics.

A dense scan of one is smooth from pixel to pixel, and interpolation of a coarse scan
hardly errs. A network that only knew crisp samples would add detail that is not there,
and fall behind interpolation the more, the less noise there is. So a share of what it
learns from is made soft, truth and scan alike.
"""

from __future__ import annotations

import torch

from pssr_live.training.scans.crappify import convolve

SIGMA_PX = (0.5, 3.5)  # of the Gaussian, in high-density pixels
REACH_PX = 10
MOST_CONTRAST = 3.0  # by how much the contrast that is lost is given back


def soften(
    clips: torch.Tensor, share: float, generator: torch.Generator
) -> torch.Tensor:
    """Blur the first of some clips (N, T, H, W), each by its own Gaussian.

    Parameters
    ----------
    clips : Tensor, (N, T, H, W)
        High-density clips, drawn at random: the first are as good as any.
    share : float
        How many of them, 0 to 1, rounded to whole clips.
    generator : torch.Generator
        On the device of the clips.

    Returns
    -------
    Tensor, (N, T, H, W)
        The same contrast as before, as far as three times the blurred one reaches.
    """
    count = round(share * len(clips))
    if not count:
        return clips
    low, high = SIGMA_PX
    dice = torch.rand((count, 1), generator=generator, device=clips.device)
    at = torch.arange(-REACH_PX, REACH_PX + 1, device=clips.device)
    weight = torch.exp(-0.5 * (at / (low + (high - low) * dice)) ** 2)
    weight = weight / weight.sum(1, keepdim=True)
    crisp = clips[:count]
    soft = convolve(convolve(crisp, weight, 1, axis=2), weight, 1, axis=3)
    lost = _contrast(crisp) / (_contrast(soft) + 1e-6)
    dark = soft.amin((1, 2, 3), keepdim=True)  # stays: nothing is below black
    soft = dark + (soft - dark) * lost.clamp(1, MOST_CONTRAST)
    return torch.cat([soft, clips[count:]])


def _contrast(clips: torch.Tensor) -> torch.Tensor:
    return clips.std((1, 2, 3), keepdim=True)
