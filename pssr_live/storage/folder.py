"""A folder of TIFF files with one image each, taken as a movie in time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pssr_live.errors import StorageError
from pssr_live.storage.contents import Contents
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.tiff import open_tiff

if TYPE_CHECKING:
    from pathlib import Path

    from pssr_live.frame import Pixels

_ENDINGS = (".tif", ".tiff")


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a sorting key that puts "t2" before "t10".

    >>> sorted(["t10.tif", "t2.tif"], key=natural_key)
    ['t2.tif', 't10.tif']
    """
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]


def open_folder(path: Path) -> Contents:
    """Open a folder; the first file tells the shape of all.

    Raises
    ------
    StorageError
        If it has no TIFF file, or the first one cannot be read. A later file that
        does not fit is found when its frame is asked for.
    """
    files = sorted(
        (file for file in path.iterdir() if file.suffix.lower() in _ENDINGS),
        key=lambda file: natural_key(file.name),
    )
    if not files:
        raise StorageError(
            f"{path} holds no {' or '.join(_ENDINGS)} file; give a folder of single "
            "images."
        )
    first = _open_single(files[0])
    first.close()

    def read(ordinal: int) -> Pixels:
        one = _open_single(files[ordinal])
        try:
            if (one.shape, one.dtype) != (first.shape, first.dtype):
                raise StorageError(
                    f"{files[ordinal]} is {one.shape} {one.dtype} and the images "
                    f"before it are {first.shape} {first.dtype}; keep one kind in a "
                    "folder."
                )
            return one.read(0)
        finally:
            one.close()

    return Contents(
        shape=first.shape,
        dtype=first.dtype,
        pixel_size_um=first.pixel_size_um,
        layout=RunLayout(tuple({"t": t} for t in range(len(files)))),
        read=read,
        close=lambda: None,
        oblong=first.oblong,
    )


def _open_single(file: Path) -> Contents:
    found = open_tiff(file)
    if len(found.layout) != 1:
        found.close()
        raise StorageError(
            f"{file} holds {len(found.layout)} images; in a folder each file must hold "
            "one, so restore this file by itself."
        )
    return found
