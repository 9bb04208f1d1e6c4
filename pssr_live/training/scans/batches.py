"""What one training step learns from: windows cut from clips, scanned coarsely.

Everything random follows from one generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pssr_live.network import Architecture
from pssr_live.training.scans.crappify import crappify, recorded
from pssr_live.training.scans.ranges import Ranges, draw


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """N windows: what a network is given, and what it should make of it.

    Attributes
    ----------
    frames : Tensor, (N, T, h, w)
        Coarse scans, in recorded units.
    valid : Tensor, (N, T)
        Which frames are there, 0 or 1.
    goal : Tensor, (N, H, W)
        The target frame at high density, without noise, in recorded units.
    gain : Tensor, (N, 1, 1)
        Recorded units of brightness 1.
    """

    frames: torch.Tensor
    valid: torch.Tensor
    goal: torch.Tensor
    gain: torch.Tensor


def scan(
    clips: torch.Tensor,
    architecture: Architecture,
    ranges: Ranges,
    short_share: float,
    generator: torch.Generator,
) -> Batch:
    """Scan windows (N, T, H, W) as `ranges` say; some of them lack frames."""
    a, count = architecture, len(clips)
    how = draw(ranges, count, generator)
    frames = crappify(clips, a.scale, how, generator)
    goal = recorded(clips[:, a.target : a.target + 1], how)[:, 0]
    valid = draw_valid(count, a, short_share, generator)
    return Batch(frames, valid, goal, how.gain[:, 0])


def cut(
    pool: torch.Tensor,
    count: int,
    frames: int,
    side: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Cut `count` random windows, turned and mirrored: (count, frames, side, side).

    In few steps for all windows at once: on a GPU every step costs the same, whether
    for one window or for a hundred. The generator is on the device of the pool.
    """
    device = pool.device

    def pick(high: int) -> torch.Tensor:
        return torch.randint(high, (count, 1), generator=generator, device=device)

    def along(extent: int, length: int) -> torch.Tensor:
        """Draw which pixels of an axis each window takes: (N, length)."""
        first, back = pick(extent - length + 1), pick(2) == 1
        at = torch.arange(length, device=device)
        return first + torch.where(back, length - 1 - at, at)

    clip = pick(pool.shape[0])[:, :, None, None]
    t, y, x = (
        along(extent, length)
        for extent, length in zip(pool.shape[1:], (frames, side, side), strict=True)
    )
    windows = pool[clip, t[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
    turned = pick(2)[:, :, None, None] == 1
    return torch.where(turned, windows.mT, windows).float()


def draw_valid(
    count: int, a: Architecture, short_share: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw which frames each window has: (count, n_frames) of 0 and 1.

    A short window is one that begins or ends too early, or that has holes; the
    target frame itself is always there.
    """
    device = generator.device

    def dice(columns: int = 1) -> torch.Tensor:
        return torch.rand((count, columns), generator=generator, device=device)

    at = torch.arange(a.n_frames, device=device)
    past = (dice() * (a.target + 1)).floor()
    future = (dice() * (a.lookahead + 1)).floor()
    inside = (at >= a.target - past) & (at <= a.target + future)
    holes = dice(a.n_frames) >= 0.4
    there = torch.where(dice() < 0.7, inside, holes)
    there |= (dice() >= short_share) | (at == a.target)
    return there.float()
