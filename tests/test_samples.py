"""Samples: repeatable, equally bright and equally placed at every density."""

import numpy as np
import pytest

from pssr_live.errors import SettingsError
from pssr_live.samples.optics import ScanGrid
from pssr_live.samples.sample import SAMPLE_NAMES, Sample, make_sample
from pssr_live.scanners.simulated.settings import OPTICS


@pytest.fixture(scope="module", params=SAMPLE_NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return make_sample(request.param, 3, OPTICS[request.param].field_um)


def grid_of(sample: Sample, side: int, **other: float) -> ScanGrid:
    return ScanGrid(
        side,
        side,
        sample.field_um / side,
        psf_sigma_um=OPTICS[sample.name].psf_sigma_um,
        **other,
    )


def test_the_same_seed_gives_the_same_sample(sample: Sample) -> None:
    grid, times = grid_of(sample, 64), np.full(64, 2.5)
    twin = make_sample(sample.name, 3, sample.field_um)
    other = make_sample(sample.name, 4, sample.field_um)
    assert np.array_equal(sample.scan(grid, times), twin.scan(grid, times))
    assert not np.array_equal(sample.scan(grid, times), other.scan(grid, times))


def test_a_scan_is_finite_float32_of_the_asked_size(sample: Sample) -> None:
    grid = ScanGrid(33, 70, 0.02, origin_um=(1.0, 0.5))
    seen = sample.scan(grid, np.linspace(0, 1, 33))
    assert seen.shape == (33, 70)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    assert seen.min() >= 0


def test_the_sample_moves(sample: Sample) -> None:
    grid = grid_of(sample, 128)
    early, late = (sample.scan(grid, np.full(128, t)) for t in (0.0, 8.0))
    assert np.abs(early - late).mean() > 0.01


def test_brightness_does_not_depend_on_density(sample: Sample) -> None:
    means = [
        sample.scan(grid_of(sample, side), np.zeros(side)).mean()
        for side in (64, 128, 512)
    ]
    assert np.ptp(means) / np.mean(means) < 0.02


def test_a_coarse_scan_lies_on_a_fine_one(sample: Sample) -> None:
    fine = sample.scan(grid_of(sample, 512), np.zeros(512))
    coarse = sample.scan(grid_of(sample, 128), np.zeros(128))
    # A coarse pixel: four fine ones along the line, between the two middle rows.
    lines = (fine[1::4] + fine[2::4]) / 2
    shown = lines.reshape(128, 128, 4).mean(axis=2)
    shift_px = 4 * np.array(shift_between(coarse, shown))
    assert np.abs(shift_px).max() < 0.05


def shift_between(moved: np.ndarray, still: np.ndarray) -> tuple[float, float]:
    """Least-squares shift (y, x) in pixels of pictures that nearly coincide."""
    slopes = np.stack([slope.ravel() for slope in np.gradient(still)], axis=1)
    found, *_ = np.linalg.lstsq(slopes, (still - moved).ravel(), rcond=None)
    return float(found[0]), float(found[1])


def test_nothing_glows_beyond_the_sample(sample: Sample) -> None:
    away_um = -4 * sample.field_um
    outside = ScanGrid(16, 16, 0.01, origin_um=(away_um, away_um))
    assert sample.scan(outside, np.zeros(16)).max() < 0.05


def test_an_unknown_sample_is_refused() -> None:
    with pytest.raises(SettingsError, match="no sample 'yeast'; choose one of: mito"):
        make_sample("yeast", 0, 10.0)
