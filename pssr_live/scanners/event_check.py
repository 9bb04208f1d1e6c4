"""What an event asks for, checked against a microscope before it is carried out.

The MDA engine only logs what a microscope cannot do, and goes on without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.on_core import answering


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
            f"{', '.join(presets) or 'no channels'}, or another configuration."
        )


def check_numbers(events: Sequence[MDAEvent], whose: str) -> None:
    """Refuse places and exposures that are no numbers.

    Raises
    ------
    ScannerError
        Naming the first.
    """
    for event in events:
        for name in ("x_pos", "y_pos", "z_pos", "exposure"):
            value = getattr(event, name)
            if value is not None and not math.isfinite(value):
                index = {str(axis): at for axis, at in event.index.items()}
                raise ScannerError(
                    f"{whose} asks for {name} = {value} at {index}: give a number."
                )


def check_stages(
    core: CMMCorePlus,
    events: Sequence[MDAEvent],
    whose: str,
    *,
    autofocus: bool = False,
) -> None:
    """Refuse places, and autofocus, that the microscope has no device for.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    events : sequence of MDAEvent
        What is asked for.
    whose : str
        Who asks, as a sentence begins.
    autofocus : bool
        Whether an autofocus is needed, whatever the events say.

    Raises
    ------
    ScannerError
        Naming the device that is missing.
    """
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
            autofocus or any(e.action.type == "hardware_autofocus" for e in events),
        ),
    }
    for what, (device, needed) in wanted.items():
        if needed and not device:
            raise ScannerError(
                f"{whose} needs {what} and the microscope has none: take that out, or "
                "use another configuration."
            )


def check_properties(core: CMMCorePlus, events: Sequence[MDAEvent], whose: str) -> None:
    """Refuse properties that cannot be set; none is set to try it, as it may move.

    Raises
    ------
    ScannerError
        Naming the device, property or value, and those that there are.
    """
    settings = {(d, n, str(v)) for e in events for d, n, v in e.properties or ()}
    for device, name, value in sorted(settings):
        require_property(core, device, name, whose)
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


def require_property(core: CMMCorePlus, device: str, name: str, whose: str) -> None:
    """Refuse a property that does not exist, or can only be read.

    Raises
    ------
    ScannerError
        Naming those that there are.
    """
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
