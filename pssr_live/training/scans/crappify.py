"""The crappifier: high-density movies in, what a coarse scan would have shown out.

Steps, in the order in which a microscope commits them: blur, line-wise sampling on
exact pixel centres (point sampling along the slow axis, integration over a part of
the pixel along the fast axis), line jitter, shot noise, read noise, gain, offset,
saturated and dead pixels. Every quantity is drawn per clip from `Ranges`, so that a
network learns to cope with microscopes rather than with one of them.

All in torch, on the device that trains. Shapes: (N, T, H, W) -> (N, T, h, w).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch.nn import functional


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
    noise_free_share: float = 0.15
    read_noise: tuple[float, float] = (0.001, 0.12)  # of brightness 1, log-uniform
    shared_noise_px: tuple[float, float] = (0.3, 1.2)  # Gaussian, in low-density pixels
    shared_noise_share: float = 0.0  # a detector slower than its pixels, a filter
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
    shared_noise_x_px: torch.Tensor
    shared_noise_y_px: torch.Tensor
    flicker: torch.Tensor
    white: torch.Tensor
    jitter_px: torch.Tensor
    photons: torch.Tensor
    read_noise: torch.Tensor
    gain: torch.Tensor
    offset: torch.Tensor
    spoiled: torch.Tensor


def draw(ranges: Ranges, clips: int, generator: torch.Generator) -> Draw:
    """Draw the degradation of `clips` clips, on the device of the generator."""
    shape = (clips, 1, 1, 1)

    def uniform(low_high: tuple[float, float]) -> torch.Tensor:
        part = _uniform(shape, generator)
        return low_high[0] + (low_high[1] - low_high[0]) * part

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
    # A slow amplifier blurs noise along the line; a camera's or a file's history, both.
    shared = where(ranges.shared_noise_share, uniform(ranges.shared_noise_px), none)
    return Draw(
        blur_px=where(ranges.sharp_share, none, uniform(ranges.blur_px)),
        dwell_fraction=dwell,
        line_fraction=where(ranges.area_share, dwell, none),
        bidirectional_px=where(
            ranges.bidirectional_share, uniform(ranges.bidirectional_px), none
        ),
        shared_noise_x_px=shared,
        shared_noise_y_px=where(0.5, shared, none),
        flicker=where(ranges.flicker_share, uniform(ranges.flicker), none),
        white=where(
            ranges.clipped_share, uniform((0.7, 1.5)), torch.full_like(none, torch.inf)
        ),
        jitter_px=uniform(ranges.jitter_px) * uniform((0, 1)),
        photons=photons,
        read_noise=torch.where(photons > 1e5, none, read_noise),
        gain=log_uniform(ranges.gain),
        offset=uniform(ranges.offset),
        spoiled=where(ranges.spoiled_share, uniform(ranges.spoiled_pixels), none),
    )


def crappify(
    clips: torch.Tensor, scale: int, how: Draw, generator: torch.Generator
) -> torch.Tensor:
    """Scan `clips` coarsely.

    Parameters
    ----------
    clips : Tensor, (N, T, H, W)
        Noise-free high-density movies, brightness about 0..1.
    scale : int
        Undersampling along each axis; H and W must be multiples of it.
    how : Draw
        The degradation of each clip.
    generator : torch.Generator
        Source of all noise, on the device of the clips.

    Returns
    -------
    Tensor, (N, T, H / scale, W / scale)
        In recorded units: `gain * brightness + offset`, as `recorded` gives for
        the target.
    """
    scanned = _jittered(_sample_rows(clips, scale, how), how, generator)
    scanned = _sample_columns(scanned, scale, how).clamp_min(0)
    shape = (*scanned.shape[:2], 1, 1)
    scanned = scanned * (1 + how.flicker * _normal(shape, generator)).clamp_min(0)
    # Above ~1000 photons the normal distribution stands in for Poisson's.
    mean = scanned * how.photons
    shot = torch.poisson(mean.clamp_max(1000), generator=generator)
    large = mean + mean.sqrt() * _normal(mean.shape, generator)
    noisy = torch.where(mean > 1000, large, shot) / how.photons
    noisy = torch.where(how.photons > 1e5, scanned, noisy)
    noisy = noisy + how.read_noise * _normal(noisy.shape, generator)
    noisy = scanned + _shared(noisy - scanned, how)
    noisy = _spoil(noisy, how, generator)
    dark = torch.where(how.white.isinf(), -torch.inf, 0.0)
    noisy = noisy.clamp(dark, how.white)
    return recorded(noisy, how)


def recorded(brightness: torch.Tensor, how: Draw) -> torch.Tensor:
    """Brightness in the units of the recording: what the target is given in."""
    return brightness * how.gain + how.offset


def _kernel(sigma: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Weights of pixels `at` from the beam: a Gaussian, or cubic interpolation."""
    gaussian = torch.exp(-0.5 * (at / sigma.clamp_min(0.45)) ** 2)
    away = at.abs()
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    cubic = torch.where(away < 1, near, torch.where(away < 2, far, 0.0))
    weight = torch.where(sigma < 0.3, cubic, gaussian)
    return weight / weight.sum(-1, keepdim=True)


