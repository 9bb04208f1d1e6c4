"""Opening Micro-Manager cores, and ending them so that Python can exit.

MMCore reports changes from a C++ thread of its own. Where that thread calls into
Python while the interpreter shuts down, the process aborts (exit code 134), whatever
it did before. Here every core is detached from Python before that can happen:
`open_core` does it for the cores it makes, `protect` for a core that somebody else
made.
"""

from __future__ import annotations

import atexit
import weakref
from contextlib import suppress
from pathlib import Path

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.core import DeviceInitializationState

from pssr_live.errors import ScannerError
from pssr_live.scanners.interrupts import interrupt_later
from pssr_live.scanners.scan_core import ScanCore

# pymmcore-plus itself holds its cores weakly: somebody has to hold them firmly, or
# a microscope disappears in the middle of a script.
_open: dict[int, CMMCorePlus] = {}
_protected: weakref.WeakSet[CMMCorePlus] = weakref.WeakSet()


def open_core(config: Path | None) -> ScanCore:
    """Return a new core, with the devices of `config` loaded.

    Parameters
    ----------
    config : Path or None
        A Micro-Manager configuration; lines that begin with `#py` load devices
        written in Python. A relative path is also looked for beside the device
        adapters ("MMConfig_demo.cfg"). None gives a core without devices.

    Raises
    ------
    ScannerError
        If the file cannot be read, or one of its devices cannot be loaded.
    """
    core = ScanCore()
    protect(core)
    if config is not None:
        try:
            _load(core, Path(config))
        except ScannerError:
            close_core(core)
            raise
    _open[id(core)] = core
    return core


def close_core(core: CMMCorePlus) -> None:
    """Stop and unload `core` and detach it from Python; a second call does nothing."""
    _open.pop(id(core), None)
    if core not in _protected:
        return
    _protected.discard(core)
    with interrupt_later():  # half closed, it would abort the process at its exit
        with suppress(Exception):
            if core.mda.is_running():  # an idle one would remember it for its next run
                core.mda.cancel()
        with suppress(Exception):
            core.stopSequenceAcquisition()
        # Detached before unloading: unloading is what makes the C++ thread speak.
        _detach(core)
        with suppress(Exception):
            core.unloadAllDevices()


def protect(core: CMMCorePlus) -> None:
    """See to it that `core`, made elsewhere, lets Python exit; holds it weakly.

    Raises
    ------
    ScannerError
        If it is no core that can run an MDA.
    """
    if not isinstance(core, CMMCorePlus):
        raise ScannerError(
            f"The core is of type {type(core).__name__}: give a "
            "`pymmcore_plus.CMMCorePlus`, which alone can run an MDA."
        )
    _protected.add(core)


@atexit.register
def _close_all() -> None:
    for core in list(_open.values()):
        close_core(core)
    for core in list(_protected):
        _detach(core)


def _detach(core: CMMCorePlus) -> None:
    # CMMCorePlus forbids registerCallback; the class below it still has it.
    with suppress(Exception):
        super(CMMCorePlus, core).registerCallback(None)


def _load(core: ScanCore, config: Path) -> None:
    if config.is_dir():
        raise ScannerError(
            f"The configuration {config} is a folder; give the path of a .cfg file."
        )
    try:
        core.loadSystemConfiguration(config)
    except FileNotFoundError as error:
        raise ScannerError(
            f"There is no configuration {config}; give the path of a .cfg file."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScannerError(
            f"The configuration {config} cannot be read ({_reason(error)}); "
            "give a Micro-Manager .cfg file."
        ) from error
    except Exception as error:
        raise ScannerError(
            f"The configuration {config} does not load: {_reason(error)}; correct "
            "that line, or install the device adapter that it names."
        ) from error
    _require_initialised(core, config)


def _require_initialised(core: ScanCore, config: Path) -> None:
    # UniMMCore logs a Python device that fails to start, and goes on without it.
    failed = DeviceInitializationState.InitializationFailed
    for label in core.getLoadedDevices():
        if (
            core.isPyDevice(label)
            and core.getDeviceInitializationState(label) == failed
        ):
            raise ScannerError(
                f"The device {label!r} of {config} did not start; read the "
                "Micro-Manager log for its reason."
            )


def _reason(error: BaseException) -> str:
    """Return what a chain of errors says, on one line, without a trailing stop."""
    said = " ".join(str(error).split()) or type(error).__name__
    said = said.rpartition("Error in configuration file ")[2]
    return said[:300].rstrip(" .;")
