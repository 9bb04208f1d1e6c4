"""What one training step learns from: windows cut from clips, scanned coarsely.

Everything random follows from one generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pssr_live.network import Architecture
from pssr_live.training.scans.crappify import Ranges, crappify, draw, recorded


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
    """Cut `count` random windows, turned and mirrored: (count, frames, side, side)."""

    def pick(high: int) -> int:
        return int(torch.randint(high, (), generator=generator))

    windows = []
    for _ in range(count):
        clip = pool[pick(pool.shape[0])]
        first = pick(clip.shape[0] - frames + 1)
        top, left = (pick(extent - side + 1) for extent in clip.shape[1:])
        window = clip[first : first + frames, top : top + side, left : left + side]
        if pick(2):
            window = window.flip(0)
        if pick(2):
            window = window.flip(2)
        if pick(2):
            window = window.flip(1)
        if pick(2):
            window = window.transpose(1, 2)
        windows.append(window.float())
    return torch.stack(windows)


def draw_valid(
    count: int, a: Architecture, short_share: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw which frames each window has: (count, n_frames) of 0 and 1.

    A short window is one that begins or ends too early, or that has holes; the
    target frame itself is always there.
    """
    valid = torch.ones(count, a.n_frames)
    for window in valid:
        if float(torch.rand((), generator=generator)) >= short_share:
            continue
        if float(torch.rand((), generator=generator)) < 0.7:
            past = int(torch.randint(a.target + 1, (), generator=generator))
            future = int(torch.randint(a.lookahead + 1, (), generator=generator))
            window[: a.target - past] = 0
            window[a.target + future + 1 :] = 0
        else:
            window[torch.rand(a.n_frames, generator=generator) < 0.4] = 0
        window[a.target] = 1
    return valid
