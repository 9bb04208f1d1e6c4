"""MDA sequences, checked against a microscope before the first frame.

The MDA engine only logs what a microscope cannot do, and goes on without it.
"""

from __future__ import annotations

import math
from contextlib import suppress

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.grids import once
from pssr_live.scanners.profiles.on_core import answering, sentence

MOST_BYTES = 2  # of a pixel that a model knows


def check_sequence(core: CMMCorePlus, sequence: MDASequence) -> None:
    """Refuse a sequence that asks for what the microscope does not have.

    The sequence's setup is applied, which is the only way to know that every device
    takes its value.

    Raises
    ------
    ScannerError
        Naming the camera, stage, preset, device or property that is missing, a
        place that is none, or images that cannot be restored.
    """
    if not core.getCameraDevice():
        raise ScannerError(
            "The configuration has no camera: add `Property,Core,Camera,<label>`."
        )
    events = once(sequence)
    everything = [*events, *([] if sequence.setup is None else [sequence.setup])]
    channels = {(e.channel.group, e.channel.config) for e in everything if e.channel}
    for group, preset in sorted(channels):
        check_preset(core, group, preset)
    _check_numbers(everything)
    _check_stages(core, sequence, everything)
    _check_properties(core, events)
    if sequence.setup is not None:
        _set_up(core, sequence.setup)
        _set_roi(core, sequence.setup)
    with answering():
        _check_images(core)


def check_preset(core: CMMCorePlus, group: str, preset: str) -> None:
    """Refuse a preset, such as a channel, that the microscope does not have.

    Raises
    ------
    ScannerError
        Naming those that it has.
    """
    presets = core.getAvailableConfigs(group)
    if preset not in presets:
        raise ScannerError(
            f"The microscope has no preset {preset!r} in the group {group!r}: use "
            f"{', '.join(presets) or 'no channels'}, or another --config."
        )


def _check_numbers(events: list[MDAEvent]) -> None:
    for event in events:
        for name in ("x_pos", "y_pos", "z_pos", "exposure"):
            value = getattr(event, name)
            if value is not None and not math.isfinite(value):
                index = {str(axis): at for axis, at in event.index.items()}
                raise ScannerError(
                    f"The sequence asks for {name} = {value} at {index}: give a number."
                )


def _check_stages(
    core: CMMCorePlus, sequence: MDASequence, events: list[MDAEvent]
) -> None:
    wanted = {
        "an XY stage": (
            core.getXYStageDevice(),
            any(e.x_pos is not None or e.y_pos is not None for e in events),
        ),
        "a focus drive": (
            core.getFocusDevice(),
            any(e.z_pos is not None for e in events),
        ),
        "an autofocus": (
            core.getAutoFocusDevice(),
            sequence.autofocus_plan is not None
            or any(e.action.type == "hardware_autofocus" for e in events),
        ),
    }
    for what, (device, needed) in wanted.items():
        if needed and not device:
            raise ScannerError(
                f"The sequence needs {what} and the microscope has none: take that "
                "out of the sequence, or give another --config."
            )


def _check_properties(core: CMMCorePlus, events: list[MDAEvent]) -> None:
    """Refuse properties of positions, which are not set to try them: they may move."""
    settings = {(d, n, str(v)) for e in events for d, n, v in e.properties or ()}
    for device, name, value in sorted(settings):
        whose = "A position of the sequence"
        _check_property(core, whose, device, name)
        with answering():
            instead = _instead_of(core, device, name, value)
        if instead:
            raise ScannerError(
                f"{whose} sets {device}-{name} to {value!r}, which it does not take: "
                f"give {instead}."
            )


def _instead_of(core: CMMCorePlus, device: str, name: str, value: str) -> str:
    """Return what a property takes instead of a value; nothing if it takes that."""
    with suppress(ValueError):
        number = float(value)
        if core.hasPropertyLimits(device, name):
            low = core.getPropertyLowerLimit(device, name)
            high = core.getPropertyUpperLimit(device, name)
            return "" if low <= number <= high else f"{low:g} to {high:g}"
    allowed = core.getAllowedPropertyValues(device, name)
    return "" if not allowed or value in allowed else ", ".join(allowed)


def _check_property(core: CMMCorePlus, whose: str, device: str, name: str) -> None:
    devices = core.getLoadedDevices()
    if device not in devices:
        raise ScannerError(
            f"{whose} names the device {device!r}; the microscope has "
            f"{', '.join(devices)}."
        )
    if not core.hasProperty(device, name):
        raise ScannerError(
            f"{whose} names the property {device}-{name}, which does not exist; there "
            f"are {', '.join(core.getDevicePropertyNames(device))}."
        )
    if core.isPropertyReadOnly(device, name):
        raise ScannerError(
            f"{whose} sets {device}-{name}, which can only be read; take it out."
        )


def _set_up(core: CMMCorePlus, event: MDAEvent) -> None:
    for device, name, value in event.properties or ():
        _check_property(core, "The sequence's setup", device, name)
        try:
            core.setProperty(device, name, value)
        except Exception as error:  # whatever a device says to a value
            raise ScannerError(
                f"The sequence's setup cannot set {device}-{name} to {value!r}: "
                f"{sentence(error)}."
            ) from error


def _set_roi(core: CMMCorePlus, event: MDAEvent) -> None:
    if (roi := event.roi) is None:
        return
    rectangle = (roi.offset_x, roi.offset_y, roi.width, roi.height)
    try:
        core.clearROI()
        core.setROI(*rectangle)
    except Exception as error:  # whatever a camera says to a rectangle
        raise ScannerError(
            f"The sequence's setup cannot set the ROI to {rectangle}: "
            f"{sentence(error)}."
        ) from error


def _check_images(core: CMMCorePlus) -> None:
    if core.getNumberOfComponents() > 1:
        gives = "colour images"
    elif core.getBytesPerPixel() > MOST_BYTES:
        gives = f"pixels of {8 * core.getBytesPerPixel()} bit"
    else:
        return
    raise ScannerError(
        f"The camera {core.getCameraDevice()!r} gives {gives}: set its pixel type to 8 "
        "or 16 bit grey."
    )
