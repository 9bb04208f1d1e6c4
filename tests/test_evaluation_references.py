"""Scores against a noisy, displaced scan at full density, where the truth is known."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from pssr_live.errors import SettingsError
from pssr_live.evaluation.metrics import psnr
from pssr_live.evaluation.references import noise_power, score_reference, summarise

SCALE, SIDE = 4, 64
WHOLE = (0, 0, SIDE, SIDE)


def smooth(seed: int, sigma_px: float, contrast: float) -> np.ndarray:
    """Return a random field of the restored size, with detail of `sigma_px`."""
    noise = np.random.default_rng(seed).standard_normal((SCALE * SIDE,) * 2)
    field = gaussian_filter(noise, sigma_px, mode="wrap")
    return 1000 + contrast * field / field.std()


def scene(
    noise: float = 100, moved: tuple[float, float] = (0.0, 0.0)
) -> tuple[np.ndarray, ...]:
    """Return truth, restored picture, scan and reference."""
    rng = np.random.default_rng(0)
    truth = smooth(1, 4, 200)
    restored = truth + smooth(2, 4, 30) - 1000
    scan = truth.reshape(SIDE, SCALE, SIDE, SCALE).mean(axis=(1, 3))
    scan = scan + rng.normal(0, 100, scan.shape)
    reference = shift(truth, moved, order=5, mode="grid-wrap")
    return truth, restored, scan, reference + rng.normal(0, noise, truth.shape)


@pytest.mark.parametrize("noise", [20, 100, 300])
def test_the_noise_of_a_reference_is_known(noise: float) -> None:
    reference = scene(noise)[3]
    assert math.sqrt(noise_power(reference)) == pytest.approx(noise, rel=0.03)


@pytest.mark.parametrize("moved", [(0.0, 0.0), (0.5, -0.5), (-3.3, 2.7)])
def test_its_noise_can_be_taken_out_of_the_score(moved: tuple[float, float]) -> None:
    truth, restored, scan, reference = scene(100, moved)
    score = score_reference(restored, scan, reference, WHOLE)
    assert (score.shift_y_px, score.shift_x_px) == pytest.approx(moved, abs=0.1)
    wanted = psnr(restored, truth, score.data_range_adu)
    assert score.noise_free_psnr_db == pytest.approx(wanted, abs=0.6)
    assert score.psnr_db < wanted - 8  # which hides what restoration gains
    assert score.noise_adu == pytest.approx(100, rel=0.03)
    assert score.bicubic_noise_free_psnr_db is not None
    assert score.noise_free_psnr_db > score.bicubic_noise_free_psnr_db + 3
    assert score.rsp > score.bicubic_rsp
    assert score.rse_adu < score.bicubic_rse_adu


def test_nothing_is_said_that_noise_hides() -> None:
    truth, _, scan, reference = scene(100)
    score = score_reference(truth, scan, reference, WHOLE)
    assert score.noise_free_psnr_db is None
    assert score.psnr_db > score.bicubic_psnr_db


@pytest.mark.parametrize("rectangle", [(0, 0, 32, 32), (20, 8, 40, 30)])
def test_a_tile_is_judged_by_its_part(rectangle: tuple[int, int, int, int]) -> None:
    _, restored, scan, reference = scene()
    x, y, width, height = (SCALE * n for n in rectangle)
    tile = reference[y : y + height, x : x + width]
    score = score_reference(restored, scan, tile, rectangle)
    assert score.correlation > 0.8
    with pytest.raises(SettingsError, match="does not show the part"):
        score_reference(restored, scan, tile[:-1], rectangle)
    elsewhere = score_reference(restored[::-1], scan[::-1], tile, rectangle)
    assert elsewhere.psnr_db < score.psnr_db


def test_the_summary_finds_the_worst_and_leaves_unknowns_out() -> None:
    _, restored, scan, reference = scene()
    score = asdict(score_reference(restored, scan, reference, WHOLE))
    worse = score | {"psnr_db": 1.0, "noise_free_psnr_db": None}
    told = summarise([score | {"reference": 0}, worse | {"reference": 1}])
    assert told["worst"]["reference"] == 1
    assert told["mean"]["psnr_db"] == pytest.approx((score["psnr_db"] + 1) / 2)
    assert told["mean"]["noise_free_psnr_db"] == score["noise_free_psnr_db"]
    assert summarise([]) == {"mean": None, "worst": None, "list": []}
