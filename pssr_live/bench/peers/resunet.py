"""The network of PSSR2, ResUNet, to be measured against.

Rebuilt from its published description. Unlike PSSR's network it works on the scan as it
is and enlarges last, so it costs a quarter as much although it has more parameters:

    frames --> norm --> 5 residual blocks, halved four times by max pooling
                 |         |  skips                            |
                 |         +--> 4 residual blocks, doubled by pixel shuffle
                 +--> joined --> convolution, shuffle x4, convolution --> 1 picture

`width` is the number of channels of the first block, doubled at each further one: 64
as published, 16 is "quarter width". Sizes must divide by 16.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

SCALE = 4
WIDTH = 64
LEVELS = 5
CONVOLUTIONS = 4  # in each residual block
FULL_SCALE = 255.0  # the published network was fed, and gave, 8-bit values


class Residual(nn.Module):
    """Four normalised 3x3 convolutions, added to one of 1x1, then a ReLU."""

    def __init__(self, ni: int, no: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for place in range(CONVOLUTIONS):
            layers.append(nn.Conv2d(no if place else ni, no, 3, padding=1))
            layers += [nn.BatchNorm2d(no), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])
        self.around = nn.Conv2d(ni, no, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, ni, Y, X) -> (N, no, Y, X)."""
        return torch.relu(self.body(x) + self.around(x))


class ResUNet(nn.Module):
    """The whole network: frames (N, C, h, w) of 0..1 -> (N, 1, 4 h, 4 w)."""

    def __init__(self, in_channels: int = 5, width: int = WIDTH) -> None:
        super().__init__()
        channels = [in_channels, *(width * 2**level for level in range(LEVELS))]
        self.norm = nn.BatchNorm2d(in_channels)
        self.down = nn.ModuleList(Residual(ni, no) for ni, no in pairwise(channels))
        up = channels[:0:-1]  # deepest first, without the input
        self.up = nn.ModuleList(
            Residual(below // 4 + skip, skip) for below, skip in pairwise(up)
        )
        self.before = nn.Conv2d(width + in_channels, width * SCALE**2, 3, padding=1)
        self.after = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Restore the middle frame of each window."""
        given = self.norm(frames * FULL_SCALE / 128 - 1)
        x, skips = given, []
        for place, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if place else x)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = block(torch.cat([functional.pixel_shuffle(x, 2), skip], dim=1))
        features = torch.relu(self.before(torch.cat([x, given], dim=1)))
        restored = self.after(functional.pixel_shuffle(features, SCALE))
        pictures: torch.Tensor = (restored * 128 + 128) / FULL_SCALE
        return pictures
