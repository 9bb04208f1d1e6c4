"""What a TIFF file says beside its pixels: sizes, channels, time between frames.

OME-XML is asked first, then ImageJ's text, the tags of makers, the resolution tag.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pssr_live.errors import StorageError
from pssr_live.storage.maker_metadata import maker_sides

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffFile, TiffPage

_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}

# How many micrometres one unit has, by the names that programs give it.
UM = {
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "um": 1.0,
    "\u00b5m": 1.0,
    "\u03bcm": 1.0,
    "\\u00b5m": 1.0,
    "nm": 1e-3,
    "\u00e5": 1e-4,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
_CENTIMETRE = 3  # of the ResolutionUnit tag
_LARGEST_UM = 10.0  # a resolution coarser than this describes paper, not a sample
_SQUARE = 0.01  # pixels whose sides differ by more are not square


def ome_root(text: str) -> ET.Element:
    """Parse OME-XML, which never needs a document type and so may not have one.

    Raises
    ------
    StorageError
        If it has one, which is how XML is made to do harm.
    """
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise StorageError(
            "The OME-XML declares a document type; save the file again without it."
        )
    return ET.fromstring(text)  # noqa: S314  harmless without a document type


def pixel_size_um(tiff: TiffFile, page: TiffPage) -> float | None:
    """Return the distance of neighbouring pixels, or None if there is not one known.

    Pixels that are not square have two; see `oblong`.
    """
    width, height = _sides_um(tiff, page)
    return None if _are_oblong(width, height) else width


def oblong(tiff: TiffFile, page: TiffPage, path: Path) -> str:
    """Return a sentence about pixels that are not square; empty if they are."""
    width, height = _sides_um(tiff, page)
    if not _are_oblong(width, height):
        return ""
    return (
        f"{path} has pixels of {width:g} x {height:g} um, and models know square ones: "
        "resample it to square pixels first."
    )


def z_step_um(tiff: TiffFile) -> float | None:
    """Return the distance of neighbouring planes, or None if not known."""
    if tiff.is_ome and tiff.ome_metadata:
        return _from_ome(tiff.ome_metadata, "Z")
    if tiff.is_imagej and tiff.imagej_metadata:
        unit = str(tiff.imagej_metadata.get("unit", "")).lower()
        step = _number(tiff.imagej_metadata.get("spacing"))
        return step * UM.get(unit, 0.0) or None
    return None


def channel_names(tiff: TiffFile) -> tuple[str, ...]:
    """Return the names of the channels of an OME-TIFF; empty where there are none."""
    if not tiff.is_ome or not tiff.ome_metadata:
        return ()
    for pixels in ome_root(tiff.ome_metadata).iterfind(".//{*}Pixels"):
        names = tuple(c.get("Name", "") for c in pixels.iterfind("{*}Channel"))
        return names if any(names) else ()
    return ()


def time_increment_s(tiff: TiffFile) -> float | None:
    """Return the seconds from one time point to the next, or None if not known."""
    if tiff.is_ome and tiff.ome_metadata:
        for pixels in ome_root(tiff.ome_metadata).iterfind(".//{*}Pixels"):
            step = _number(pixels.get("TimeIncrement"))
            return step * _seconds(pixels.get("TimeIncrementUnit", "s")) or None
    if tiff.is_imagej and tiff.imagej_metadata:
        step = _number(tiff.imagej_metadata.get("finterval"))
        return step * _seconds(str(tiff.imagej_metadata.get("tunit", "s"))) or None
    return None


def _sides_um(tiff: TiffFile, page: TiffPage) -> tuple[float | None, float | None]:
    """Return the sides of a pixel along X and Y, None where not known."""
    if tiff.is_ome and tiff.ome_metadata:
        text = tiff.ome_metadata
        return _from_ome(text, "X"), _from_ome(text, "Y")
    if tiff.is_imagej and tiff.imagej_metadata:
        unit = str(tiff.imagej_metadata.get("unit", "")).lower()
        return _from_resolution(page, UM.get(unit))
    width, height = _from_maker(tiff, page)
    if width is not None:
        return width, height
    if page.resolutionunit == _CENTIMETRE:
        width, height = _from_resolution(page, UM["cm"])
        if width is not None and width < _LARGEST_UM:
            return width, height
    return None, None


def _are_oblong(width: float | None, height: float | None) -> bool:
    if width is None or height is None:
        return False
    return abs(width - height) > _SQUARE * max(width, height)


def _from_ome(text: str, axis: str) -> float | None:
    for pixels in ome_root(text).iterfind(".//{*}Pixels"):
        size = _number(pixels.get(f"PhysicalSize{axis}"))
        factor = UM.get(pixels.get(f"PhysicalSize{axis}Unit", "um").lower())
        return size * factor if size and factor else None
    return None


def _from_maker(tiff: TiffFile, page: TiffPage) -> tuple[float | None, float | None]:
    said = maker_sides(tiff, page)
    if said is None:
        return None, None
    width, height, unit = said
    unit_um = UM.get(unit.lower(), 0.0) if isinstance(unit, str) else unit
    return _number(width) * unit_um or None, _number(height) * unit_um or None


def _from_resolution(
    page: TiffPage, unit_um: float | None
) -> tuple[float | None, float | None]:
    told = [name in page.tags for name in ("XResolution", "YResolution")]
    width, height = (
        unit_um / float(per_unit) if unit_um and is_told and per_unit > 0 else None
        for is_told, per_unit in zip(told, page.resolution, strict=True)
    )
    return width, height


def _number(said: object) -> float:
    """Return a size or an interval; 0 where a program wrote what is none.

    The pixels are as good as without it, so it must not make a file unreadable.
    """
    try:
        number = float(str(said))
    except ValueError:
        return 0.0
    return number if 0 < number < math.inf else 0.0


def _seconds(unit: str) -> float:
    return _SECONDS.get(unit.lower(), 0.0)
