"""A point scanner that needs no microscope: a Python device in a real core.

>>> from pssr_live.scanners.core import open_core, close_core
>>> core = open_core(simulated_config())
>>> core.setProperty("Scanner", "Resolution", 128)
>>> core.getExposure(), core.getPixelSizeUm()
(29.184, 0.2)
>>> close_core(core)

The scanner and its samples are loaded when first used: they need scipy, and whoever
only names the configuration shall not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pssr_live.engines.installed import missing
from pssr_live.errors import ScannerError, SettingsError

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

    from pssr_live.scanners.simulated.device import SimulatedScanner
    from pssr_live.scanners.simulated.records import ScanRecord
    from pssr_live.scanners.simulated.settings import FULL_RESOLUTION, ScanSettings

__all__ = [
    "FULL_RESOLUTION",
    "ScanRecord",
    "ScanSettings",
    "SimulatedScanner",
    "calibration_file",
    "density_setup",
    "scanner_of",
    "simulated_config",
]

LABEL = "Scanner"
_HOMES = {
    "FULL_RESOLUTION": "settings",
    "ScanRecord": "records",
    "ScanSettings": "settings",
    "SimulatedScanner": "device",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def simulated_config() -> Path:
    """Return the path of the .cfg that loads the simulated scanner as "Scanner".

    Raises
    ------
    SettingsError
        If scipy is not installed; a core that loads the file would blame the file.
    """
    if missing("demo", "scipy"):
        raise SettingsError(
            'The package scipy is not installed: run `pip install "pssr-live[demo]"`.'
        )
    return Path(__file__).with_name("simulated.cfg")


def calibration_file(sample: str) -> Path:
    """Return the calibration of the scanner, as it is set for "mito" or "em".

    Found by `pssr-live calibrate` from 32 scans of the section and 8 dark ones, the
    detector at the gain of that specimen.
    """
    return Path(__file__).with_name(f"calibration_{sample}.toml")


def density_setup(resolution: int, label: str = LABEL) -> list[tuple[str, str, int]]:
    """Return the properties of a density, as `MDAEvent(properties=...)` takes them.

    >>> density_setup(128)
    [('Scanner', 'Resolution', 128)]
    """
    return [(label, "Resolution", resolution)]


def scanner_of(core: CMMCorePlus) -> SimulatedScanner:
    """Return the simulated scanner that is the camera of `core`.

    Raises
    ------
    ScannerError
        If the camera is another one.
    """
    from pssr_live.scanners.simulated.device import SimulatedScanner

    python_camera = getattr(core, "_py_camera", None)
    camera = python_camera() if python_camera else None
    if not isinstance(camera, SimulatedScanner):
        raise ScannerError(
            f"The camera {core.getCameraDevice()!r} is not a simulated scanner; only "
            "that one knows the truth."
        )
    return camera
