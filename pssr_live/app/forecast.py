"""What a density and a dwell will cost, before anything is scanned. Pure; no Qt."""

from __future__ import annotations

from dataclasses import dataclass

from pssr_live.scanners.profiles import Beam, Profile, cost_of


@dataclass(frozen=True, slots=True)
class Forecast:
    """A frame to come, beside one of the same field at full density.

    Attributes
    ----------
    shape : tuple of int
        Lines and pixels.
    pixel_size_um : float or None
        Distance of its pixels.
    frame_ms, full_ms : float
        Times by the profile's model.
    dose_ratio, time_ratio : float
        How many times less light and time than at full density.
    is_full : bool
        Whether it is full density itself.
    """

    shape: tuple[int, int]
    pixel_size_um: float | None
    frame_ms: float
    full_ms: float
    dose_ratio: float
    time_ratio: float
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """The field of view as it is set: its size at full density, whatever is scanned.

    Attributes
    ----------
    shape : tuple of int
        Lines and pixels at the profile's full density.
    pixel_size_um : float or None
        Of the full density.
    beam : Beam
        Dwell, averages and exposure.
    """

    shape: tuple[int, int]
    pixel_size_um: float | None
    beam: Beam


def field_at_full(
    profile: Profile,
    value: float,
    shape: tuple[int, int],
    pixel_size_um: float | None,
    beam: Beam,
) -> Field:
    """Return the field, from a scan of `shape` at the density `value`."""
    scale = profile.density.scale_of(value)
    size = None if pixel_size_um is None else pixel_size_um / scale
    return Field((round(shape[0] * scale), round(shape[1] * scale)), size, beam)


def forecast(profile: Profile, field: Field, value: float) -> Forecast:
    """Return what scanning `field` at the density `value` costs."""
    scale = profile.density.scale_of(value)
    shape = max(1, round(field.shape[0] / scale)), max(1, round(field.shape[1] / scale))
    low = cost_of(profile, shape, field.beam)
    full = cost_of(profile, field.shape, field.beam)
    size = None if field.pixel_size_um is None else field.pixel_size_um * scale
    return Forecast(
        shape,
        size,
        low.time_ms,
        full.time_ms,
        full.dose_us / low.dose_us,
        full.time_ms / low.time_ms,
        is_full=scale == 1,
    )


def in_words(seen: Forecast) -> tuple[str, str]:
    """Return the frame time and what is saved, a line each.

    >>> in_words(Forecast((128, 128), 0.2, 29.184, 313.3, 16.0, 10.735))
    ('29 ms a frame, 34.3 /s', '10.7× faster, 16.0× less dose')
    """
    time = (
        f"{seen.frame_ms:.0f} ms"
        if seen.frame_ms < 1000
        else f"{seen.frame_ms / 1000:.1f} s"
    )
    first = f"{time} a frame, {1000 / seen.frame_ms:.1f} /s"
    if seen.time_ratio == seen.dose_ratio == 1:
        saved = "no time and no dose saved"  # by a camera's binning too
        return first, f"full density: {saved}" if seen.is_full else saved
    return (
        first,
        f"{_times(seen.time_ratio)} faster, {_times(seen.dose_ratio)} less dose",
    )


def _times(ratio: float) -> str:
    return f"{ratio:.1f}×"
