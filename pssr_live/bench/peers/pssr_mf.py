"""The network of PSSR-MF (Fang et al., Nature Methods 2021), to be measured against.

Rebuilt from its published description, with random weights: right for cost, and for
pictures once somebody has trained it. `width` is the number of channels of
the first stage, from which all others follow: 64 as published, 16 is "quarter width".
The frames are enlarged first and everything runs at high density:

    5 frames, bilinear x4 --> stem --> ResNet-34 --> one global average --> bottle
               |                |  skips at 1/2 .. 1/32  |                    |
               |                +------------------------+--> five up-steps <-+
               +--> joined before the last residual block --> 1 picture

The encoder ends in a global average, so the first up-step starts from a single pixel.
It looks like a slip, but it is what was published. Sizes must divide by 8.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

SCALE = 4
WIDTH = 64
STAGES = ((1, 3), (2, 4), (4, 6), (8, 3))  # ResNet-34: times the width, blocks


def conv(ni: int, no: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    """Return a weight-normalised convolution that keeps the picture's size."""
    made = nn.Conv2d(ni, no, side, stride, padding=side // 2)
    nn.init.kaiming_normal_(made.weight)
    normed: nn.Conv2d = weight_norm(made)
    return normed


def conv_relu(ni: int, no: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution and its ReLU."""
    return nn.Sequential(conv(ni, no, side, stride), nn.ReLU())


class EncoderBlock(nn.Module):
    """1x1 and 3x3 convolution, and a shortcut that is averaged where they stride."""

    def __init__(self, ni: int, no: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_relu(ni, no, 1), conv(no, no, 3, stride))
        shortcut: list[nn.Module] = [nn.AvgPool2d(2)] if stride == 2 else []
        shortcut += [conv(ni, no, 1)] if ni != no else []
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, ni, Y, X) -> (N, no, Y / stride, X / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Encoder(nn.Module):
    """ResNet-34 without batch normalisation; returns what the up-steps are fed."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        half = width // 2
        self.stem = nn.Sequential(
            conv_relu(in_channels, half, stride=2),
            conv_relu(half, half),
            conv_relu(half, width),
        )
        self.stages = nn.ModuleList()
        before = width
        for times, blocks in STAGES:
            no = times * width
            first = EncoderBlock(before, no, 1 if no == width else 2)
            rest = (EncoderBlock(no, no, 1) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *rest))
            before = no

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(N, C, Y, X) -> global average (N, 8 * width, 1, 1), skips finest first."""
        skips = [self.stem(x)]
        x = functional.max_pool2d(skips[0], 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        return functional.adaptive_avg_pool2d(x, 1), skips


class Enlarge(nn.Module):
    """1x1 convolution and pixel shuffle x2, smoothed by a 2x2 average."""

    def __init__(self, ni: int, no: int) -> None:
        super().__init__()
        self.conv = conv(ni, 4 * no, 1)
        with torch.no_grad():  # ICNR: the four phases begin alike, no checkerboard
            self.conv.weight = self.conv.weight[::4].repeat_interleave(4, dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, ni, Y, X) -> (N, no, 2 Y, 2 X)."""
        x = functional.pixel_shuffle(torch.relu(self.conv(x)), 2)
        return functional.avg_pool2d(functional.pad(x, (1, 0, 1, 0), "replicate"), 2, 1)


class Attention(nn.Module):
    """Self-attention over all pixels: cost grows as the fourth power of the side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (
            spectral_norm(nn.Conv1d(channels, no, 1, bias=False))
            for no in (channels // 8, channels // 8, channels)
        )
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, Y, X) -> the same."""
        flat = x.flatten(2)
        scores = self.query(flat).transpose(1, 2) @ self.key(flat)
        seen = self.value(flat) @ scores.softmax(dim=1)
        mixed: torch.Tensor = self.gamma * seen + flat
        return mixed.view_as(x)


class UpStep(nn.Module):
    """Enlarge what comes from below, join the skip, two convolutions."""

    def __init__(self, below: int, skip: int, no: int, attends: bool) -> None:
        super().__init__()
        joined = below // 2 + skip
        self.enlarge = Enlarge(below, below // 2)
        self.norm = nn.BatchNorm2d(skip)
        self.first, self.second = conv_relu(joined, no), conv_relu(no, no)
        self.attention = Attention(no) if attends else nn.Identity()

    def forward(self, below: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """(N, below, ., .) and (N, skip, Y, X) -> (N, no, Y, X)."""
        up = self.enlarge(below)
        if up.shape[-2:] != skip.shape[-2:]:  # the first step, from a single pixel
            up = functional.interpolate(up, skip.shape[-2:], mode="nearest")
        joined = torch.relu(torch.cat([up, self.norm(skip)], dim=1))
        attended: torch.Tensor = self.attention(self.second(self.first(joined)))
        return attended


class PssrMf(nn.Module):
    """The whole network: frames (N, C, h, w) -> (N, 1, 4 h, 4 w)."""

    def __init__(self, in_channels: int = 5, width: int = WIDTH) -> None:
        super().__init__()
        self.encoder = Encoder(in_channels, width)
        deep = 8 * width
        self.bottle = nn.Sequential(
            nn.BatchNorm2d(deep),
            nn.ReLU(),
            conv_relu(deep, 2 * deep),
            conv_relu(2 * deep, deep),
        )
        self.steps = nn.ModuleList()
        below = deep
        for place, skip in enumerate(times * width for times in (8, 4, 2, 1, 1)):
            last = place == 4
            no = (below // 2 + skip) // (2 if last else 1)
            self.steps.append(UpStep(below, skip, no, attends=place == 2))
            below = no
        self.enlarge = Enlarge(below, below)
        joined = below + in_channels
        self.refine = nn.Sequential(
            conv_relu(joined, joined // 2), conv_relu(joined // 2, joined)
        )
        self.head = conv(joined, 1, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Restore the middle frame of each window."""
        x = functional.interpolate(frames, scale_factor=SCALE, mode="bilinear")
        average, skips = self.encoder(x)
        features = self.bottle(average)
        for step, skip in zip(self.steps, reversed(skips), strict=True):
            features = step(features, skip)
        joined = torch.cat([self.enlarge(features), x], dim=1)
        restored: torch.Tensor = self.head(joined + self.refine(joined))
        return restored

    def folded(self) -> PssrMf:
        """Bake the norms into the weights: nothing to compute again for each frame."""
        for module in list(self.modules()):
            for name in list(getattr(module, "parametrizations", ())):
                parametrize.remove_parametrizations(module, name)
        return self.eval()
