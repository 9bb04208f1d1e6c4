"""MDA sequences, checked against a microscope before the first frame.

The MDA engine only logs what a microscope cannot do, and goes on without it.
"""

from __future__ import annotations

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.event_check import (
    check_numbers,
    check_preset,
    check_properties,
    check_stages,
    require_property,
)
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
    check_numbers(everything, "The sequence")
    focuses = sequence.autofocus_plan is not None  # at a time point too, perhaps
    check_stages(core, everything, "The sequence", autofocus=focuses)
    check_properties(core, events, "A position of the sequence")
    if sequence.setup is not None:
        _set_up(core, sequence.setup)
        _set_roi(core, sequence.setup)
    with answering():
        _check_images(core)


def _set_up(core: CMMCorePlus, event: MDAEvent) -> None:
    """Set what a setup sets, in the order of the engine; it may change the field."""
    if event.channel is not None:
        group, preset = event.channel.group, event.channel.config
        try:
            core.setConfig(group, preset)
            core.waitForConfig(group, preset)
        except Exception as error:  # whatever a device says to a preset
            raise ScannerError(
                f"The sequence's setup cannot set {group} to {preset!r}: "
                f"{sentence(error)}."
            ) from error
    for device, name, value in event.properties or ():
        require_property(core, device, name, "The sequence's setup")
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
