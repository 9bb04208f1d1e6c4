"""Run an MDA sequence with live restoration: what `run` and `demo` do.

Everything that can be known beforehand is checked beforehand: the words of the
sequence, the devices and presets that it names. A first Ctrl-C ends the run cleanly,
with every acquired frame on disk; a second one interrupts at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import FinishReason
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.hook import LiveRestoration


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
        where = " ".join(str(error).split())
        raise ScannerError(f"The sequence {path} is not YAML: {where}.") from error
    if not isinstance(said, dict):
        raise ScannerError(
            f"The sequence {path} holds no MDA sequence; see useq-schema."
        )
    known = set(MDASequence.model_fields)
    for word in said:
        if word not in known:
            raise ScannerError(
                f"The sequence {path} has the entry {word!r}, which means nothing: "
                f"use {', '.join(sorted(known - {'uid'}))}."
            )
    return _validated(said, path)


def _validated(said: dict[str, Any], path: Path) -> MDASequence:
    try:
        sequence = MDASequence(**said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScannerError(
            f"The sequence {path} is wrong at {where}: {first['msg']}, "
            f"got {first['input']!r}; see useq-schema for what may stand there."
        ) from error
    if not any(event.action.type == "acquire_image" for event in sequence):
        raise ScannerError(
            f"The sequence {path} gives no frame: add a time_plan, channels, z_plan "
            "or stage_positions."
        )
    return sequence


def check_sequence(core: CMMCorePlus, sequence: MDASequence) -> None:
    """Refuse a sequence that names what the microscope does not have.

    Raises
    ------
    ScannerError
        Naming the camera, preset, device or property that is missing.
    """
    if not core.getCameraDevice():
        raise ScannerError(
            "The configuration has no camera: add `Property,Core,Camera,<label>`."
        )
    for channel in sequence.channels:
        _check_preset(core, channel.group, channel.config)
    if sequence.setup is not None:
        _check_properties(core, sequence.setup)


def _check_preset(core: CMMCorePlus, group: str, preset: str) -> None:
    presets = core.getAvailableConfigs(group)
    if preset not in presets:
        raise ScannerError(
            f"The microscope has no preset {preset!r} in the group {group!r}; it has "
            f"{', '.join(presets) or 'none'}."
        )


def _check_properties(core: CMMCorePlus, event: MDAEvent) -> None:
    devices = core.getLoadedDevices()
    for device, name, _ in event.properties or ():
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


def acquire(
    core: CMMCorePlus, sequence: MDASequence, live: LiveRestoration
) -> dict[str, Any]:
    """Run `sequence`, restore it live, and return the report.

    Raises
    ------
    ScannerError
        If the acquisition failed; everything acquired until then is on disk.
    """
    check_sequence(core, sequence)
    with live, _clean_interrupt(core):
        core.mda.run(sequence, output=live)
        failed = core.mda.status.finish_reason == FinishReason.ERRORED
    if failed:
        raise ScannerError(
            "The acquisition ended with an error; the frames until then are on disk, "
            "and the Micro-Manager log says why."
        )
    return live.report


@contextmanager
def _clean_interrupt(core: CMMCorePlus) -> Iterator[None]:
    """Make the first Ctrl-C cancel the run instead of tearing it down."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.getsignal(signal.SIGINT)

    def cancel(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        core.mda.cancel()

    signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
