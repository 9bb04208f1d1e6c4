"""A detector slower than a pixel: how much slower is found, and is learned and made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from pssr_live.calibration.as_recipe import recipe_of
from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.values import Calibration
from pssr_live.crappifier import Crappifier
from pssr_live.shared_noise import shared_noise
from pssr_live.training.scans.calibrated import calibrated
from pssr_live.training.scans.crappify import crappify
from pssr_live.training.scans.ranges import Ranges, draw

GAIN_ADU, OFFSET_ADU = 25.0, 300.0
FLAT = np.zeros((96, 96))


def repeats(width_px: float, many: int = 10, seed: int = 0) -> np.ndarray:
    """Scan a soft sample of up to 40 photons; each line is smeared by a Gaussian."""
    rng = np.random.default_rng(seed)
    sample = gaussian_filter(rng.normal(size=(160, 160)), 3)
    sample = ((sample - sample.min()) / np.ptp(sample)) ** 2
    counts = rng.poisson(40 * sample, (many, *sample.shape)) * GAIN_ADU
    signal = counts + rng.normal(0, 15, counts.shape)
    if width_px:
        signal = gaussian_filter1d(signal, width_px, axis=2)
    return np.rint(signal + OFFSET_ADU).clip(0, 65535).astype(np.uint16)


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(7, 96, 96))


@pytest.mark.parametrize("width_px", [0.35, 0.5, 0.7, 1.0])
def test_how_slow_a_detector_is_is_found(width_px: float) -> None:
    found = fit_repeats(repeats(width_px)).calibration
    assert found.noise_width_px is not None
    assert found.noise_width_px.value == pytest.approx(width_px, rel=0.08)
    (said,) = (note for note in found.notes if "slower than the dwell" in note)
    photon_adu = float(said.partition("one photon gives ")[2].split()[0])
    assert photon_adu == pytest.approx(GAIN_ADU, rel=0.12)
    assert "line_jitter_px" in found.not_identifiable, "shared noise is no jitter"


def test_a_quick_detector_is_not_called_slow() -> None:
    found = fit_repeats(repeats(0)).calibration
    assert found.noise_width_px is None
    assert not any("alike" in note for note in found.notes)


def test_what_is_alike_down_the_lines_too_is_not_the_detectors() -> None:
    both_ways = gaussian_filter(noise(), (0, 0.6, 0.6))
    assert not shared_noise(both_ways, FLAT).shows


def test_offsets_of_lines_are_not_shared_noise() -> None:
    offsets = np.random.default_rng(2).normal(0, 2, (7, 96, 1))
    assert not shared_noise(noise() + offsets, FLAT).shows


def test_a_detector_with_a_tail_has_its_photons_counted() -> None:
    tail = 0.6 ** np.arange(12)
    smeared = np.apply_along_axis(
        lambda line: np.convolve(line, tail / tail.sum())[: len(line)], 2, noise()
    )
    shared = shared_noise(smeared[:, :, 12:], FLAT[:, 12:])
    wanted = noise().var() / smeared[:, :, 12:].var()
    assert shared.quicker == pytest.approx(wanted, rel=0.25)


def test_a_network_learns_the_noise_that_was_measured() -> None:
    found = fit_repeats(repeats(0.7)).calibration
    ranges = calibrated(Ranges(), found, scale=4)
    low, high = ranges.shared_noise_px
    assert low < 0.7 < high < 1.0 and ranges.shared_noise_share == 1.0


def test_scans_are_made_with_the_noise_that_was_measured(tmp_path: Path) -> None:
    found = fit_repeats(repeats(0.7)).calibration
    values = {"offset_adu": OFFSET_ADU, "read_noise_adu": 10.0}
    known = {name: {"value": v, "uncertainty": 0.0} for name, v in values.items()}
    whole = Calibration.model_validate(found.model_dump() | known)
    path = tmp_path / "calibration.toml"
    whole.write(path)
    assert Calibration.read(path) == whole
    flat = np.full((1024, 1024), 3000, np.uint16)
    scan = Crappifier(recipe_of(path, 4), white=3000, scale=4).scan(flat) / 3000
    photons = whole.photons
    assert photons is not None
    span = whole.bright_adu.value - OFFSET_ADU  # type: ignore[union-attr]
    assert scan.std() == pytest.approx(np.hypot(photons**-0.5, 10 / span), rel=0.05)
    apart = scan[1::2] - scan[::2]
    shared = shared_noise(apart[None], np.zeros(apart.shape))
    assert shared.width_px[0] == pytest.approx(0.7, rel=0.08)


def test_the_networks_own_crappifier_makes_it_too() -> None:
    found = fit_repeats(repeats(0.7)).calibration
    ranges = calibrated(Ranges(noise_free_share=0, line_noise_share=0), found, 4)
    g = torch.Generator().manual_seed(0)
    how = draw(ranges, 1, g)
    scans = crappify(torch.full((1, 8, 256, 256), 0.5), 4, how, g)[0].double().numpy()
    width_px = shared_noise(np.diff(scans, axis=0), np.zeros((64, 64))).width_px[0]
    assert width_px == pytest.approx(float(how.shared_noise_px), rel=0.15)
