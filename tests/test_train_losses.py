"""Losses are what their papers say, checked against another implementation."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from fields import smooth_field
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torch.nn import functional

from pssr_live.training.learning.losses import (
    BEHIND,
    C1,
    C2,
    LOSSES,
    Scans,
    ahead,
    charbonnier,
    mix,
    ms_ssim,
    psnr,
    ssim_parts,
)
from pssr_live.training.recipe_file import LossName


def pictures(seed: int = 0, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    truth = (0.4 + 0.15 * smooth_field(side, 2, rng)).astype(np.float32)
    noisy = truth + rng.normal(0, 0.05, truth.shape).astype(np.float32)
    return torch.from_numpy(noisy)[None], torch.from_numpy(truth)[None]


@pytest.mark.parametrize("sigma_px", [0.5, 1.0, 1.5, 2.0])
def test_one_scale_is_the_ssim_of_scikit_image(sigma_px: float) -> None:
    noisy, truth = pictures()
    luminance, contrast = ssim_parts(noisy, truth, sigma_px)
    _, theirs = structural_similarity(
        *(noisy[0].numpy(), truth[0].numpy()),
        gaussian_weights=True,
        sigma=sigma_px,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    inner = slice(8, -8)
    ours = (luminance * contrast)[0, inner, inner].numpy()
    np.testing.assert_allclose(ours, theirs[inner, inner], atol=2e-4)


def test_ms_ssim_of_a_picture_with_itself_is_one() -> None:
    _, truth = pictures()
    assert float(ms_ssim(truth, truth)) == pytest.approx(1, abs=1e-6)


def test_ms_ssim_of_flat_pictures_is_their_luminance() -> None:
    a, b = torch.full((2, 40, 40), 0.3), torch.full((2, 40, 40), 0.6)
    expected = (2 * 0.18 + C1) / (0.09 + 0.36 + C1)
    assert float(ms_ssim(a, b)) == pytest.approx(expected, rel=1e-3)  # float32


def test_ms_ssim_of_a_weaker_picture_is_known() -> None:
    # For b = k a of mean 0, every contrast term is the same function of the variance.
    wave = torch.sin(torch.arange(256) * 2.0)
    a = wave[None, :, None] * wave[None, None, :]
    luminance, contrast = ssim_parts(a, 0.5 * a, 8.0)
    inner = (0, slice(100, 156), slice(100, 156))
    variance = float((a**2).mean())
    expected = (2 * 0.5 * variance + C2) / (1.25 * variance + C2)
    assert float(contrast[inner].mean()) == pytest.approx(expected, rel=1e-3)
    assert float(luminance[inner].mean()) == pytest.approx(1, abs=1e-2)


def scans_of(truth: torch.Tensor) -> Scans:
    """Every fourth pixel, three frames."""
    frames = truth[:, None, ::4, ::4].detach().repeat(1, 3, 1, 1)
    return Scans(frames, torch.ones(len(truth), 3), 1)


def test_a_recipe_may_name_every_loss() -> None:
    assert set(get_args(LossName)) == set(LOSSES)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(sorted(LOSSES)))
def test_a_loss_is_smallest_for_the_truth(seed: int, name: str) -> None:
    noisy, truth = pictures(seed, 32)
    loss, scans = LOSSES[name], scans_of(noisy)
    noisy.requires_grad_()
    value = loss(noisy, truth, scans)
    value.backward()
    assert value.item() > loss(truth, truth, scans).item()
    assert noisy.grad is not None and torch.isfinite(noisy.grad).all()


def test_the_mix_sees_structure_that_an_error_does_not() -> None:
    _, truth = pictures()
    shifted = truth + 0.05  # the same error everywhere, or as noise of its size
    signs = torch.from_numpy(np.random.default_rng(1).choice([-1.0, 1.0], truth.shape))
    noisy = truth + 0.05 * signs.float()
    assert float(charbonnier(shifted, truth)) == pytest.approx(
        float(charbonnier(noisy, truth))
    )
    assert float(mix(noisy, truth)) > 1.5 * float(mix(shifted, truth))


def test_a_picture_behind_interpolation_counts_more() -> None:
    noisy, truth = pictures(3)
    scans = scans_of(truth)  # without noise, so that interpolation does well
    enlarged = functional.interpolate(
        truth[:, None, ::4, ::4], (64, 64), mode="bicubic"
    )
    behind = enlarged[:, 0] + 0.3 * (noisy - truth)
    alone = 1 - BEHIND
    assert float(ahead(truth, truth, scans)) == pytest.approx(
        alone * float(psnr(truth, truth))
    )
    assert (
        float(ahead(behind, truth, scans)) > alone * float(psnr(behind, truth)) + 0.03
    )


def test_interpolation_is_given_its_best_gain_and_offset() -> None:
    noisy, truth = pictures(5)
    scans = scans_of(truth)
    dim = Scans(0.5 * scans.frames + 0.2, scans.valid, 1)
    assert float(ahead(noisy, truth, dim)) == pytest.approx(
        float(ahead(noisy, truth, scans)), abs=1e-3
    )


@pytest.mark.parametrize("valid", [(1, 1, 1), (0, 1, 0)])
def test_interpolation_may_not_look_at_missing_frames(valid: tuple[int, ...]) -> None:
    noisy, truth = pictures(4)
    there = torch.tensor([valid], dtype=torch.float32).expand(len(truth), 3)
    frames = scans_of(truth).frames
    spoiled = torch.where(there[:, :, None, None] == 1, frames, 50.0)
    expected = ahead(noisy, truth, Scans(frames * there[:, :, None, None], there, 1))
    assert float(ahead(noisy, truth, Scans(spoiled, there, 1))) == float(expected)
