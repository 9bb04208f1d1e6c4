"""Proof of a profile on the connected microscope: set, read back, scan, measure.

A few frames are scanned at each density. Everything is put back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.scanners.hardware_kept import hardware_kept
from pssr_live.scanners.patience import patient
from pssr_live.scanners.profiles.cost import FrameCost, cost_of
from pssr_live.scanners.profiles.on_core import (
    missing_parts,
    read_beam,
    read_number,
    set_density,
)
from pssr_live.scanners.profiles.profile import Profile
from pssr_live.scanners.scan_plan import TOO_QUICK
from pssr_live.scanners.streaming import measured_frame_ms

TOO_SLOW = 1.3  # times the modelled time
COMPUTER_MS = 20.0  # what a computer may add to a frame, however short that is
SIZE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what, whether it is as the profile says, and how."""

    what: str
    good: bool
    said: str


@dataclass(frozen=True, slots=True)
class _Look:
    """The microscope at one density."""

    shape: tuple[int, int]
    pixel_size_um: float
    told_ms: float
    model: FrameCost
    measured_ms: float


def check_profile(
    core: CMMCorePlus,
    profile: Profile,
    tell: Callable[[str], None] = lambda what: None,
) -> list[Finding]:
    """Try everything that a profile says, and return what was found.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope; afterwards as it was, also after an error or Ctrl-C.
    profile : Profile
        What to prove.
    tell : callable, optional
        Called with what is done next.

    Raises
    ------
    ScannerError
        If the microscope is busy.
    """
    faults = missing_parts(core, profile)
    if "camera" in faults:
        return [Finding("camera", False, faults["camera"])]
    findings = [
        Finding(what, what not in faults, faults.get(what, said))
        for what, said in _parts(profile)
    ]
    if faults:
        return findings
    addresses = [profile.address(one) for one in profile.settings.values()]
    with hardware_kept(core, addresses, stage=False) as hardware:
        findings += _readable(core, profile)
        looks = {}
        for name in ("high", "low"):
            tell(f"Scanning at the {name} density")
            try:
                looks[name] = _look(core, profile, getattr(profile.density, name))
            except ScannerError as error:
                findings.append(Finding(f"{name} density", False, str(error)))
        for name, look in looks.items():
            findings += _findings_of(profile, name, look)
        if len(looks) == len(("high", "low")):
            findings += _compared(profile, looks["high"], looks["low"])
        left = hardware.put_back()
    return [*findings, Finding("put back", not left, " ".join(left) or "as it was")]


def _parts(profile: Profile) -> Iterable[tuple[str, str]]:
    yield "camera", f"{profile.camera} is the camera"
    for what, setting in profile.settings.items():
        yield what, f"{'-'.join(profile.address(setting))} exists and can be set"


def _readable(core: CMMCorePlus, profile: Profile) -> list[Finding]:
    """Return whether dwell and zoom make sense, and the detectors are as named."""
    findings = []
    try:
        beam = read_beam(core, profile)
        if beam.dwell_us is not None:
            findings.append(Finding("dwell now", True, f"{beam.dwell_us:g} us"))
    except ScannerError as error:
        findings.append(Finding("dwell now", False, str(error)))
    if profile.zoom is not None:
        try:
            zoom = read_number(core, profile, profile.zoom)
            findings.append(Finding("zoom now", True, f"{zoom:g}"))
        except ScannerError as error:
            findings.append(Finding("zoom now", False, str(error)))
    named, given = len(profile.detectors), core.getNumberOfCameraChannels()
    said = f"{named} in the profile, {given} of the camera"
    return [*findings, Finding("detectors", named == given, said)]


def _look(core: CMMCorePlus, profile: Profile, value: int) -> _Look:
    """Set a density, read it back, and scan."""
    set_density(core, profile, value)
    shape = core.getImageHeight(), core.getImageWidth()
    model = cost_of(profile, shape, read_beam(core, profile))
    with patient(core, model.time_ms / 1000):
        measured_ms = measured_frame_ms(core, model.time_ms)
    return _Look(shape, core.getPixelSizeUm(), core.getExposure(), model, measured_ms)


def _findings_of(profile: Profile, name: str, look: _Look) -> list[Finding]:
    value = getattr(profile.density, name)
    lines, pixels = look.shape
    found = f"{pixels} x {lines} pixels"
    fits = profile.density.counts == "binning" or look.shape == (value, value)
    said = found if fits else f"{found}, not {value} x {value}: is a ROI set?"
    model_ms, measured_ms = look.model.time_ms, look.measured_ms
    in_time = TOO_QUICK * model_ms <= measured_ms <= TOO_SLOW * model_ms + COMPUTER_MS
    findings = [
        Finding(f"{name} density", fits, said),
        Finding(
            f"{name} frame time",
            in_time,
            f"{measured_ms:.1f} ms measured, {model_ms:.1f} ms by the profile",
        ),
    ]
    if profile.timing.exposure_is_frame_time and profile.dwell is not None:
        agrees = abs(look.told_ms - model_ms) <= SIZE_TOLERANCE * model_ms
        told = f"{look.told_ms:.1f} ms told, {model_ms:.1f} ms by the profile"
        findings.append(Finding(f"{name} exposure", agrees, told))
    return findings


def _sizes(high: _Look, low: _Look, scale: int) -> str:
    if (low.shape[0] * scale, low.shape[1] * scale) == high.shape:
        return f"{scale} times fewer each way"
    sizes = (f"{pixels} x {lines}" for lines, pixels in (high.shape, low.shape))
    return f"{' high and '.join(sizes)} low, not {scale} times fewer each way"


def _compared(profile: Profile, high: _Look, low: _Look) -> list[Finding]:
    scale = profile.density.scale
    size = low.shape[0] * scale, low.shape[1] * scale
    ratio = low.pixel_size_um / high.pixel_size_um if high.pixel_size_um else 0.0
    follows = abs(ratio - scale) <= SIZE_TOLERANCE * scale
    told = f"{high.pixel_size_um:g} um high, {low.pixel_size_um:g} um low"
    if not high.pixel_size_um:
        told = "the microscope does not know it: calibrate it in the configuration"
    elif not follows:
        told += f": {ratio:g} times and not {scale} times, correct the configuration"
    saved = high.measured_ms / low.measured_ms
    modelled = high.model.time_ms / low.model.time_ms
    dose = high.model.dose_us / low.model.dose_us
    return [
        Finding("same field", size == high.shape, _sizes(high, low, scale)),
        Finding("pixel size", follows, told),
        Finding("time", True, f"{saved:.1f} times less, {modelled:.1f} by the profile"),
        Finding("dose", True, f"{dose:.1f} times less, by the profile"),
    ]
