"""TIFF files, read page by page: our own with all they know, others by their axes.

The `tifffile` package does the decoding and tells the axes; this module decides what
they mean for a movie. A stack whose only axis has no name is time.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from tifffile import PHOTOMETRIC, TiffFile

from pssr_live.errors import StorageError
from pssr_live.storage.contents import Contents, pixel_type, tiff_errors
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.metadata import (
    channel_names,
    oblong,
    pixel_size_um,
    time_increment_s,
    z_step_um,
)
from pssr_live.storage.ome_sites import ome_sites
from pssr_live.storage.own import own_contents
from pssr_live.storage.wholeness import shortfall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt
    from tifffile import FileHandle, TiffPage, TiffPageSeries

    from pssr_live.frame import Pixels


def open_tiff(path: Path) -> Contents:
    """Open a TIFF file.

    Raises
    ------
    StorageError
        If it is empty, not a TIFF, not whole, in colour, or of a type that cannot be
        restored.
    """
    if path.stat().st_size == 0:
        raise StorageError(f"{path} is empty; it holds no image to restore.")
    with tiff_errors(path, "The header"):
        tiff = TiffFile(path)
    try:
        with tiff_errors(path, "The directory"):
            return own_contents(tiff, path) or _foreign_contents(tiff, path)
    except BaseException:
        tiff.close()
        raise


def _foreign_contents(tiff: TiffFile, path: Path) -> Contents:
    if len(tiff.pages) == 0:
        raise StorageError(f"{path} holds no image; it was never finished.")
    series = tiff.series
    first = series[0]
    page = first.keyframe
    _refuse_colour(first, path)
    dtype = pixel_type(first.dtype, path)
    alike = [s for s in series if (s.axes, s.dtype) == (first.axes, first.dtype)]
    sizes = {s.shape[-2:] for s in series}
    if len(sizes) > 1 or len(alike) < len(series):
        raise StorageError(
            f"{path} holds images of {len(sizes)} sizes in {len(series)} series; save "
            "each as a file of its own."
        )
    indices: list[dict[str, int]] = []
    reads: list[Callable[[], Pixels] | None] = []
    # Whoever appends image after image to a file makes each a series of its own.
    images = not tiff.is_ome and all(len(one.shape) == 2 for one in series)
    for n, one in enumerate(series):
        place = {"t" if images else "p": n} if len(series) > 1 else {}
        indices += _indices(one, place)
        reads += plane_reads(one, path)
    missing = frozenset(n for n, read in enumerate(reads) if read is None)
    doubt = shortfall(tiff, path, len(reads) - len(missing), len(reads))
    y, x = page.imagelength, page.imagewidth
    white_is_0 = page.photometric == PHOTOMETRIC.MINISWHITE

    def read(ordinal: int) -> Pixels:
        load = reads[ordinal]
        if load is None:
            raise StorageError(f"Frame {ordinal} is missing in {path}; skip it.")
        with tiff_errors(path, f"Frame {ordinal}"):
            pixels = load().reshape(y, x).astype(dtype, copy=False)
        # As Bio-Formats does; some cameras of electron microscopes keep it so.
        return np.invert(pixels) if white_is_0 else pixels

    return Contents(
        shape=(y, x),
        dtype=dtype,
        pixel_size_um=pixel_size_um(tiff, page),
        layout=RunLayout(
            tuple(indices),
            channel_names(tiff),
            time_increment_s(tiff),
            z_step_um(tiff),
            ome_sites(tiff),
        ),
        read=read,
        close=tiff.close,
        missing=missing,
        doubt=doubt or _inverted(page, path),
        oblong=oblong(tiff, page, path),
    )


def _inverted(page: TiffPage, path: Path) -> str:
    if page.photometric != PHOTOMETRIC.MINISWHITE:
        return ""
    return (
        f"{path} calls 0 white (MinIsWhite): its values are taken inverted, as viewers "
        "show them."
    )


def _refuse_colour(series: TiffPageSeries, path: Path) -> None:
    if "S" in series.axes or series.keyframe.samplesperpixel > 1:
        raise StorageError(
            f"{path} is a colour (RGB) image of shape {series.shape}; split it into "
            "one channel per page (Fiji: Image > Color > Split Channels), or, if it is "
            "a movie, write it as one (tifffile: photometric='minisblack')."
        )
    table = series.keyframe.colormap
    # ImageJ keeps any look-up table for showing; the pixels are what was measured.
    if table is not None and not series.keyframe.is_imagej and not _grows(table):
        raise StorageError(
            f"{path} has colours by number (a palette), which say nothing about "
            "brightness; convert it to grey (Fiji: Image > Type > 8-bit)."
        )
    if series.axes[-2:] != "YX":
        raise StorageError(
            f"{path} has the axes {series.axes}, not (..., Y, X); save it as a plain "
            "stack of images."
        )


def _grows(table: npt.NDArray[np.uint16]) -> bool:
    """Whether a table of colours (3, N) gets brighter with the number."""
    brightness = table.astype(np.int64).sum(axis=0)
    return bool((np.diff(brightness) >= 0).all())


def _indices(series: TiffPageSeries, place: dict[str, int]) -> list[dict[str, int]]:
    """Return the index of each plane, in the order of the file."""
    axes = series.axes[:-2].lower()
    if "t" not in axes:
        unnamed = [axis for axis in axes if axis not in "cz"]
        axes = axes.replace(unnamed[0], "t", 1) if unnamed else axes
    names: list[str] = []
    for axis in axes:  # all that a file leaves without a name are called the same
        names.append(axis * (1 + sum(name[0] == axis for name in names)))
    turns = itertools.product(*(range(size) for size in series.shape[:-2]))
    return [place | dict(zip(names, at, strict=True)) or {"t": 0} for at in turns]


def plane_reads(
    series: TiffPageSeries, path: Path
) -> list[Callable[[], Pixels] | None]:
    """Return how to read each plane; None for planes that the file has not."""
    count = int(np.prod(series.shape[:-2], dtype=np.int64))
    pages = list(series.pages)
    if len(pages) == 1 and count > 1:
        return _contiguous_reads(series, count, path)
    if len(pages) != count:
        raise StorageError(
            f"{path} has {len(pages)} pages for {count} images; save it as a stack "
            "with one image per page."
        )
    return [None if page is None else _page_read(page, path) for page in pages]


def _page_read(page: Any, path: Path) -> Callable[[], Pixels]:
    def load() -> Pixels:
        ends = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
        if ends > page.parent.filehandle.size:
            raise StorageError(
                f"{path} ends before the pixels of page {page.index}; it was cut "
                "short, copy or save it again."
            )
        with _opened(page.parent.filehandle):
            return cast("Pixels", page.asarray())

    return load


@contextmanager
def _opened(handle: FileHandle) -> Iterator[None]:
    """Open a file for one page if it is closed, as all but the first of several are."""
    was_closed = handle.closed
    if was_closed:
        handle.open()
    try:
        yield
    finally:
        if was_closed:
            handle.close()


def _contiguous_reads(
    series: TiffPageSeries, count: int, path: Path
) -> list[Callable[[], Pixels] | None]:
    """Planes that follow each other as bytes behind a single page (ImageJ)."""
    start = series.dataoffset
    if start is None:
        raise StorageError(
            f"{path} keeps {count} images in one compressed page; save it as a stack "
            "with one image per page."
        )
    handle = series.keyframe.parent.filehandle
    dtype = np.dtype(series.keyframe.parent.byteorder + series.dtype.char)
    y, x = series.shape[-2:]
    step = y * x * dtype.itemsize
    if start + count * step > handle.size:
        raise StorageError(
            f"{path} ends before image {(handle.size - start) // step} of {count}; it "
            "was cut short, copy or save it again."
        )

    def load(plane: int) -> Pixels:
        handle.seek(start + plane * step)
        return cast("Pixels", np.frombuffer(handle.read(step), dtype))

    return [partial(load, n) for n in range(count)]
