"""The scanner's settings as Micro-Manager properties: names, kinds, limits.

Micro-Manager and its .cfg files speak text; `typed` turns that into what a property
holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymmcore_plus.core import PropertyType

from pssr_live.samples.sample import SAMPLE_NAMES

if TYPE_CHECKING:
    from pymmcore_plus.experimental.unicore import PropertyInfo

RESOLUTIONS = (32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """One Micro-Manager property: its name, its field, and what it may be."""

    name: str
    field: str
    kind: type
    limits: tuple[float, float] | None = None
    allowed: tuple[Any, ...] | None = None


PROPERTIES = (
    # Lines in a frame and pixels in a line; the field stays the same.
    PropertySpec("Resolution", "resolution", int, allowed=RESOLUTIONS),
    # Time of the beam on a pixel.
    PropertySpec("Dwell_us", "dwell_us", float, (0.1, 100)),
    PropertySpec("Zoom", "zoom", float, (0.5, 8)),
    # Time lost at each line's end.
    PropertySpec("LineOverhead_us", "line_overhead_us", float, (0, 10_000)),
    # Passes over the field for one frame.
    PropertySpec("FrameAverages", "averages", int, (1, 16)),
    # Time before each frame in which the beam is off and the sample lives on.
    PropertySpec("Rest_ms", "rest_ms", float, (0, 3_600_000)),
    PropertySpec("Sample", "sample", str, allowed=SAMPLE_NAMES),
    # Picks the cell, the noise and the jitter.
    PropertySpec("Seed", "seed", int, (0, 2**31 - 1)),
    # Detected photons in a microsecond of dwell where the sample's brightness is 1.
    PropertySpec("Photons_per_us", "photons_per_us", float, (0.01, 100_000)),
    # Grey levels for a photon.
    PropertySpec("Gain_ADU", "gain_adu", float, (0.01, 10_000)),
    PropertySpec("Offset_ADU", "offset_adu", float, (0, 10_000)),
    # Standard deviation of the detector's own noise, for one pass.
    PropertySpec("ReadNoise_ADU", "read_noise_adu", float, (0, 10_000)),
    # RMS displacement of lines along the fast axis, in millionths of the unzoomed
    # field: it is a wobble of the mirror's angle, whatever the pixels are.
    PropertySpec("LineJitter_ppm", "line_jitter_ppm", float, (0, 10_000)),
    # Fluorescence falls as exp(-value * dose), the dose in beam time per area.
    PropertySpec("Bleaching_um2_per_ms", "bleaching_um2_per_ms", float, (0, 1000)),
    # "Off": frames come as fast as they can be computed.
    PropertySpec("RealTime", "real_time", str, allowed=("On", "Off")),
)


def typed(value: Any, info: PropertyInfo[Any]) -> Any:
    """Return `value`, perhaps text, as what the property holds.

    Raises
    ------
    ValueError
        If it is not a number where one is needed.
    """
    if info.type == PropertyType.Integer:
        number = float(value)
        if not number.is_integer():
            raise ValueError("not a whole number")
        return int(number)
    return float(value) if info.type == PropertyType.Float else str(value)


def way_out(info: PropertyInfo[Any]) -> str:
    """Return what to do after a property refused a value."""
    if info.is_read_only:
        return "it follows from other properties, set those"
    if info.allowed_values:
        return f"choose one of: {', '.join(map(str, info.allowed_values))}"
    low, high = info.limits or (0, 0)
    whole = "whole " if info.type == PropertyType.Integer else ""
    return f"give a {whole}number from {low:g} to {high:g}"
