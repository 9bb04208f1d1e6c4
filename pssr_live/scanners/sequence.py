"""MDA sequences: read from a file, and checked against a microscope.

useq-schema ignores words that it does not know, and the MDA engine only logs what a
microscope cannot do and goes on. Both would cost a person an evening, so both are
errors here, before the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.on_core import sentence

_EXAMPLE = "write at least `time_plan: {interval: 0, loops: 60}`"


def read_sequence(path: Path) -> MDASequence:
    """Read a useq MDA sequence from YAML or JSON.

    Raises
    ------
    ScannerError
        If the file cannot be read, has a word that useq does not know, or gives no
        frames.
    """
    try:
        said = yaml.safe_load(path.read_text("utf-8"))  # JSON is YAML too
    except OSError as error:
        raise ScannerError(
            f"The sequence {path} cannot be read: {error.strerror}; give a .yaml file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split()).rstrip(" .^:")
        raise ScannerError(
            f"The sequence {path} is not YAML: {where}; correct it there."
        ) from error
    if not isinstance(said, dict):
        kind = "nothing" if said is None else f"a {type(said).__name__}"
        raise ScannerError(f"The sequence {path} holds {kind}: {_EXAMPLE}.")
    sequence = _validated(said, path)
    for where, known in _unknown_words(said, sequence):
        raise ScannerError(
            f"The sequence {path} has the entry {where!r}, which means nothing: use "
            f"{', '.join(known)}."
        )
    if not any(event.action.type == "acquire_image" for event in sequence):
        raise ScannerError(f"The sequence {path} gives no frame: {_EXAMPLE}.")
    return sequence


def _validated(said: dict[Any, Any], path: Path) -> MDASequence:
    try:
        return MDASequence(**{str(word): value for word, value in said.items()})
    except ValidationError as error:
        raise ScannerError(
            f"The sequence {path} is wrong at {_complaint(error)}; see useq-schema for "
            "what may stand there."
        ) from error


def _complaint(error: ValidationError) -> str:
    """Return the one complaint, of all kinds of plan tried, that helps a person."""
    errors = error.errors()
    telling = [e for e in errors if e["type"] not in ("missing", "model_type")]
    if telling:
        first = telling[0]
        return f"{_where(first)}: {first['msg']}, got {str(first['input'])[:80]!r}"
    first = errors[0]
    if first["type"] == "model_type":
        return f"{_where(first)}: give a mapping, got {str(first['input'])[:80]!r}"
    lacking = dict.fromkeys(_where(e) for e in errors if e["type"] == "missing")
    return f"{', or '.join(lacking)}: it is missing"


def _where(error: Any) -> str:
    # Capitals are the classes that pydantic tried, which no user has heard of.
    return ".".join(str(part) for part in error["loc"] if not str(part)[:1].isupper())


def _unknown_words(
    said: Any, model: Any, where: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Yield each word that validation ignored, with those that it knows."""
    if isinstance(said, dict) and isinstance(model, BaseModel):
        known = type(model).model_fields
        names = {field.alias or name: name for name, field in known.items()}
        for word, value in said.items():
            name = word if word in known else names.get(word)
            if name is None:
                yield f"{where}{word}", sorted(set(known) - {"uid"})
            else:
                inner = getattr(model, name)
                yield from _unknown_words(value, inner, f"{where}{word}.")
    elif isinstance(said, list) and isinstance(model, tuple | list):
        if len(said) == len(model):
            for n, (one, inner) in enumerate(zip(said, model, strict=True)):
                yield from _unknown_words(one, inner, f"{where}{n}.")


def check_sequence(core: CMMCorePlus, sequence: MDASequence) -> None:
    """Refuse a sequence that asks for what the microscope does not have.

    The sequence's setup is applied, which is the only way to know that every device
    takes its value.

    Raises
    ------
    ScannerError
        Naming the camera, stage, preset, device or property that is missing.
    """
    if not core.getCameraDevice():
        raise ScannerError(
            "The configuration has no camera: add `Property,Core,Camera,<label>`."
        )
    events = list(sequence.replace(time_plan=None))  # time only repeats
    channels = {(e.channel.group, e.channel.config) for e in events if e.channel}
    for group, preset in sorted(channels):
        _check_preset(core, group, preset)
    _check_stages(core, sequence, events)
    if sequence.setup is not None:
        _set_up(core, sequence.setup)
        _set_roi(core, sequence.setup)


def _check_preset(core: CMMCorePlus, group: str, preset: str) -> None:
    presets = core.getAvailableConfigs(group)
    if preset not in presets:
        raise ScannerError(
            f"The microscope has no preset {preset!r} in the group {group!r}: use "
            f"{', '.join(presets) or 'no channels'}, or another --config."
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


def _set_up(core: CMMCorePlus, event: MDAEvent) -> None:
    devices = core.getLoadedDevices()
    for device, name, value in event.properties or ():
        if device not in devices:
            raise ScannerError(
                f"The sequence's setup names the device {device!r}; the microscope "
                f"has {', '.join(devices)}."
            )
        if not core.hasProperty(device, name):
            raise ScannerError(
                f"The sequence's setup names the property {device}-{name}, which does "
                f"not exist; there are "
                f"{', '.join(core.getDevicePropertyNames(device))}."
            )
        if core.isPropertyReadOnly(device, name):
            raise ScannerError(
                f"The sequence's setup sets {device}-{name}, which can only be read; "
                "take it out."
            )
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
