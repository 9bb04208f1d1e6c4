"""A profile on a connected core: is it true, and what is set now."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.scanners.profiles.cost import Beam
from pssr_live.scanners.profiles.density import Setting
from pssr_live.scanners.profiles.profile import Profile


def missing_parts(core: CMMCorePlus, profile: Profile) -> dict[str, str]:
    """Return what a profile names and the microscope lacks: a sentence for each.

    The keys are those of `Profile.settings`, or only "camera" if that is another one.
    """
    if fault := _camera_fault(core, profile):
        return {"camera": fault}
    wrong = {}
    for what, setting in profile.settings.items():
        wrong[what] = _property_fault(core, profile, setting)
    return {what: fault for what, fault in wrong.items() if fault}


def require(core: CMMCorePlus, profile: Profile) -> None:
    """Refuse a profile that is not for this microscope.

    Raises
    ------
    ScannerError
        Naming the first device or property that does not exist.
    """
    for fault in missing_parts(core, profile).values():
        raise ScannerError(fault)


def set_density(core: CMMCorePlus, profile: Profile, value: int) -> None:
    """Set the density.

    Raises
    ------
    ScannerError
        If the device refuses the value, or takes another one instead.
    """
    device, name = profile.address(profile.density)
    try:
        core.setProperty(device, name, value)
        core.waitForDevice(device)
    except Exception as error:  # whatever a device says to a value
        raise ScannerError(
            f"The profile {profile.name!r} cannot set {device}-{name} to {value}: "
            f"{sentence(error)}."
        ) from error
    taken = read_number(core, profile, profile.density)
    if taken != value:
        raise ScannerError(
            f"{device}-{name} was set to {value} and reads {taken:g}: correct the "
            f"values in the profile {profile.name!r}."
        )


def read_number(core: CMMCorePlus, profile: Profile, setting: Setting) -> float:
    """Return the value of a property as a number.

    Raises
    ------
    ScannerError
        If it cannot be read, or is no number.
    """
    device, name = profile.address(setting)
    try:
        return float(core.getProperty(device, name))
    except Exception as error:  # whatever a device throws
        raise ScannerError(
            f"{device}-{name} of the profile {profile.name!r} gives no number: "
            f"{sentence(error)}."
        ) from error


def read_beam(core: CMMCorePlus, profile: Profile) -> Beam:
    """Return what is set now and decides the time of a frame.

    Raises
    ------
    ScannerError
        If it cannot be read, is no number of passes, or the dwell is outside the
        limits of the profile.
    """
    dwell = profile.dwell
    dwell_us = None
    if dwell is not None:
        value = read_number(core, profile, dwell)
        device, name = profile.address(dwell)
        if not 0 < value < math.inf:
            raise ScannerError(f"{device}-{name} reads {value:g}: set it above 0.")
        dwell_us = dwell.in_us(value)
        low, high = dwell.limits_us or (dwell_us, dwell_us)
        # A rate and a time are each other's rounded inverse.
        if not low * (1 - 1e-6) <= dwell_us <= high * (1 + 1e-6):
            raise ScannerError(
                f"{device}-{name} is at {dwell_us:g} us a pixel and the profile "
                f"{profile.name!r} knows {low:g} to {high:g} us: set it within them."
            )
    return Beam(dwell_us, _read_passes(core, profile), float(core.getExposure()))


def _read_passes(core: CMMCorePlus, profile: Profile) -> int:
    if profile.averages is None:
        return 1
    passes = read_number(core, profile, profile.averages)
    if not (passes >= 1 and float(passes).is_integer()):
        device, name = profile.address(profile.averages)
        raise ScannerError(
            f"{device}-{name} reads {passes:g}, which is no number of passes over a "
            f"frame: set it to 1 or more, or correct [averages] in the profile "
            f"{profile.name!r}."
        )
    return int(passes)


@contextmanager
def answering() -> Iterator[None]:
    """Turn what a device throws when it is only asked into a sentence.

    Raises
    ------
    ScannerError
        Instead of any error that is not our own.
    """
    try:
        yield
    except PssrLiveError:
        raise
    except Exception as error:
        raise ScannerError(
            f"The microscope does not answer: {sentence(error)}; check the device."
        ) from error


def sentence(error: BaseException) -> str:
    """Return what an error says, on one line and without its full stop."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said[:300].rstrip(" .;")


def _camera_fault(core: CMMCorePlus, profile: Profile) -> str:
    current = core.getCameraDevice()
    if current == profile.camera:
        return ""
    return (
        f"The profile {profile.name!r} is for the camera {profile.camera!r}, and the "
        f"microscope's is {current or '(none)'!r}: give another profile or "
        "configuration."
    )


def _property_fault(core: CMMCorePlus, profile: Profile, setting: Setting) -> str:
    device, name = profile.address(setting)
    begin = f"The profile {profile.name!r} names "
    if device not in core.getLoadedDevices():
        return (
            f"{begin}the device {device!r}; the microscope has "
            f"{', '.join(core.getLoadedDevices())}."
        )
    if not core.hasProperty(device, name):
        return (
            f"{begin}the property {device}-{name}, which does not exist; there are "
            f"{', '.join(core.getDevicePropertyNames(device))}."
        )
    if core.isPropertyReadOnly(device, name):
        return f"{begin}{device}-{name}, which can only be read."
    return ""