def convolve(
    clips: torch.Tensor, kernels: torch.Tensor, scale: int, axis: int
) -> torch.Tensor:
    """Convolve along one axis with one kernel a clip, keeping each scale-th pixel."""
    n, t, height, width = clips.shape
    taps = kernels.shape[-1]
    pad = (taps - scale) // 2
    shape = (n * t, 1, taps, 1) if axis == 2 else (n * t, 1, 1, taps)
    weight = kernels[:, None].expand(n, t, taps).reshape(shape)
    flat = clips.reshape(1, n * t, height, width)
    sides = (0, 0, pad, pad) if axis == 2 else (pad, pad, 0, 0)
    flat = functional.pad(flat, sides, mode="replicate")
    stride = (scale, 1) if axis == 2 else (1, scale)
    out = functional.conv2d(flat, weight, stride=stride, groups=n * t)
    return out.reshape(n, t, *out.shape[-2:])


def _taps(scale: int, device: torch.device) -> torch.Tensor:
    # Positions relative to the centre of a low-density pixel, 4 HR pixels around.
    count = scale + 8
    return torch.arange(count, device=device) - (count - 1) / 2


def _sample_rows(clips: torch.Tensor, scale: int, how: Draw) -> torch.Tensor:
    return convolve(clips, _swept(how.blur_px, how.line_fraction, scale), scale, axis=2)


def _sample_columns(clips: torch.Tensor, scale: int, how: Draw) -> torch.Tensor:
    return convolve(
        clips, _swept(how.blur_px, how.dwell_fraction, scale), scale, axis=3
    )


def _swept(sigma: torch.Tensor, share: torch.Tensor, scale: int) -> torch.Tensor:
    """Return the weights (N, taps) of a beam that sweeps over a share of a pixel."""
    steps = torch.arange(scale, device=share.device) - (scale - 1) / 2
    path = share[:, :, 0] * steps  # (N, 1, scale): where the beam was
    at = _taps(scale, share.device) - path[:, :, :, None]
    return _kernel(sigma, at)[:, 0].mean(1)


def _jittered(
    rows: torch.Tensor, how: Draw, generator: torch.Generator
) -> torch.Tensor:
    n, t, height, width = rows.shape
    shift = how.jitter_px * _normal((n, t, height, 1), generator)
    line, column = (torch.arange(n, device=rows.device) for n in (height, width))
    shift = shift + how.bidirectional_px * (line[:, None] % 2)
    at = (column + shift).clamp(0, width - 1)
    low = at.floor().long().clamp_max(width - 2)
    part = at - low
    return rows.gather(3, low) * (1 - part) + rows.gather(3, low + 1) * part


def _shared(noise: torch.Tensor, how: Draw) -> torch.Tensor:
    """Blur noise along both axes, each pixel keeping its variance."""
    at = torch.arange(-3, 4, device=noise.device)
    for axis, sigma in ((3, how.shared_noise_x_px), (2, how.shared_noise_y_px)):
        weight = torch.exp(-0.5 * (at / sigma[:, :, 0].clamp_min(0.05)) ** 2)[:, 0]
        weight = weight / weight.square().sum(-1, keepdim=True).sqrt()
        noise = convolve(noise, weight, 1, axis)
    return noise


def _spoil(noisy: torch.Tensor, how: Draw, generator: torch.Generator) -> torch.Tensor:
    dice = _uniform(noisy.shape, generator)
    noisy = torch.where(dice < how.spoiled / 2, 0.0, noisy)
    return torch.where(dice > 1 - how.spoiled / 2, 1.0, noisy)


def _normal(shape: torch.Size | tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=g, device=g.device)


def _uniform(shape: torch.Size | tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=g, device=g.device)
