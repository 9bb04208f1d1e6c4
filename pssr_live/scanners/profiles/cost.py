"""What a frame costs under a profile: samples, time and dose.

A scanner with a dwell time pays for each pixel and each line (`ScanTiming`). A camera
without one pays its exposure, whatever its density: it saves neither time nor dose.
"""

from __future__ import annotations

from dataclasses import dataclass

from pssr_live.scanners.profiles.profile import Profile
from pssr_live.scanners.timing import ScanTiming


@dataclass(frozen=True, slots=True)
class Beam:
    """What the time of a frame depends on, besides its size.

    Attributes
    ----------
    dwell_us : float or None
        Time on a pixel; None for a camera that has none.
    averages : int
        Passes for one frame.
    exposure_ms : float
        The core's exposure, which counts only where there is no dwell.
    """

    dwell_us: float | None
    averages: int
    exposure_ms: float


@dataclass(frozen=True, slots=True)
class FrameCost:
    """One frame: pixel dwells, milliseconds, and microseconds of light."""

    samples: int
    time_ms: float
    dose_us: float


def cost_of(profile: Profile, shape: tuple[int, int], beam: Beam) -> FrameCost:
    """Return what a frame of `shape` (Y, X) costs.

    >>> from pssr_live.scanners.profiles import load_profile
    >>> cost_of(load_profile("simulated"), (128, 128), Beam(1.0, 1, 0.0))
    FrameCost(samples=16384, time_ms=29.184, dose_us=16384.0)
    """
    lines, pixels = shape
    if beam.dwell_us is None:
        samples = lines * pixels * beam.averages
        return FrameCost(samples, beam.exposure_ms, 1000 * beam.exposure_ms)
    timing = profile.timing
    overhead_us = timing.line_overhead_us + timing.line_overhead_samples * beam.dwell_us
    scan = ScanTiming(lines, pixels, beam.dwell_us, overhead_us, beam.averages)
    return FrameCost(scan.samples, scan.frame_time_ms, scan.dose_us)
