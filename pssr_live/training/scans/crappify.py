"""The crappifier: high-density movies in, what a coarse scan would have shown out.

Steps, in the order in which a microscope commits them: blur, line-wise sampling on
exact pixel centres (point sampling along the slow axis, integration over a part of
the pixel along the fast axis), line jitter, flicker, shot noise, read noise, noise of
lines, saturated and dead pixels, clipping, grey levels, gain, offset. Every quantity
is drawn per clip from `Ranges`, so that a network learns to cope with microscopes
rather than with one of them.

All in torch, on the device that trains. Shapes: (N, T, H, W) -> (N, T, h, w).
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from pssr_live.training.scans.ranges import Draw


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
    noisy = scanned + _shared(_caught(scanned, how, generator) - scanned, how)
    noisy = noisy + how.line_noise * _line_offsets(noisy.shape, how, generator)
    noisy = _spoil(noisy, how, generator)
    dark = torch.where(how.white.isinf(), -torch.inf, 0.0)
    noisy = _rounded(noisy.clamp(dark, how.white), how.grey_step)
    return recorded(noisy, how)


def recorded(brightness: torch.Tensor, how: Draw) -> torch.Tensor:
    """Brightness in the units of the recording: what the target is given in."""
    return brightness * how.gain + how.offset


def _caught(
    scanned: torch.Tensor, how: Draw, generator: torch.Generator
) -> torch.Tensor:
    """Count photons and read them out; 1e6 of them stand for no noise at all."""
    # Above ~1000 photons the normal distribution stands in for Poisson's.
    mean = scanned * how.photons
    shot = torch.poisson(mean.clamp_max(1000), generator=generator)
    large = mean + mean.sqrt() * _normal(mean.shape, generator)
    noisy = torch.where(mean > 1000, large, shot) / how.photons
    noisy = torch.where(how.photons > 1e5, scanned, noisy)
    return noisy + how.read_noise * _normal(noisy.shape, generator)


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
    """Blur noise along the lines, or both ways, each pixel keeping its variance."""
    at = torch.arange(-3, 4, device=noise.device)
    along = torch.where(how.filtered_px > 0, how.filtered_px, how.shared_noise_px)
    for axis, width_px in ((3, along), (2, how.filtered_px)):
        weight = torch.exp(-0.5 * (at / width_px[:, 0, 0].clamp_min(0.05)) ** 2)
        weight = weight / weight.square().sum(-1, keepdim=True).sqrt()
        noise = convolve(noise, weight, 1, axis=axis)
    return noise


def _line_offsets(
    shape: torch.Size, how: Draw, generator: torch.Generator
) -> torch.Tensor:
    """Draw each line's offset, (N, T, h, 1) of variance 1: a hum, or by chance."""
    n, t, height, _ = shape
    by_chance = _normal((n, t, height, 1), generator)
    phase = 2 * math.pi * _uniform((n, t, 1, 1), generator)
    line = torch.arange(height, device=generator.device)[:, None]
    hum = math.sqrt(2) * torch.sin(how.hum * line + phase)
    return torch.where(how.hum > 0, hum, by_chance)


def _rounded(noisy: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    return torch.where(step > 0, (noisy / step.clamp_min(1e-9)).round() * step, noisy)


def _spoil(noisy: torch.Tensor, how: Draw, generator: torch.Generator) -> torch.Tensor:
    dice = _uniform(noisy.shape, generator)
    noisy = torch.where(dice < how.spoiled / 2, 0.0, noisy)
    return torch.where(dice > 1 - how.spoiled / 2, 1.0, noisy)


def _normal(shape: torch.Size | tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=g, device=g.device)


def _uniform(shape: torch.Size | tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=g, device=g.device)
