"""Pixel sizes where makers of microscopes write them: in tags of their own.

Electron microscopes of FEI (now Thermo Fisher) and Zeiss, confocals of Zeiss (LSM),
and Micro-Manager where it wrote no OME-XML. The `tifffile` package decodes the tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_MICROMANAGER = 51123  # tag of each of its pages
_M = 1e6  # micrometres

Said = tuple[object, object, float | str]  # width, height, and their unit


def maker_sides(tiff: TiffFile, page: TiffPage) -> Said | None:
    """Return the sides of a pixel along X and Y, as a maker wrote them.

    Returns
    -------
    tuple or None
        Width, height, and their unit: micrometres in it, or its name. None where
        there is nothing of the kind.
    """
    if tiff.is_fei:
        scan = _part(tiff.fei_metadata, "Scan")
        return scan.get("PixelWidth"), scan.get("PixelHeight"), _M
    if tiff.is_lsm:
        voxel = _part({"all": tiff.lsm_metadata}, "all")
        return voxel.get("VoxelSizeX"), voxel.get("VoxelSizeY"), _M
    if tiff.is_sem:
        said = _part({"all": tiff.sem_metadata}, "all")
        for name in ("ap_image_pixel_size", "ap_pixel_size"):
            match said.get(name):
                case (_, size, str(unit)):
                    return size, size, unit
    tag = page.tags.get(_MICROMANAGER)
    size = _part({"all": tag.value if tag else None}, "all").get("PixelSizeUm")
    return None if size is None else (size, size, 1.0)


def _part(said: object, name: str) -> Mapping[str, Any]:
    """Return a part of what was read; an empty one if it is nothing of the kind."""
    part = said.get(name) if isinstance(said, Mapping) else None
    return part if isinstance(part, Mapping) else {}
