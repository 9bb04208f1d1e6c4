"""The `fast` network: all work at low resolution, one pixel shuffle at the very end.

Frames of a window enter as channels of the first convolution (early fusion, as in
PSSR-MF, Fang et al., Nature Methods 2021), but nothing is enlarged before the last
layer, so a pixel of output costs a sixtieth of the original network. There is no
normalisation, attention or pooling: the receptive field is finite and known, which
makes tiles exact, and nothing depends on the size of the picture.

A window may lack frames (the start of a stream, a lost frame). Which ones are there
enters as `valid`: missing frames are blanked and the first layer's bias follows the
pattern, so the network knows that it sees fewer frames instead of taking copies of
one noisy frame for structure.

Shapes: frames (N, T, h, w) and valid (N, T) -> (N, scale * h, scale * w).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers that define a network; written into its card."""

    n_frames: int = 5
    lookahead: int = 2
    scale: int = 4
    width: int = 32
    blocks: int = 4

    @property
    def target(self) -> int:
        """Place of the restored frame in the window, oldest frame first."""
        return self.n_frames - 1 - self.lookahead

    @property
    def receptive_radius(self) -> int:
        """How many low-resolution pixels to each side an output depends on."""
        convolutions = 2 + 2 * self.blocks
        return convolutions  # each 3x3 convolution reaches one pixel further

    @property
    def gflop_per_lr_pixel(self) -> float:
        """Cost of one low-resolution pixel in GFLOP, two per multiply-add."""
        width, out = self.width, self.scale**2
        weights = self.n_frames * width + 2 * self.blocks * width**2 + width * out
        return 2e-9 * 9 * (weights + out)


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight.mul_(0.3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) -> the same."""
        mended: torch.Tensor = self.second(torch.relu(self.first(features)))
        return features + mended


class FastNet(nn.Module):
    """Early fusion, residual blocks at low resolution, PixelShuffle last."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.head = nn.Conv2d(a.n_frames, a.width, 3, padding=1)
        self.pattern = nn.Linear(a.n_frames, a.width)
        self.blocks = nn.Sequential(*(Residual(a.width) for _ in range(a.blocks)))
        self.tail = nn.Conv2d(a.width, a.scale**2, 3, padding=1)
        self.skip = nn.Conv2d(1, a.scale**2, 3, bias=False)
        self.shuffle = nn.PixelShuffle(a.scale)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)
            self.tail.bias.zero_()  # type: ignore[union-attr]
            self.skip.weight.copy_(bilinear_phases(a.scale))

    def forward(self, frames: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Restore the target frame of each window."""
        target = self.architecture.target
        known = frames * valid[:, :, None, None]
        pattern = self.pattern(1 - valid)[:, :, None, None]
        features = self.blocks(torch.relu(self.head(known) + pattern))
        reference = known[:, target : target + 1]
        # Replicated borders: interpolation must not darken the picture's edge.
        reference = functional.pad(reference, (1, 1, 1, 1), mode="replicate")
        phases = self.tail(features) + self._interpolated(reference)
        restored: torch.Tensor = self.shuffle(phases)[:, 0]
        return restored

    def _interpolated(self, reference: torch.Tensor) -> torch.Tensor:
        # Where training computes in bfloat16, this path does not: eight bits of the
        # picture itself are an error of their own, about 55 dB below it.
        kind = reference.device.type
        # "meta", which counts the arithmetic, knows no autocast.
        there = torch.amp.is_autocast_available(kind)
        if not (there and torch.is_autocast_enabled(kind)):
            phases: torch.Tensor = self.skip(reference)
            return phases
        with torch.autocast(kind, enabled=False):
            return self._interpolated(reference.float())


def bilinear_phases(scale: int) -> torch.Tensor:
    """Bilinear enlargement as a 3x3 convolution onto scale**2 phases.

    Returns
    -------
    Tensor, (scale**2, 1, 3, 3)
        On exact pixel centres: PixelShuffle of the result equals bilinear
        interpolation with `align_corners=False`.
    """
    taps = torch.zeros(scale, 3)
    for phase in range(scale):
        offset = (phase + 0.5) / scale - 0.5
        for tap in (-1, 0, 1):
            taps[phase, tap + 1] = max(0.0, 1 - abs(offset - tap))
    kernel = taps[:, None, :, None] * taps[None, :, None, :]
    return kernel.reshape(scale**2, 1, 3, 3)
