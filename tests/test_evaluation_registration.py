"""Displacements that are known, measured back."""

from __future__ import annotations

import numpy as np
import pytest
from fields import moved, noisy, smooth_field
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

from pssr_live.errors import SettingsError
from pssr_live.evaluation.registration import displacement, inside, undo


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_known_displacements_of_noisy_pictures(noise: float) -> None:
    rng = np.random.default_rng(1)
    for y, x in ((0.0, 0.0), (0.31, -0.48), (7.62, -3.17), (-20.5, 12.25)):
        whole = smooth_field(220, 2, rng)
        reference = noisy(whole, noise, rng)[40:-40, 40:-50]
        image = noisy(1.7 * moved(whole, y, x) + 4, noise, rng)[40:-40, 40:-50]
        found = displacement(image, reference)
        assert (found.y_px, found.x_px) == pytest.approx((y, x), abs=0.05)
        assert found.correlation > 0.9


def test_it_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(2)
    whole = gaussian_filter(rng.normal(size=(160, 160)), 2, mode="wrap")
    image = moved(whole, 3.4, -1.2)  # periodic, as scikit-image takes it
    back, *_ = phase_cross_correlation(
        whole, image, upsample_factor=100, normalization=None
    )
    found = displacement(image, whole)
    assert (-found.y_px, -found.x_px) == pytest.approx(tuple(back), abs=0.02)


def test_undoing_brings_the_picture_back() -> None:
    whole = smooth_field(160, 3, np.random.default_rng(3))
    found = displacement(moved(whole, 2.3, -4.6), whole)
    assert found.margin_px == (3, 5)
    back = undo(moved(whole, 2.3, -4.6), found)
    margin = (found.margin_px[0] + 24, found.margin_px[1] + 24)  # the field is periodic
    assert inside(back, margin) == pytest.approx(inside(whole, margin), abs=0.02)
    assert inside(whole, (0, 0)).shape == whole.shape


def test_the_search_can_be_limited() -> None:
    whole = smooth_field(160, 3, np.random.default_rng(4))
    near = displacement(moved(whole, 0, 20), whole, largest_px=5)
    assert max(abs(near.x_px), abs(near.y_px)) <= 5
    assert near.correlation < 0.9


def test_bad_input_is_named() -> None:
    image = smooth_field(32, 2, np.random.default_rng(0))
    with pytest.raises(SettingsError, match="same value in all pixels and cannot"):
        displacement(np.ones((32, 32)), image)
    with pytest.raises(SettingsError, match=r"16 x 16 pixels and got \(12, 32\)"):
        displacement(image[:12], image[:12])
    with pytest.raises(SettingsError, match="cannot be compared"):
        displacement(image[:20], image)
