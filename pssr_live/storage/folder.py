"""A folder of TIFF files with one image each, taken as a movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.errors import StorageError
from pssr_live.storage.contents import Contents
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.numbering import are_alike, gaps_of, indices_of, natural_key
from pssr_live.storage.tiff import open_tiff

if TYPE_CHECKING:
    from pathlib import Path

    from pssr_live.frame import Pixels

_ENDINGS = (".tif", ".tiff")


def open_folder(path: Path) -> Contents:
    """Open a folder; the first file tells the shape of all.

    Raises
    ------
    StorageError
        If it has no TIFF file, or the first one cannot be read. A later file that
        does not fit is found when its frame is asked for.
    """
    files = sorted(
        (file for file in path.iterdir() if is_image(file)),
        key=lambda file: natural_key(file.name),
    )
    if not files:
        raise StorageError(
            f"{path} holds no {' or '.join(_ENDINGS)} file; give a folder of single "
            "images."
        )
    first = _open_single(files[0])
    first.close()
    names = [file.stem for file in files]
    indices = indices_of(names)
    gaps = gaps_of(names, indices)

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
        layout=RunLayout(tuple(indices)),
        read=read,
        close=lambda: None,
        gaps=gaps,
        doubt=_doubt(path, files, gaps),
        oblong=first.oblong,
    )


def is_image(file: Path) -> bool:
    """Whether it is one; a Mac leaves "._a.tif" beside "a.tif" on other disks."""
    is_tiff = file.suffix.lower() in _ENDINGS and not file.name.startswith(".")
    return is_tiff and not file.is_dir()


def _doubt(path: Path, files: list[Path], gaps: frozenset[int]) -> str:
    names = [file.name for file in files]
    if not are_alike([file.stem for file in files]):
        return (
            f"The names of the images in {path} differ in more than numbers "
            f"({names[0]}, {names[-1]}), and all are taken as one movie in time: give "
            "each channel or movie a folder of its own."
        )
    if gaps:
        times = "once" if len(gaps) == 1 else f"{len(gaps)} times"
        return (
            f"The numbers of the images in {path} skip others {times}, first before "
            f"{names[min(gaps)]}: frames seem to be missing there, and no window "
            "reaches across."
        )
    return ""


def _open_single(file: Path) -> Contents:
    found = open_tiff(file)
    if len(found.layout) != 1:
        found.close()
        raise StorageError(
            f"{file} holds {len(found.layout)} images; in a folder each file must hold "
            "one, so restore this file by itself."
        )
    return found
