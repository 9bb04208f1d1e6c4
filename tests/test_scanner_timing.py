"""What a scan costs, from its geometry."""

import pytest

from pssr_live.errors import SettingsError
from pssr_live.scanners.timing import ScanTiming


def test_a_frame_takes_its_lines_with_their_overhead() -> None:
    scan = ScanTiming(
        lines=128, pixels=256, dwell_us=2, line_overhead_us=100, averages=3
    )
    assert scan.line_time_us == 612
    assert scan.pass_time_ms == pytest.approx(78.336)
    assert scan.frame_time_ms == pytest.approx(3 * 78.336)
    assert scan.samples == 3 * 128 * 256
    assert scan.dose_us == 2 * scan.samples


def test_a_quarter_per_axis_saves_more_dose_than_time() -> None:
    low = ScanTiming(128, 128, 1, line_overhead_us=100)
    saving = low.compared_to(ScanTiming(512, 512, 1, line_overhead_us=100))
    assert saving.density == 1 / 16
    assert saving.dose_ratio == 16
    assert saving.time_ratio == pytest.approx(10.737, abs=0.001)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 128, 1.0, 0.0, 1), "lines = 0; give a number above 0"),
        ((128, -1, 1.0, 0.0, 1), "pixels = -1"),
        ((128, 128, float("nan"), 0.0, 1), "dwell_us = nan"),
        ((128, 128, 1.0, -1.0, 1), "line_overhead_us = -1.0; give 0 or more"),
        ((128, 128, 1.0, 0.0, 0), "averages = 0"),
    ],
)
def test_impossible_scans_are_refused(
    values: tuple[int, int, float, float, int], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        ScanTiming(*values)
