"""A calibration narrows what a network is trained for, around the truth."""

import numpy as np
import pytest
from test_calibration_pairs import pair
from test_calibration_repeats import still_frames

from pssr_live.calibration.pairs import fit_pair
from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.values import Calibration, Measured, Source
from pssr_live.samples.sample import make_sample
from pssr_live.scanners.simulated import ScanRecord, ScanSettings
from pssr_live.scanners.simulated.beam import brightness
from pssr_live.training.scans.calibrated import calibrated
from pssr_live.training.scans.ranges import Ranges

WIDE = Ranges()


def width(low_high: tuple[float, float], *, log: bool = False) -> float:
    low, high = low_high
    return float(np.log(high / low)) if log else high - low


def holds(low_high: tuple[float, float], truth: float) -> bool:
    return low_high[0] < truth < low_high[1]


@pytest.mark.parametrize(
    "settings",
    [
        ScanSettings(resolution=256),
        ScanSettings(sample="em", photons_per_us=8, read_noise_adu=6),
        ScanSettings(seed=1, photons_per_us=60, gain_adu=12, read_noise_adu=3),
    ],
    ids=["mito", "em", "bright"],
)
def test_ranges_close_in_on_the_simulated_scanner(settings: ScanSettings) -> None:
    fit = fit_repeats(still_frames(settings)).calibration
    ranges = calibrated(WIDE, fit, scale=4)
    sample = make_sample(settings.sample, settings.seed, settings.optics.field_um)
    seen = brightness(sample, ScanRecord(0, settings, 0, 0))
    photons = float(np.percentile(seen, 99.8)) * settings.photons_per_us
    read_noise = settings.read_noise_adu / settings.gain_adu / photons
    assert holds(ranges.photons, photons)
    assert width(ranges.photons, log=True) < width(WIDE.photons, log=True)
    assert holds(ranges.read_noise, read_noise)
    assert width(ranges.read_noise, log=True) < width(WIDE.read_noise, log=True)
    assert ranges.gain == WIDE.gain and ranges.offset == WIDE.offset


def test_lengths_become_those_of_the_dense_scan() -> None:
    fit = fit_repeats(still_frames(ScanSettings(resolution=256))).calibration
    jitter = fit.line_jitter_px
    assert jitter is not None
    for scale in (1, 4):
        assert holds(calibrated(WIDE, fit, scale).jitter_px, jitter.value * scale)


def test_a_pair_tells_the_beam() -> None:
    low, high = pair(ScanSettings(resolution=256, photons_per_us=100), 2, (2.0, -3.0))
    ranges = calibrated(WIDE, fit_pair(low, high).calibration, scale=2)
    assert ranges.blur_px != WIDE.blur_px and ranges.sharp_share == 0
    assert 0 <= ranges.dwell_fraction[0] < ranges.dwell_fraction[1] <= 1
    assert ranges.photons == WIDE.photons


def beam(down: float, across: float, error: float) -> Calibration:
    return Calibration(
        source=Source(kind="pair", files=("a", "b"), frames=1, shape_px=(9, 9)),
        blur_y_px=Measured(value=down, uncertainty=error),
        blur_x_px=Measured(value=across, uncertainty=error),
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_dwell_is_what_the_fast_axis_has_more(share: float, scale: int) -> None:
    across = float(np.hypot(0.8, share * scale / np.sqrt(12)))
    ranges = calibrated(WIDE, beam(0.8, across, 0.001), scale)
    low, high = ranges.dwell_fraction
    assert low <= share <= high and high - low < width(WIDE.dwell_fraction)
    assert holds(ranges.blur_px, 0.8) and width(ranges.blur_px) < width(WIDE.blur_px)


def test_what_is_uncertain_or_unknown_stays_wide() -> None:
    sure, unsure = (calibrated(WIDE, beam(0.8, 1.4, error), 4) for error in (0.01, 0.3))
    assert width(unsure.blur_px) > width(sure.blur_px)
    assert width(unsure.dwell_fraction) > width(sure.dwell_fraction)
    nothing = Calibration(
        source=Source(kind="repeats", files=("a",), frames=2, shape_px=(9, 9))
    )
    assert calibrated(WIDE, nothing, 4) == WIDE
