"""Names and places of images in the OME-XML of other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.storage.metadata import UM, ome_root
from pssr_live.storage.sites import NOWHERE, Site, SitesTold, StagePoint

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from tifffile import TiffFile


def ome_sites(tiff: TiffFile) -> tuple[Site, ...]:
    """Return the site of each series of a file; empty where it is not OME's.

    A series is an image, and its number the position, where there are several. Where
    the text has more images than the file has series, nobody knows which is which.
    """
    series = tiff.series
    if not tiff.ome_metadata or any(one.kind != "ome" for one in series):
        return ()
    images = [
        (image.get("Name", ""), pixels)
        for image in ome_root(tiff.ome_metadata).iterfind("{*}Image")
        for pixels in image.iterfind("{*}Pixels")
    ]
    if len(images) != len(series):
        return ()
    told = SitesTold()
    for p, (name, pixels) in enumerate(images):
        position = {"p": p} if len(images) > 1 else {}
        depth = int(pixels.get("SizeZ", "1"))
        for z in range(depth):  # a plane of which nothing is told is not like another
            told.take({**position, "z": z}, NOWHERE, name)
        for plane in pixels.iterfind("{*}Plane"):
            at = _where(plane)
            if 0 <= at.get("z", -1) < depth:
                told.take({**position, **at}, _point(plane))
    return told.sites()


def _where(plane: ET.Element) -> dict[str, int]:
    """Return which plane of its image it is; nothing where the numbers are none."""
    try:
        return {axis.lower(): int(plane.get(f"The{axis}", "")) for axis in "TCZ"}
    except ValueError:
        return {}


def _point(plane: ET.Element) -> StagePoint:
    return StagePoint(*(_um(plane, axis) for axis in "XYZ"))


def _um(plane: ET.Element, axis: str) -> float | None:
    """Return a position in micrometres; None without a unit of length.

    OME's unit for a position that names none is the "reference frame", of which nobody
    knows the size.
    """
    factor = UM.get(plane.get(f"Position{axis}Unit", "").lower())
    try:
        said = float(plane.get(f"Position{axis}", ""))
    except ValueError:
        return None
    return None if factor is None else said * factor
