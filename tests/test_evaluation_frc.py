"""Fourier ring correlation, against what theory gives for known spectra."""

from __future__ import annotations

import numpy as np
import pytest
from fields import noisy, smooth_field, spectrum_cut
from scipy.ndimage import gaussian_filter

from pssr_live.errors import SettingsError
from pssr_live.evaluation.frc import (
    AGAINST_TRUTH,
    ONE_SEVENTH,
    RingCorrelation,
    ring_correlation,
)


@pytest.mark.parametrize("cut_off", [0.1, 0.25, 0.4])
def test_agreement_ends_where_the_band_ends(cut_off: float) -> None:
    rng = np.random.default_rng(1)
    truth = spectrum_cut(rng.normal(size=(400, 400)), cut_off)[40:-40, 60:-60]
    truth /= truth.std()
    copies = [noisy(truth, 0.3, rng) for _ in range(2)]
    between = ring_correlation(*copies)
    step = between.frequency[0]
    for level in (ONE_SEVENTH, "half-bit"):
        assert abs(1 / between.resolution_px(level) - cut_off) < 4 * step
    alone = ring_correlation(copies[0], truth).resolution_px(AGAINST_TRUTH)
    assert abs(1 / alone - cut_off) < 4 * step


def test_a_gaussian_spectrum_crosses_where_theory_says() -> None:
    """S / (S + N) = 1/7 where the Gaussian spectrum S has fallen to N / 6."""
    rng = np.random.default_rng(2)
    sigma_px, sd = 2.0, 0.01
    wanted = np.sqrt(np.log(6 / sd**2)) / (2 * np.pi * sigma_px)
    between, against = [], []
    for _ in range(6):
        truth = gaussian_filter(rng.normal(size=(288, 288)), sigma_px)[16:-16, 16:-16]
        copies = [noisy(truth, sd, rng) for _ in range(2)]
        between.append(1 / ring_correlation(*copies).resolution_px())
        curve = ring_correlation(copies[0], truth)
        against.append(1 / curve.resolution_px(AGAINST_TRUTH))
    assert np.mean(between) == pytest.approx(wanted, rel=0.02)
    assert np.mean(against) == pytest.approx(wanted, rel=0.02)


def test_the_curve_is_the_share_of_signal_in_the_power() -> None:
    """And it scatters as (1 - r^2) / sqrt(samples)."""
    rng = np.random.default_rng(3)
    scatter = []
    for _ in range(4):
        truth = rng.normal(size=(256, 192))
        curve = ring_correlation(noisy(truth, 1, rng), noisy(truth, 1, rng))
        mean = np.average(curve.correlation, weights=curve.samples)
        assert mean == pytest.approx(0.5, abs=0.02)
        scatter.append(np.mean((curve.correlation - 0.5)[8:] ** 2 * curve.samples[8:]))
    assert np.sqrt(np.mean(scatter)) == pytest.approx(0.75, rel=0.1)


def test_edges_do_not_pass_for_detail() -> None:
    """A ramp jumps from edge to edge, in both pictures alike."""
    rng = np.random.default_rng(4)
    ramp = np.linspace(0, 100, 300)[:, None] + np.zeros(256)
    curve = ring_correlation(noisy(ramp, 1, rng), noisy(ramp, 1, rng))
    fine = slice(16, None)
    mean = np.average(curve.correlation[fine], weights=curve.samples[fine])
    assert abs(mean) < 0.03
    assert curve.resolution_px() > 20


def test_the_half_bit_level_follows_the_samples() -> None:
    samples = np.array([16.0, 1e12])
    curve = RingCorrelation(np.array([0.1, 0.2]), np.zeros(2), samples)
    got = curve.threshold("half-bit")
    assert got == pytest.approx(
        [(0.2071 + 0.47755) / (1.2071 + 0.22755), 0.17157], 1e-4
    )


def test_the_ends_of_the_scale() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=(2, 64, 48))
    assert ring_correlation(one, one).resolution_px() == 2
    assert ring_correlation(one, 3 * one + 8).resolution_um(0.25) == 0.5
    assert ring_correlation(one, -one).resolution_px() == np.inf
    flat = ring_correlation(one, np.full_like(other, 0.1))
    assert not flat.correlation.any()
    assert flat.resolution_px() == np.inf


def test_bad_input_is_named() -> None:
    image = smooth_field(32, 2, np.random.default_rng(0))
    with pytest.raises(SettingsError, match=r"16 x 16 pixels and got \(8, 32\)"):
        ring_correlation(image[:8], image[:8])
    curve = ring_correlation(image, image)
    with pytest.raises(SettingsError, match=r"threshold 1\.5 is no level"):
        curve.resolution_px(1.5)
    with pytest.raises(SettingsError, match="pixel size 0 um"):
        curve.resolution_um(0)
