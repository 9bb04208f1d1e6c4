"""What the pixels say: noise, bleaching, repeatability and truth."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pssr_live.errors import ScannerError
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import ScanRecord, ScanSettings, scanner_of
from pssr_live.scanners.simulated import simulated_config as config
from pssr_live.scanners.simulated.beam import (
    detected,
    displace_lines,
    expected_adu,
)

FLAT = np.full((128, 128), 1.0, np.float32)
CLEAN = ScanSettings(line_jitter_ppm=0)


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(config())
    core.setProperty("Scanner", "RealTime", "Off")
    yield core
    close_core(core)


def snaps(core: ScanCore, many: int, **properties: object) -> np.ndarray:
    for name, value in properties.items():
        core.setProperty("Scanner", name, value)  # type: ignore[arg-type]
    frames = []
    for _ in range(many):
        core.snapImage()
        frames.append(core.getImage())
    return np.stack(frames)


def test_photon_transfer_gives_the_gain() -> None:
    settings = replace(CLEAN, read_noise_adu=15, gain_adu=40)
    levels = np.linspace(0.2, 4, 12)
    means, variances = [], []
    for number, level in enumerate(levels):
        frame = detected(FLAT * np.float32(level), ScanRecord(number, settings, 0, 0))
        means.append(frame.mean())
        variances.append(frame.var())
    gain, at_zero = np.polyfit(np.array(means) - 100, variances, 1)
    assert gain == pytest.approx(40, rel=0.04)
    assert at_zero == pytest.approx(15**2, abs=1500)
    assert np.polyfit(levels, means, 1) == pytest.approx([800, 100], rel=0.03)


def test_averages_reduce_the_noise_and_not_the_signal() -> None:
    one = detected(FLAT, ScanRecord(0, CLEAN, 0, 0))
    many = detected(FLAT, ScanRecord(0, replace(CLEAN, averages=16), 0, 0))
    assert many.mean() == pytest.approx(one.mean(), rel=0.01)
    assert many.std() == pytest.approx(one.std() / 4, rel=0.05)


def test_bright_pixels_saturate() -> None:
    record = ScanRecord(0, replace(CLEAN, gain_adu=10_000), 0, 0)
    assert (detected(FLAT, record) == 65_535).mean() > 0.99


def test_the_dwell_gathers_photons() -> None:
    short, long = (
        expected_adu(FLAT, ScanRecord(0, replace(CLEAN, dwell_us=dwell), 0, 0))
        for dwell in (1, 4)
    )
    assert (long.mean() - 100) == pytest.approx(4 * (short.mean() - 100))


def test_lines_are_displaced_by_parts_of_a_pixel() -> None:
    column = np.arange(64, dtype=np.float32)
    shift = np.array([0.0, 0.3, -0.4, 2.25, -3.0])
    wave = np.tile(np.sin(column / 5), (5, 1)).astype(np.float32)
    moved = displace_lines(wave, shift)
    wanted = np.sin((column + shift[:, None]) / 5)
    assert np.abs(moved - wanted)[:, 8:-8].max() < 1e-3
    assert displace_lines(wave, np.zeros(5)) is wave


def test_a_run_repeats_itself_pixel_for_pixel(core: ScanCore) -> None:
    first = snaps(core, 3, Resolution=64, Seed=5)
    assert not np.array_equal(first[0], first[1])
    assert np.array_equal(first, snaps(core, 3, Seed=5))
    assert not np.array_equal(first, snaps(core, 3, Seed=6))


def test_the_samples_time_is_the_scans_own(core: ScanCore) -> None:
    snaps(core, 2, Resolution=128)
    snaps(core, 1, Resolution=512)
    scanner = scanner_of(core)
    starts = [scanner.record(number).start_s for number in range(3)]
    assert starts == pytest.approx([0, 0.029184, 0.058368])


def test_low_density_bleaches_less(core: ScanCore) -> None:
    many = {"Bleaching_um2_per_ms": 0.5, "LineJitter_ppm": 0}
    left = {}
    for resolution in (512, 128):
        snaps(core, 5, Seed=1, Resolution=resolution, **many)
        left[resolution] = scanner_of(core).record(4).fade
    # 4 frames of 400 or 25 us of beam on each square micrometre
    assert left[512] == pytest.approx(np.exp(-0.5 * 4 * 0.4))
    assert left[128] == pytest.approx(np.exp(-0.5 * 4 * 0.025))
    assert np.log(left[512]) / np.log(left[128]) == pytest.approx(16)


def test_bleaching_is_seen_in_the_frames(core: ScanCore) -> None:
    frames = snaps(core, 4, Resolution=128, Bleaching_um2_per_ms=5, Photons_per_us=500)
    signal = frames.mean(axis=(1, 2)) - 100
    assert signal[3] / signal[0] == pytest.approx(np.exp(-5 * 3 * 0.025), rel=0.02)


def test_a_section_does_not_bleach(core: ScanCore) -> None:
    snaps(core, 2, Sample="em", Resolution=64, Bleaching_um2_per_ms=100)
    assert scanner_of(core).record(1).fade == 1


@pytest.mark.parametrize("sample", ["mito", "em"])
def test_the_mean_of_many_frames_is_the_truth(core: ScanCore, sample: str) -> None:
    still = {"Bleaching_um2_per_ms": 0, "LineJitter_ppm": 0, "Resolution": 128}
    snaps(core, 1, Sample=sample, **still)
    scanner = scanner_of(core)
    record, truth = scanner.record(0), scanner.truth(0, resolution=128)
    seen = (truth - 100) / 800
    mean = np.mean(
        [detected(seen, replace(record, number=number)) for number in range(200)],
        axis=0,
    )
    noise = np.sqrt((40 * (truth - 100) + 12**2) / 200)
    assert np.abs((mean - truth) / noise).mean() < 0.9  # 0.8 for a normal distribution
    assert (mean - truth).mean() == pytest.approx(0, abs=2)


@pytest.mark.parametrize("sample", ["mito", "em"])
def test_truth_lies_where_the_scan_does(core: ScanCore, sample: str) -> None:
    bright = {"Photons_per_us": 3000, "Gain_ADU": 0.3, "ReadNoise_ADU": 0}
    for resolution in (512, 128):
        scan = snaps(
            core, 1, Seed=2, Sample=sample, Resolution=resolution,
            LineJitter_ppm=0, **bright,
        )[0].astype(np.float64)  # fmt: skip
        truth = scanner_of(core).truth(0)
        step = 512 // resolution
        if step > 1:
            lines = (truth[1::4] + truth[2::4]) / 2
            truth = lines.reshape(resolution, resolution, step).mean(axis=2)
        slopes = np.stack([s.ravel() for s in np.gradient(truth)], axis=1)
        shift, *_ = np.linalg.lstsq(slopes, (truth - scan).ravel(), rcond=None)
        assert np.abs(shift).max() * step < 0.05
        assert np.corrcoef(truth.ravel(), scan.ravel())[0, 1] > 0.98


def test_only_scanned_frames_have_a_truth(core: ScanCore) -> None:
    snaps(core, 2, Resolution=32)
    with pytest.raises(ScannerError, match=r"Frame 2 .* one from 0 to 1"):
        scanner_of(core).truth(2)
