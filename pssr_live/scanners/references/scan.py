"""One scan at full density between two coarse ones, and the scanner back as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
from pymmcore_plus import CMMCorePlus

from pssr_live.errors import ScannerError
from pssr_live.frame import Pixels
from pssr_live.scanners.references.plan import ReferencePlan, Setting
from pssr_live.scanners.references.tile import Rectangle, tile_rectangle

# What scanners call the number of pixels along an axis, and the beam's time on one.
_DENSITY = ("Resolution", "LSM-Resolution")
_DWELL_US, _PIXEL_RATE_HZ = "Dwell_us", "LSM-PixelRateHz"
_TRIES = 3  # to put the scanner back: a bus may be busy for a moment


class ScannerLeftBehind(ScannerError):
    """The scanner could not be put back, so that no further frame would fit the run."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceScan:
    """A scan at full density.

    Attributes
    ----------
    pixels : ndarray, (scale * height, scale * width)
        As the scanner gave it.
    rectangle : tuple of int
        What it shows: (x, y, width, height) in pixels of the coarse scan.
    pixel_size_um : float or None
        Distance of its pixels; None where the scanner does not know.
    dwell_ratio : float
        Beam time on each of its pixels, relative to the coarse scan's.
    """

    pixels: Pixels = field(repr=False)
    rectangle: Rectangle
    pixel_size_um: float | None
    dwell_ratio: float


def scan_reference(core: CMMCorePlus, scale: int, plan: ReferencePlan) -> ReferenceScan:
    """Scan at `scale` times the present density, and put the scanner back.

    Raises
    ------
    ScannerError
        If the scanner refuses, or gives an image of another shape; it is as before.
    ScannerLeftBehind
        If it could not be put back.
    """
    if core.getNumberOfCameraChannels() > 1:
        raise ScannerError(
            "References of several detectors at once cannot be taken: scan with one, "
            "or do without references."
        )
    left, top, pixels, lines = (int(n) for n in core.getROI())
    dtype = f"uint{8 * core.getBytesPerPixel()}"
    rectangle = x, y, width, height = tile_rectangle(plan.tile, (lines, pixels), scale)
    wanted = (left + x, top + y, width, height)
    density = plan.density or full_density(core, scale)
    dwell_us = _dwell_us(core)
    # Of one field, so that it does not hang on what the core knows of this density.
    size_um = core.getPixelSizeUm() / scale or None
    with _put_back(core, density):
        for device, name, value in density:
            core.setProperty(device, name, value)
        core.waitForSystem()
        _set_roi(core, tuple(scale * n for n in wanted))
        core.snapImage()
        image = np.asarray(core.getImage())
        dense_us = _dwell_us(core)
    if image.shape != (scale * height, scale * width) or image.dtype.name != dtype:
        raise ScannerError(
            f"The reference came as {image.shape} {image.dtype} instead of "
            f"{(scale * height, scale * width)} {dtype}: check the density settings, "
            "or take references of the whole field."
        )
    ratio = dense_us / dwell_us if dense_us and dwell_us else 1.0
    return ReferenceScan(image, rectangle, size_um, ratio)


def full_density(core: CMMCorePlus, scale: int) -> tuple[Setting, ...]:
    """Return the property that makes the camera scan `scale` times more densely.

    Raises
    ------
    ScannerError
        If the camera has no property that is known to do so.
    """
    camera = core.getCameraDevice()
    for name in _DENSITY:
        if camera and core.hasProperty(camera, name):
            now = int(float(core.getProperty(camera, name)))
            return ((camera, name, scale * now),)
    raise ScannerError(
        f"It is not known what makes {camera or 'no camera'} scan more densely: name "
        "the properties as reference_density=[(device, property, value)]."
    )


def _dwell_us(core: CMMCorePlus) -> float | None:
    camera = core.getCameraDevice()
    if core.hasProperty(camera, _DWELL_US):
        return float(core.getProperty(camera, _DWELL_US))
    if core.hasProperty(camera, _PIXEL_RATE_HZ):
        return 1e6 / float(core.getProperty(camera, _PIXEL_RATE_HZ))
    return None


def _set_roi(core: CMMCorePlus, roi: Sequence[int]) -> None:
    # Not asked where nothing is to change: many scanners cannot do it.
    if tuple(core.getROI()) != tuple(roi):
        core.setROI(*roi)


@contextmanager
def _put_back(core: CMMCorePlus, density: Sequence[Setting]) -> Iterator[None]:
    """Put everything that a reference may change back, whatever happens within."""
    before = [(d, name, core.getProperty(d, name)) for d, name, _ in density]
    roi = tuple(core.getROI())
    exposure_ms = core.getExposure()
    try:
        yield
    finally:
        for _ in range(_TRIES):
            with suppress(Exception):
                _restore(core, before, roi, exposure_ms)
            if _is_as_before(core, before, roi):
                break
        else:
            raise ScannerLeftBehind(
                "The scanner did not return to its coarse scan after a reference: "
                "check it, and run without references."
            )


def _restore(
    core: CMMCorePlus,
    before: Sequence[Setting],
    roi: Sequence[int],
    exposure_ms: float,
) -> None:
    for device, name, value in reversed(before):
        if str(core.getProperty(device, name)) != str(value):
            core.setProperty(device, name, value)
    core.waitForSystem()
    if tuple(core.getROI()) != tuple(roi):
        core.clearROI()
        _set_roi(core, roi)
    if core.getExposure() != exposure_ms:
        core.setExposure(exposure_ms)


def _is_as_before(
    core: CMMCorePlus, before: Sequence[Setting], roi: Sequence[int]
) -> bool:
    try:
        return tuple(core.getROI()) == tuple(roi) and all(
            str(core.getProperty(device, name)) == str(value)
            for device, name, value in before
        )
    except Exception:  # whatever a device throws that does not answer
        return False
