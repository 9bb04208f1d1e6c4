"""From a sample to grey levels: what the beam meets and what the detector makes of it.

Images are (Y, X). Brightness is the sample's own scale, about 0..1; ADU are the
camera's grey levels. Pure functions of a `ScanRecord`: the same record gives the
same pixels, noise included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.samples.sample import Sample
from pssr_live.scanners.simulated.records import ScanRecord
from pssr_live.scanners.simulated.settings import ScanSettings

FloatArray = npt.NDArray[np.floating[Any]]
JITTER_KNOT_LINES = 16  # the slow part of the jitter changes over so many lines
SATURATION_ADU = 65_535


def brightness(
    sample: Sample, record: ScanRecord, resolution: int | None = None
) -> FloatArray:
    """Return what the beam meets: (Y, X) float32 without jitter, noise or fading.

    With `resolution`, the same area at that density; its rows are at the times when
    the recorded scan passed their height.
    """
    grid = record.settings.grid(resolution)
    times_s = record.settings.row_times_s(record.start_s, grid.height)
    return sample.scan(grid, times_s).astype(np.float32, copy=False)


def expected_adu(seen: FloatArray, record: ScanRecord) -> FloatArray:
    """Return the mean grey level for a brightness: (Y, X) float32."""
    settings = record.settings
    scale = _photons(record) * settings.gain_adu
    return (settings.offset_adu + np.float32(scale) * seen).astype(np.float32)


def detected(seen: FloatArray, record: ScanRecord) -> npt.NDArray[np.uint16]:
    """Return what the detector reads: jitter, shot noise, read noise, saturation."""
    settings = record.settings
    rng = np.random.default_rng([settings.seed, record.number, 0x6265616D])
    jittered = displace_lines(seen, _jitter_px(settings, len(seen), rng))
    # The sum over N passes is Poisson too; a mean photon number below 0 is not.
    mean = np.maximum(jittered, 0) * np.float32(_photons(record) * settings.averages)
    photons = rng.poisson(mean).astype(np.float32) / np.float32(settings.averages)
    adu = settings.offset_adu + settings.gain_adu * photons
    if settings.read_noise_adu > 0:
        spread = settings.read_noise_adu / np.sqrt(settings.averages)
        adu += rng.standard_normal(adu.shape, np.float32) * np.float32(spread)
    whole = np.rint(np.clip(adu, 0, SATURATION_ADU))
    return np.asarray(whole, np.uint16)


def displace_lines(seen: FloatArray, shift_px: FloatArray) -> FloatArray:
    """Shift each line (Y, X) along the fast axis by its own `shift_px` (Y,).

    Cubic through the four neighbouring pixels; beyond the ends the last pixel holds.
    """
    if not shift_px.any():
        return seen
    width = seen.shape[1]
    whole = np.floor(shift_px).astype(np.int64)
    part = (shift_px - whole).astype(np.float32)[:, None]
    taps = (
        -part * (part - 1) * (part - 2) / 6,
        (part + 1) * (part - 1) * (part - 2) / 2,
        -(part + 1) * part * (part - 2) / 2,
        (part + 1) * part * (part - 1) / 6,
    )
    reach = int(np.abs(whole).max()) + 2
    longer = np.pad(seen, ((0, 0), (reach, reach)), mode="edge")
    moved = np.zeros_like(seen)
    for step in np.unique(whole):  # two or three values: jitter is small
        rows = whole == step
        lines, start = longer[rows], reach + int(step) - 1
        moved[rows] = sum(
            tap[rows] * lines[:, start + offset : start + offset + width]
            for offset, tap in enumerate(taps)
        )
    return moved


def _jitter_px(
    settings: ScanSettings, lines: int, rng: np.random.Generator
) -> FloatArray:
    reach_um = settings.line_jitter_ppm * 1e-6 * settings.optics.field_um
    # Half of the variance is a slow wobble, half differs from line to line.
    rms_px = reach_um / settings.pixel_size_um / np.sqrt(2)
    knots = rng.standard_normal(lines // JITTER_KNOT_LINES + 2)
    slow = np.interp(np.arange(lines) / JITTER_KNOT_LINES, np.arange(len(knots)), knots)
    quick = rng.standard_normal(lines) / np.sqrt(settings.averages)
    return np.asarray(rms_px * (slow + quick))


def _photons(record: ScanRecord) -> float:
    """Mean photons of one dwell at brightness 1."""
    settings = record.settings
    return settings.photons_per_us * settings.dwell_us * record.fade
