"""How scans go wrong: ranges of every fault, and what is drawn from them for a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges (low, high) that degradations are drawn from; lengths in HR pixels."""

    blur_px: tuple[float, float] = (0.0, 1.6)
    sharp_share: float = 0.5  # clips that are not blurred beyond their own PSF
    dwell_fraction: tuple[float, float] = (0.0, 1.0)
    point_share: float = 0.25  # the beam stops at pixel centres
    area_share: float = 0.25  # averaged over lines too: a box, or binning
    jitter_px: tuple[float, float] = (0.0, 1.0)
    bidirectional_px: tuple[float, float] = (-1.0, 1.0)
    bidirectional_share: float = 0.15
    photons: tuple[float, float] = (5.0, 1500.0)  # at brightness 1, log-uniform
    noise_free_share: float = 0.2
    read_noise: tuple[float, float] = (0.001, 0.12)  # of brightness 1, log-uniform
    shared_noise_px: tuple[float, float] = (0.3, 1.2)  # Gaussian, in low-density pixels
    shared_noise_share: float = 0.06  # a detector slower than its pixels
    filtered_px: tuple[float, float] = (0.3, 1.0)  # the same, also from line to line
    filtered_share: float = 0.0  # a camera that smooths, a movie that was filtered
    line_noise: tuple[float, float] = (0.005, 0.12)  # offsets, log-uniform
    line_noise_share: float = 0.06  # a drifting amplifier; in half of them, a hum
    grey_levels: tuple[float, float] = (6.0, 64.0)  # from black to bright, log-uniform
    grey_levels_share: float = 0.04  # a dim picture in 8 bits
    flicker: tuple[float, float] = (0.0, 0.05)  # of the brightness, frame to frame
    flicker_share: float = 0.2
    clipped_share: float = 0.25  # nothing is recorded below black or above white
    gain: tuple[float, float] = (0.2, 2.0)  # log-uniform
    offset: tuple[float, float] = (-0.05, 0.10)
    spoiled_pixels: tuple[float, float] = (0.0, 0.01)
    spoiled_share: float = 0.25


def one_scanner(**fixed: tuple[float, float] | float) -> Ranges:
    """Return ranges without the faults that only a share of clips have.

    Parameters
    ----------
    **fixed
        Fields of `Ranges` that differ.
    """
    shares = {f.name: 0.0 for f in fields(Ranges) if f.name.endswith("_share")}
    values: dict[str, Any] = {**shares, "sharp_share": 1.0, **fixed}
    return replace(Ranges(), **values)


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw from `Ranges` for N clips; each tensor (N, 1, 1, 1)."""

    blur_px: torch.Tensor
    dwell_fraction: torch.Tensor
    line_fraction: torch.Tensor
    bidirectional_px: torch.Tensor
    shared_noise_px: torch.Tensor
    filtered_px: torch.Tensor
    flicker: torch.Tensor
    white: torch.Tensor
    jitter_px: torch.Tensor
    photons: torch.Tensor
    read_noise: torch.Tensor
    gain: torch.Tensor
    offset: torch.Tensor
    spoiled: torch.Tensor
    line_noise: torch.Tensor
    hum: torch.Tensor
    grey_step: torch.Tensor


def draw(ranges: Ranges, clips: int, generator: torch.Generator) -> Draw:
    """Draw the degradation of `clips` clips, on the device of the generator."""
    shape = (clips, 1, 1, 1)

    def uniform(low_high: tuple[float, float]) -> torch.Tensor:
        part = _uniform(shape, generator)
        return low_high[0] + (low_high[1] - low_high[0]) * part

    def low_mostly(low_high: tuple[float, float]) -> torch.Tensor:
        return low_high[0] + (uniform(low_high) - low_high[0]) * uniform((0, 1))

    def log_uniform(low_high: tuple[float, float]) -> torch.Tensor:
        low, high = (math.log(max(end, 1e-9)) for end in low_high)
        return uniform((low, high)).exp()

    def where(share: float, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
        return torch.where(_uniform(shape, generator) < share, yes, no)

    none = torch.zeros(shape, device=generator.device)
    noise_free = torch.full_like(none, 1e6)
    read_noise = log_uniform(ranges.read_noise)
    dwell = where(ranges.point_share, none, uniform(ranges.dwell_fraction))
    photons = log_uniform(ranges.photons)
    photons = where(ranges.noise_free_share, noise_free, photons)
    return Draw(
        blur_px=where(ranges.sharp_share, none, uniform(ranges.blur_px)),
        dwell_fraction=dwell,
        line_fraction=where(ranges.area_share, dwell, none),
        bidirectional_px=where(
            ranges.bidirectional_share, uniform(ranges.bidirectional_px), none
        ),
        shared_noise_px=where(
            ranges.shared_noise_share, uniform(ranges.shared_noise_px), none
        ),
        flicker=where(ranges.flicker_share, uniform(ranges.flicker), none),
        white=where(
            ranges.clipped_share, uniform((0.7, 1.5)), torch.full_like(none, torch.inf)
        ),
        jitter_px=low_mostly(ranges.jitter_px),
        photons=photons,
        read_noise=torch.where(photons > 1e5, none, read_noise),
        gain=log_uniform(ranges.gain),
        offset=uniform(ranges.offset),
        spoiled=where(ranges.spoiled_share, uniform(ranges.spoiled_pixels), none),
        line_noise=where(ranges.line_noise_share, log_uniform(ranges.line_noise), none),
        # Radians from line to line; none: lines that know nothing of each other.
        hum=where(0.5, uniform((0.1, math.pi)), none),
        grey_step=where(
            ranges.grey_levels_share, 1 / log_uniform(ranges.grey_levels), none
        ),
        # Drawn only where it happens: else a seed gives the scans that it always gave.
        filtered_px=where(ranges.filtered_share, uniform(ranges.filtered_px), none)
        if ranges.filtered_share
        else none,
    )


def _uniform(shape: torch.Size | tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=g, device=g.device)
