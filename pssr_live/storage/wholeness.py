"""Whether a TIFF file of another program holds all that it says it holds.

A reader that finds less than it was promised reads what is there and says nothing. A
file that ends in the middle is refused here, as one of ours is; one that is sound and
has less than its text says is read, with a sentence about it.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, cast

from pssr_live.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffFile, TiffPage


def shortfall(tiff: TiffFile, path: Path, found: int, named: int) -> str:
    """Return what is wrong with the number of images; empty if nothing is.

    Parameters
    ----------
    tiff : TiffFile
        The file, opened.
    path : Path
        Its name, for the sentence.
    found : int
        Images that can be read.
    named : int
        Images that the reader knows of, those that are not there included.

    Raises
    ------
    StorageError
        If the file was cut short.
    """
    promised = _promised(tiff)
    if promised is None:
        promised = named if named > found else None
    if promised is not None and found >= promised:
        return ""
    if _is_cut(tiff):
        images = "its last image" if promised is None else f"its {promised} images do"
        raise StorageError(
            f"{path} ends before {images}; it was cut short, copy or save it again."
        )
    if promised is None or named > found:
        return ""  # the places that are empty are known
    return (
        f"{path} says that it holds {promised} images, and {found} could be found: "
        "check that it is the whole movie."
    )


def _promised(tiff: TiffFile) -> int | None:
    """Return how many images the text of the first page tells; None if it does not."""
    if tiff.is_ome:
        return None  # the reader knows each place
    if tiff.is_imagej and tiff.imagej_metadata:
        return int(tiff.imagej_metadata.get("images", 1))
    if tiff.is_shaped and tiff.shaped_metadata:
        shapes = [said.get("shape", ()) for said in tiff.shaped_metadata]
        return sum(int(prod(shape[:-2])) for shape in shapes)
    return None


def _is_cut(tiff: TiffFile) -> bool:
    """Whether the file leads on to what lies behind its end."""
    return _next_directory(tiff) >= tiff.filehandle.size or _has_a_cut_tail(tiff)


def _next_directory(tiff: TiffFile) -> int:
    """Return where the directory after the last one should be; 0 if there is none."""
    kind, handle = tiff.tiff, tiff.filehandle
    at = tiff.pages[-1].offset
    if at <= 0:
        return 0  # made up by the reader: it has no directory of its own
    handle.seek(at)
    (entries,) = struct.unpack(kind.tagnoformat, handle.read(kind.tagnosize))
    handle.seek(at + kind.tagnosize + entries * kind.tagsize)
    (offset,) = struct.unpack(kind.offsetformat, handle.read(kind.offsetsize))
    return int(offset)


def _has_a_cut_tail(tiff: TiffFile) -> bool:
    """Whether images follow the only page as bytes, but not all of them (ImageJ)."""
    page = cast("TiffPage", tiff.pages[0])
    if not tiff.is_imagej or len(tiff.pages) > 1 or not page.is_contiguous:
        return False
    return tiff.filehandle.size - page.dataoffsets[0] >= 2 * page.nbytes
