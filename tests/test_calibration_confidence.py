"""A stated standard deviation covers what happens when a scan is repeated."""

import numpy as np
import pytest
from test_calibration_pairs import pair

from pssr_live.calibration.pairs import fit_pair
from pssr_live.calibration.values import Measured
from pssr_live.scanners.simulated import ScanSettings

SEEDS = 12  # two shifts each


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample", "photons"), [("mito", 20.0), ("em", 100.0)], ids=["mito", "em"]
)
def test_two_standard_deviations_cover_the_true_shift(
    sample: str, photons: float
) -> None:
    apart = []
    for seed in range(SEEDS):
        truth = np.random.default_rng(seed + 77).uniform(-8, 8, 2)
        settings = ScanSettings(
            sample=sample, seed=seed, photons_per_us=photons, resolution=256, gain_adu=8
        )
        fit = fit_pair(*pair(settings, 2, (truth[0], truth[1]), 1.3)).calibration
        for found, true in zip((fit.shift_y_px, fit.shift_x_px), truth, strict=True):
            assert isinstance(found, Measured)
            assert abs(found.value - true) < 0.25
            apart.append(abs(found.value - true) / found.uncertainty)
    share = np.mean(np.array(apart) < 2)
    assert share >= 0.85
    # Nor is it so wide that it says nothing.
    assert np.median(apart) > 0.2
