"""The hardware is put back when a run ends, however it ends.

The stage goes back too, unless the sequence asks it to stay with
`metadata: {pssr_live: {leave_stage: true}}`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import MDAEngine
from useq import MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.grids import once
from pssr_live.scanners.hardware_state import Address, HardwareState
from pssr_live.scanners.interrupts import interrupt_later
from pssr_live.scanners.profiles.on_core import answering
from pssr_live.scanners.profiles.profile import Profile
from pssr_live.scanners.watch import CANCEL_S, LOOK_S

log = logging.getLogger(__name__)


def touched(
    core: CMMCorePlus, sequence: MDASequence, profile: Profile | None = None
) -> list[Address]:
    """Return the properties that a run sets: profile, setup, events and presets."""
    wanted: list[Address] = []
    if profile is not None:
        wanted += [profile.address(one) for one in profile.settings.values()]
    events = once(sequence)
    events += [sequence.setup] if sequence.setup is not None else []
    for event in events:
        wanted += [(device, name) for device, name, _ in event.properties or ()]
    presets = {(e.channel.group, e.channel.config) for e in events if e.channel}
    for group, preset in sorted(presets):
        if preset in core.getAvailableConfigs(group):
            wanted += [(d, name) for d, name, _ in core.getConfigData(group, preset)]
    return list(dict.fromkeys(wanted))


def leaves_stage(sequence: MDASequence) -> bool:
    """Return whether a sequence asks the stage to stay where it ends."""
    ours = sequence.metadata.get("pssr_live")
    return isinstance(ours, dict) and bool(ours.get("leave_stage"))


class KeptHardware:
    """A state that is put back once, as soon as the hardware is no longer needed."""

    def __init__(self, core: CMMCorePlus, state: HardwareState) -> None:
        self._core, self._state = core, state
        self._done = False

    def put_back(self) -> list[str]:
        """Put everything back; return what could not be. A second call does nothing.

        A Ctrl-C meanwhile counts afterwards, and a second one at once.
        """
        if self._done:
            return []
        with interrupt_later():
            failed = self._state.put_back(self._core)
            self._done = True
        return failed


@contextmanager
def engine_restores_nothing(core: CMMCorePlus) -> Iterator[None]:
    """Keep the MDA engine from putting back, in its own way, what we put back."""
    engine = core.mda.engine
    if not isinstance(engine, MDAEngine):
        yield
        return
    before, engine.restore_initial_state = engine.restore_initial_state, False
    try:
        yield
    finally:
        engine.restore_initial_state = before


@contextmanager
def hardware_kept(
    core: CMMCorePlus, addresses: Iterable[Address], *, stage: bool = True
) -> Iterator[KeptHardware]:
    """Put the hardware back when the block ends, however it ends.

    Raises
    ------
    ScannerError
        If the microscope is busy: then it is not touched.
    """
    require_idle(core)
    with answering():
        state = HardwareState.read(core, addresses, stage=stage)
    kept = KeptHardware(core, state)
    try:
        yield kept
    finally:
        for said in kept.put_back():
            log.warning("%s", said)


def require_idle(core: CMMCorePlus) -> None:
    """Refuse a microscope that is doing something else.

    Raises
    ------
    ScannerError
        If an MDA is running, or the camera is.
    """
    if _runs(core):
        raise ScannerError(
            "The microscope is busy with another run: wait for its end, or cancel it."
        )
    if core.getCameraDevice() and core.isSequenceRunning():
        raise ScannerError(
            f"The camera {core.getCameraDevice()!r} is busy with a live view or a "
            "sequence: stop it first."
        )


def _runs(core: CMMCorePlus) -> bool:
    """Return whether an MDA runs; one that Ctrl-C tore down only says so for ever."""
    ends_s = time.monotonic() + CANCEL_S
    while core.mda.is_running():
        if not core.mda.status.cancel_requested:
            return True
        if time.monotonic() > ends_s:
            return False
        time.sleep(LOOK_S)
    return False
