"""RSP and RSE of pictures whose blur, intensities and noise are known."""

from __future__ import annotations

import numpy as np
import pytest
from fields import noisy, smooth_field
from scipy.ndimage import gaussian_filter
from scipy.stats import linregress, pearsonr

from pssr_live.errors import SettingsError
from pssr_live.evaluation.squirrel import scaled_error


def test_blur_and_intensities_are_found() -> None:
    rng = np.random.default_rng(1)
    fine = smooth_field(200, 1, rng)
    seen = gaussian_filter(fine, 2.5)
    reference = noisy(300 + 40 * seen, 2, rng)
    found = scaled_error(fine, reference)
    assert found.sigma_px == pytest.approx(2.5, rel=0.01)
    assert (found.gain, found.offset) == pytest.approx((40, 300), rel=0.01)
    assert found.rse == pytest.approx(2, rel=0.02)  # the noise, nothing else
    power = np.var(40 * seen)
    assert found.rsp == pytest.approx(np.sqrt(power / (power + 4)), rel=1e-3)


def test_given_blur_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    fine, reference = smooth_field(64, 1, rng), smooth_field(64, 2, rng)
    found = scaled_error(fine, reference, sigma_px=1.3)
    seen = gaussian_filter(fine, 1.3)
    line = linregress(seen.ravel(), reference.ravel())
    assert found.rsp == pytest.approx(pearsonr(seen.ravel(), reference.ravel())[0])
    assert (found.gain, found.offset) == pytest.approx((line.slope, line.intercept))
    wanted = np.abs(line.slope * seen + line.intercept - reference)
    np.testing.assert_allclose(found.error_map, wanted, atol=1e-9)


def test_the_reference_may_be_coarser() -> None:
    fine = smooth_field(120, 2, np.random.default_rng(3))[:, :80]
    coarse = gaussian_filter(fine, 1.5)
    coarse = coarse.reshape(30, 4, 20, 4).mean(axis=(1, 3))
    found = scaled_error(fine, coarse)
    assert found.sigma_px == pytest.approx(1.5, abs=0.01)
    assert found.rsp == pytest.approx(1, abs=1e-6)
    assert found.error_map.shape == (30, 20)


def test_an_invented_blob_shows_in_the_map() -> None:
    fine = smooth_field(128, 2, np.random.default_rng(4))
    blob = np.zeros_like(fine)
    blob[40, 90] = 1
    false = fine + 300 * gaussian_filter(blob, 4)
    found = scaled_error(false, gaussian_filter(fine, 2))
    where = np.unravel_index(found.error_map.argmax(), fine.shape)
    assert np.hypot(where[0] - 40, where[1] - 90) < 3
    assert found.rsp < scaled_error(fine, gaussian_filter(fine, 2)).rsp


def test_no_blur_is_an_answer_and_a_flat_picture_has_no_merit() -> None:
    fine = smooth_field(64, 1.5, np.random.default_rng(5))
    assert scaled_error(fine, fine).sigma_px == 0
    assert scaled_error(fine, fine).rsp == pytest.approx(1)
    flat = scaled_error(np.ones((64, 64)), fine)
    assert flat.rsp == 0
    assert flat.rse == pytest.approx(fine.std())


def test_bad_input_is_named() -> None:
    image = smooth_field(32, 2, np.random.default_rng(0))
    with pytest.raises(SettingsError, match=r"no whole multiple of a reference of"):
        scaled_error(image, image[:20])
    with pytest.raises(SettingsError, match=r"no whole multiple of a reference of"):
        scaled_error(image[:20], image)
    with pytest.raises(SettingsError, match="sigma -1 pixels"):
        scaled_error(image, image, sigma_px=-1)
    with pytest.raises(SettingsError, match="same value in all pixels"):
        scaled_error(image, np.ones((32, 32)))
