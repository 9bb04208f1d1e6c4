"""PSNR and SSIM, plain and as PSSR normalises them, against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from fields import Field, noisy, smooth_field
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pssr_live.errors import SettingsError
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.evaluation.normalised import (
    normalised_psnr,
    normalised_ssim,
    to_one_scale,
)


@pytest.fixture
def pair() -> tuple[Field, Field]:
    rng = np.random.default_rng(3)
    truth = np.rint(2000 + 400 * smooth_field(120, 2, rng))[:, :90]
    return np.rint(0.6 * noisy(truth, 150, rng) + 77), truth


def test_plain_figures_are_those_of_scikit_image(pair: tuple[Field, Field]) -> None:
    image, truth = pair
    reach = float(np.ptp(truth))
    wanted = peak_signal_noise_ratio(truth, image, data_range=reach)
    assert psnr(image, truth, reach) == pytest.approx(wanted, abs=1e-9)
    wanted = structural_similarity(
        truth,
        image,
        data_range=reach,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(image, truth, reach) == pytest.approx(wanted, abs=1e-9)


def test_normalised_figures_are_those_of_pssr(pair: tuple[Field, Field]) -> None:
    image, truth = pair
    low, high = np.percentile(truth, (0.1, 99.9))
    scaled = (truth - low) / (high - low)
    scaled -= scaled.mean()
    bare = image - image.mean()
    bare = bare * np.cov(bare.ravel(), scaled.ravel())[0, 1] / np.var(bare.ravel())
    wanted = peak_signal_noise_ratio(scaled, bare, data_range=1)
    assert normalised_psnr(image, truth) == pytest.approx(wanted, abs=1e-9)
    wanted = structural_similarity(scaled, bare, data_range=1)  # its defaults
    assert normalised_ssim(image, truth) == pytest.approx(wanted, abs=1e-9)


def test_normalised_figures_forgive_brightness(pair: tuple[Field, Field]) -> None:
    image, truth = pair
    plain = normalised_psnr(image, truth), normalised_ssim(image, truth)
    changed = 2 * image + 100  # what PSSR's script does to every prediction
    again = normalised_psnr(changed, truth), normalised_ssim(changed, truth)
    assert again == pytest.approx(plain, abs=1e-9)


def test_white_noise_has_the_psnr_that_theory_gives() -> None:
    rng = np.random.default_rng(0)
    truth = smooth_field(256, 3, rng)
    low, high = np.percentile(truth, (0.1, 99.9))
    got = normalised_psnr(noisy(truth, 0.5, rng), truth)
    # least squares shrinks by 1 / 1.25, which leaves 0.25 / 1.25 of the variance 1
    assert got == pytest.approx(10 * np.log10((high - low) ** 2 / 0.2), abs=0.1)


def test_a_flat_picture_scores_badly_and_a_flat_truth_is_refused() -> None:
    truth = smooth_field(32, 2, np.random.default_rng(0))
    flat, scaled = to_one_scale(np.full((32, 32), 7, np.uint8), truth)
    assert not flat.any()
    assert scaled.std() > 0
    with pytest.raises(SettingsError, match="have the value 7, which gives no scale"):
        normalised_psnr(truth, np.full((32, 32), 7))
    with pytest.raises(SettingsError, match="1 pixels that are NaN"):
        normalised_psnr(np.where(truth == truth.max(), np.nan, truth), truth)
    with pytest.raises(SettingsError, match="needs 7 x 7 pixels and got"):
        normalised_ssim(truth[:5], truth[:5])
    with pytest.raises(SettingsError, match="shape \\(2, 32, 32\\): give one picture"):
        normalised_psnr(np.stack([truth, truth]), truth)
