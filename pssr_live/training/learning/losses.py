"""What a network is punished for: losses, each a mean over a batch.

All compare pictures (N, H, W) in brightness, 1 being the bright level, so that a dim
recording counts as much as a bright one. `ahead` also looks at the scans that the
pictures were made from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

BEHIND = 0.7  # of the loss `ahead`: what is behind interpolation
LEAD = 0.06  # half a decibel: how far ahead of interpolation is far enough
FINE_ENOUGH = 2e-6  # error that is no more worth mending: 57 dB
SIGMAS_PX = (0.5, 1.0, 2.0, 4.0, 8.0)
MS_SSIM_SHARE = 0.84
C1, C2 = 0.01**2, 0.03**2  # for a data range of 1


@dataclass(frozen=True, slots=True, eq=False)
class Scans:
    """Windows of coarse scans (N, T, h, w) in brightness, of which `valid` are there.

    `target` is the place of the frame that is restored.
    """

    frames: torch.Tensor
    valid: torch.Tensor
    target: int


Loss = Callable[[torch.Tensor, torch.Tensor, Scans], torch.Tensor]


def charbonnier(restored: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return the mean of sqrt(error^2 + 1e-6): L1, smooth at zero."""
    return torch.sqrt((restored - goal) ** 2 + 1e-6).mean()


def psnr(restored: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return the mean of log(error^2) / 2 over pictures: less PSNR, more loss.

    A picture that could be restored well counts as much as one full of noise, where
    other losses are busy with the noise. What is better than 57 dB is left in peace.
    """
    return _log_errors(restored, goal).mean()


def ahead(restored: torch.Tensor, goal: torch.Tensor, scans: Scans) -> torch.Tensor:
    """Return `psnr`, and with more weight what a picture is behind interpolation.

    Interpolation is the better of the target frame, enlarged, and of the window's
    mean, smoothed a little and enlarged, each with the gain and offset that suit it
    best: so are pictures compared abroad. A picture that does not lead by half a
    decibel counts three times as much as one that does, so that a network spends what
    it has where it would be better not to use it at all.
    """
    ours = _log_errors(restored, goal)
    size = goal.shape[1:]
    with torch.no_grad():
        frame = _enlarged(scans.frames[:, scans.target], size)
        there = scans.valid[:, :, None, None]
        mean = (scans.frames * there).sum(1) / there.sum(1)
        smooth = _enlarged(_blurred(mean[:, None], 0.5)[:, 0], size)
        plain = torch.minimum(_fitted_errors(frame, goal), _fitted_errors(smooth, goal))
    behind = functional.relu(ours - plain + LEAD)
    return ((1 - BEHIND) * ours + BEHIND * behind).mean()


def _log_errors(restored: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    error = ((restored - goal) ** 2).mean((1, 2))
    return 0.5 * torch.log(error + FINE_ENOUGH)


def _fitted_errors(picture: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return the log errors that are left after a fit by least squares."""
    x = picture - picture.mean((1, 2), keepdim=True)
    y = goal - goal.mean((1, 2), keepdim=True)
    products = ((x * y).mean((1, 2), keepdim=True), (x * x).mean((1, 2), keepdim=True))
    return _log_errors(x * products[0] / (products[1] + 1e-12), y)


def _enlarged(image: torch.Tensor, size: torch.Size) -> torch.Tensor:
    enlarged = functional.interpolate(image[:, None], tuple(size), mode="bicubic")
    return enlarged[:, 0]


def mix(restored: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return 0.84 (1 - MS-SSIM) + 0.16 Charbonnier.

    Zhao et al., IEEE Transactions on Computational Imaging 3, 47 (2017). They weigh
    the second term with a Gaussian around each pixel, which leaves its mean over a
    picture as it is.
    """
    structure = 1 - ms_ssim(restored, goal)
    plain = charbonnier(restored, goal)
    return MS_SSIM_SHARE * structure + (1 - MS_SSIM_SHARE) * plain


def ms_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the mean multi-scale structural similarity of (N, H, W), range 1.

    As Zhao et al. (2017) do it: Gaussian windows of growing width on the full
    picture instead of ever smaller pictures; contrast and structure at all of them,
    luminance at the widest.
    """
    product = torch.ones(())
    for sigma_px in SIGMAS_PX:
        luminance, contrast = ssim_parts(a, b, sigma_px)
        product = product * contrast
    return (luminance * product).mean()


def ssim_parts(
    a: torch.Tensor, b: torch.Tensor, sigma_px: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return luminance and contrast-structure of each pixel, (N, H, W) each.

    Their product is the SSIM of Wang et al. (2004), population covariance.
    """
    stack = torch.stack([a, b, a * a, b * b, a * b], 1).float()
    mean_a, mean_b, aa, bb, ab = _blurred(stack, sigma_px).unbind(1)
    var_a, var_b, both = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    contrast = (2 * both + C2) / (var_a + var_b + C2)
    return luminance, contrast


def _blurred(stack: torch.Tensor, sigma_px: float) -> torch.Tensor:
    n, channels, height, width = stack.shape
    # 3.5 sigmas, as is customary; no more than a reflected border can give.
    reach = min(int(3.5 * sigma_px + 0.5), height - 1, width - 1)
    at = torch.arange(-reach, reach + 1, device=stack.device)
    weight = torch.exp(-0.5 * (at / sigma_px) ** 2)
    weight = (weight / weight.sum()).to(stack.dtype)
    flat = stack.reshape(n * channels, 1, height, width)
    flat = functional.pad(flat, (reach,) * 4, mode="reflect")
    flat = functional.conv2d(flat, weight[None, None, :, None])
    flat = functional.conv2d(flat, weight[None, None, None, :])
    return flat.reshape(n, channels, height, width)


def _alone(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Loss:
    """Return a loss that does not look at the scans."""
    return lambda restored, goal, scans: loss(restored, goal)


LOSSES: dict[str, Loss] = {
    "charbonnier": _alone(charbonnier),
    "l1": _alone(functional.l1_loss),
    "mse": _alone(functional.mse_loss),
    "mix": _alone(mix),
    "psnr": _alone(psnr),
    "ahead": ahead,
}
