"""What a connected scanner is set to, as a frozen value for the window. No Qt."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pymmcore_plus import CMMCorePlus

from pssr_live.app.forecast import Field, field_at_full
from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.scanners.profiles import Profile, load_profile, profile_files
from pssr_live.scanners.profiles.on_core import (
    answering,
    missing_parts,
    read_beam,
    read_number,
    require,
    sentence,
    set_density,
)

log = logging.getLogger(__name__)

PHOTONS = "Photons_per_us"


@dataclass(frozen=True, slots=True)
class ScannerState:
    """A scanner at one moment.

    Attributes
    ----------
    camera : str
        Label of the camera.
    profile : Profile or None
        How its density is set; None where none suits.
    density : float or None
        The value of the density property.
    field : Field or None
        What a forecast needs; None without a profile.
    shape : tuple of int
        Lines and pixels of a frame.
    pixel_size_um : float or None
        None where the microscope does not know it.
    pixel_bytes, bit_depth : int
        Of a pixel.
    photons : float or None
        Photons in a microsecond; only the simulated scanner knows.
    groups : mapping of str to tuple of str
        Presets by configuration group, for channels.
    has_stage, has_focus : bool
        Whether positions, and planes, can be visited.
    """

    camera: str
    profile: Profile | None
    density: float | None
    field: Field | None
    shape: tuple[int, int]
    pixel_size_um: float | None
    pixel_bytes: int
    bit_depth: int
    photons: float | None
    groups: dict[str, tuple[str, ...]]
    has_stage: bool
    has_focus: bool


def read_scanner(core: CMMCorePlus, profile: Profile | None) -> ScannerState:
    """Return what is set now.

    Raises
    ------
    ScannerError
        If the microscope does not answer.
    """
    with answering():
        shape = core.getImageHeight(), core.getImageWidth()
        size_um = core.getPixelSizeUm() or None
        density = field = None
        if profile is not None:
            density = read_number(core, profile, profile.density)
            beam = read_beam(core, profile)
            field = field_at_full(profile, density, shape, size_um, beam)
        return ScannerState(
            camera=core.getCameraDevice(),
            profile=profile,
            density=density,
            field=field,
            shape=shape,
            pixel_size_um=size_um,
            pixel_bytes=core.getBytesPerPixel(),
            bit_depth=core.getImageBitDepth(),
            photons=_photons(core),
            groups=_channel_groups(core, profile),
            has_stage=bool(core.getXYStageDevice()),
            has_focus=bool(core.getFocusDevice()),
        )


def require_camera(core: CMMCorePlus, config: Path) -> None:
    """Refuse a configuration that images nothing.

    Raises
    ------
    ScannerError
        If it has no camera.
    """
    if not core.getCameraDevice():
        raise ScannerError(
            f"The configuration {config.name} has no camera: add "
            "`Property,Core,Camera,<label>`, or choose another one."
        )


def fitting_profile(core: CMMCorePlus, name: str | None) -> Profile | None:
    """Return the profile that was asked for, or the first that suits the microscope.

    Raises
    ------
    ScannerError
        If the one asked for does not suit it.
    """
    if name:
        profile = load_profile(name)
        require(core, profile)
        return profile
    for known in profile_files():
        try:
            profile = load_profile(known)
        except PssrLiveError:
            continue  # `pssr-live profile list` tells
        if not missing_parts(core, profile):
            return profile
    return None


def fit_density(core: CMMCorePlus, profile: Profile, scale: int) -> None:
    """Scan at the density for a model that enlarges `scale` times, if there is one.

    Raises
    ------
    ScannerError
        If the profile is not for this microscope.
    """
    require(core, profile)
    try:
        set_density(core, profile, profile.density_for(scale))
    except ScannerError as error:  # the mismatch will be on the screen
        log.warning("%s", error)


def set_value(core: CMMCorePlus, where: str, name: str, *value: float | str) -> None:
    """Set a property of a device, or a preset of a group.

    Raises
    ------
    ScannerError
        If the device refuses.
    """
    try:
        if value:
            core.setProperty(where, name, value[0])
        else:
            core.setConfig(where, name)
    except Exception as error:  # whatever a device says to a value
        said = " ".join(map(str, value))
        raise ScannerError(
            f"{where}-{name} cannot be set{said and f' to {said}'}: {sentence(error)}."
        ) from error


def _channel_groups(
    core: CMMCorePlus, profile: Profile | None
) -> dict[str, tuple[str, ...]]:
    """Return the presets that can be channels: not those that change the density."""
    density = None if profile is None else profile.address(profile.density)
    named = core.getChannelGroup()
    found: dict[str, tuple[str, ...]] = {}
    for group in [named] if named else core.getAvailableConfigGroups():
        presets = tuple(core.getAvailableConfigs(group))
        touched = {
            (device, name)
            for preset in presets
            for device, name, _ in core.getConfigData(group, preset)
        }
        if group != "System" and density not in touched:
            found[group] = presets
    return found


def _photons(core: CMMCorePlus) -> float | None:
    camera = core.getCameraDevice()
    if not core.hasProperty(camera, PHOTONS):
        return None
    return float(core.getProperty(camera, PHOTONS))


def addresses(profile: Profile | None) -> list[tuple[str, str]]:
    """Return the device and property of each setting of a profile."""
    if profile is None:
        return []
    return [profile.address(one) for one in profile.settings.values()]


def full_density(profile: Profile | None) -> tuple[tuple[str, str, int], ...]:
    """Return what gives a scan at full density; nothing where that is not known."""
    if profile is None:
        return ()
    return ((*profile.address(profile.density), profile.density.high),)
