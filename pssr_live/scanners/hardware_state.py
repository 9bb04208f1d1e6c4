"""The state of a microscope before a run, and how it is put back afterwards.

Remembered are the properties that the run is going to touch, exposure, ROI, shutter
and stage. Only what differs afterwards is set: setting a property may have effects of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.scanners.profiles.on_core import sentence
from pssr_live.scanners.stage import StagePosition

Address = tuple[str, str]  # device and property


@dataclass(frozen=True, slots=True)
class HardwareState:
    """What was set; what the microscope does not have is None.

    Attributes
    ----------
    properties : tuple of (device, property, value)
        In the order in which they were asked for.
    exposure_ms, roi, auto_shutter, shutter_open
        Of the core, as it calls them.
    stage : StagePosition or None
        None where the stage shall stay.
    """

    properties: tuple[tuple[str, str, Any], ...]
    exposure_ms: float | None
    roi: tuple[int, ...] | None
    auto_shutter: bool
    shutter_open: bool | None
    stage: StagePosition | None

    @classmethod
    def read(
        cls, core: CMMCorePlus, addresses: Iterable[Address], *, stage: bool = True
    ) -> Self:
        """Return the state now; what cannot be set is not remembered.

        Raises
        ------
        ScannerError
            If a property cannot be read.
        """
        camera = core.getCameraDevice()
        return cls(
            properties=tuple(_read(core, *one) for one in addresses if _has(core, one)),
            exposure_ms=_or_none(core.getExposure) if camera else None,
            roi=_or_none(lambda: tuple(core.getROI())) if camera else None,
            auto_shutter=bool(core.getAutoShutter()),
            shutter_open=(
                _or_none(core.getShutterOpen) if core.getShutterDevice() else None
            ),
            stage=StagePosition.read(core) if stage else None,
        )

    def put_back(self, core: CMMCorePlus) -> list[str]:
        """Set what differs; return a sentence for each thing that could not be."""
        with suppress(Exception):
            if core.isSequenceRunning():
                core.stopSequenceAcquisition()
        failed: list[str] = []

        def attempt(what: str, action: Callable[[], Any]) -> None:
            try:
                action()
            except Exception as error:  # whatever a device throws
                failed.append(
                    f"{what} could not be put back: {sentence(error)}; set it by hand."
                )

        for one in reversed(self.properties):
            attempt("-".join(one[:2]), partial(_set, core, *one))
        attempt("The exposure", partial(self._put_exposure, core))
        attempt("The ROI", partial(self._put_roi, core))
        attempt("The shutter", partial(self._put_shutter, core))
        if self.stage is not None:
            stage = self.stage
            attempt("The stage", lambda: failed.extend(stage.put_back(core)))
        return failed

    def _put_exposure(self, core: CMMCorePlus) -> None:
        if self.exposure_ms is not None and core.getExposure() != self.exposure_ms:
            core.setExposure(self.exposure_ms)

    def _put_roi(self, core: CMMCorePlus) -> None:
        if self.roi is None or tuple(core.getROI()) == self.roi:
            return
        core.clearROI()
        if tuple(core.getROI()) != self.roi:
            core.setROI(*self.roi)

    def _put_shutter(self, core: CMMCorePlus) -> None:
        if core.getAutoShutter() != self.auto_shutter:
            core.setAutoShutter(self.auto_shutter)
        wanted = self.shutter_open
        if wanted is not None and core.getShutterOpen() != wanted:
            core.setShutterOpen(wanted)


def _has(core: CMMCorePlus, address: Address) -> bool:
    device, name = address
    return (
        device in core.getLoadedDevices()
        and core.hasProperty(device, name)
        and not core.isPropertyReadOnly(device, name)
        and not core.isPropertyPreInit(device, name)
    )


def _read(core: CMMCorePlus, device: str, name: str) -> tuple[str, str, Any]:
    try:
        # As it comes: a device written in Python may take back nothing but its own.
        return device, name, core.getProperty(device, name)
    except Exception as error:  # whatever a device throws
        raise ScannerError(
            f"{device}-{name} cannot be read: {sentence(error)}; check the device."
        ) from error


def _set(core: CMMCorePlus, device: str, name: str, value: Any) -> None:
    if not _same(str(core.getProperty(device, name)), str(value)):
        core.setProperty(device, name, value)
        core.waitForDevice(device)


def _same(one: str, other: str) -> bool:
    with suppress(ValueError):
        return float(one) == float(other)
    return one == other


def _or_none(ask: Callable[[], Any]) -> Any:
    """Return what the core says; None where its camera cannot say it."""
    with suppress(Exception):
        return ask()
    return None
