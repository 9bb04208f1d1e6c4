"""The networks that are measured side by side, and how each of them is trained.

All are given frames (N, T, h, w) and return pictures (N, 4 h, 4 w). The two U-Nets come
at quarter width on a CPU: at full width, minutes of a CPU are too few for them to learn
anything. On a GPU they come as published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from pssr_live.bench.peers.cost import cost as cost_of
from pssr_live.bench.peers.pssr_mf import PssrMf
from pssr_live.bench.peers.resunet import ResUNet
from pssr_live.network import Architecture, FastNet

FULL, QUARTER = 64, 16
FEW = 4  # windows in a step of a network that takes few steps in minutes of a CPU
SIDE = 128  # low-density pixels of what is timed and counted: 512 x 512 come out
BEST = Architecture(width=64, blocks=16)


@dataclass(frozen=True, slots=True)
class Contender:
    """A network and its own settings.

    Attributes
    ----------
    name, title : str
        For files and options, and for the tables.
    build : callable
        Makes it, with random weights.
    n_frames, lookahead : int
        Its window: how many frames, how many of them after the restored one.
    learning_rate : float
        The highest; all warm up to it and come down along a cosine.
    squared : bool
        Whether it minimises the squared error, and not Charbonnier's.
    batch, crop : int
        Windows in a step, and their side in low-density pixels.
    run : int
        Which repetition it is; each has a seed of its own.
    """

    name: str
    title: str
    build: Callable[[], nn.Module]
    n_frames: int = 5
    lookahead: int = 2
    learning_rate: float = 1e-3
    squared: bool = False
    batch: int = 8
    crop: int = 32
    run: int = 0

    @property
    def architecture(self) -> Architecture:
        """Its window, in the words of the training data."""
        return Architecture(n_frames=self.n_frames, lookahead=self.lookahead)


class Fast(nn.Module):
    """Our network on windows that lack no frame."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.net = FastNet(architecture)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, T, h, w) -> (N, 4 h, 4 w)."""
        restored: torch.Tensor = self.net(frames, frames.new_ones(frames.shape[:2]))
        return restored


class Plain(nn.Module):
    """A network that knows nothing of windows, and keeps an axis of channels."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, T, h, w) -> (N, 4 h, 4 w)."""
        restored: torch.Tensor = self.net(frames)[:, 0]
        return restored


def contenders(device: str, full_width: bool, seeds: int) -> list[Contender]:
    """Return all that are measured on `device`, `fast` with `seeds` seeds."""
    a = Architecture()
    causal = replace(a, lookahead=0)
    single = replace(a, n_frames=1, lookahead=0)
    listed = [
        Contender("fast", "fast", lambda: Fast(a)),
        Contender("causal", "fast, causal", lambda: Fast(causal), lookahead=0),
        Contender("one-frame", "fast, one frame", lambda: Fast(single), 1, 0),
        *_originals(FULL if full_width else QUARTER),
        Contender("best", "best", lambda: Fast(BEST), learning_rate=5e-4, batch=FEW),
    ]
    listed += [
        replace(listed[0], name=f"fast-{n}", title=f"fast, seed {n}", run=n - 1)
        for n in range(2, seeds + 1)
    ]
    if device == "cpu":
        return listed
    # The same number of pixels in a step for all, in the shape that suits each.
    return [c if c.crop > 32 else replace(c, batch=32, crop=64) for c in listed]


def _originals(width: int) -> list[Contender]:
    share = "" if width == FULL else f", {width}/{FULL} width"
    unet = Contender("unet", f"PSSR U-Net{share}", lambda: Plain(PssrMf(width=width)))
    resunet = Contender(
        "resunet", f"PSSR2 ResUNet{share}", lambda: Plain(ResUNet(width=width))
    )
    if width != FULL:
        return [replace(each, batch=FEW) for each in (unet, resunet)]
    published = replace(
        unet,
        name="unet-published",
        title="PSSR U-Net, published settings",
        learning_rate=4e-4,
        squared=True,
        batch=8,
        crop=128,
    )
    return [replace(unet, learning_rate=4e-4), published, resunet]


def cost(contender: Contender) -> tuple[int, float]:
    """Return the parameters, and the GFLOP (two a multiply-add) for 512 x 512 out."""
    counted = cost_of(contender.build, contender.n_frames, SIDE)
    return counted.parameters, counted.gflop
