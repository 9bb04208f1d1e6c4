"""The images of one file, whole numbers or floating point, read one at a time.

What can be restored can be learned from, and so can floating-point TIFF files, which
no detector records but many programs write.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tifffile

from pssr_live.storage.contents import tiff_errors
from pssr_live.storage.metadata import channel_names, pixel_size_um
from pssr_live.storage.movie import open_movie
from pssr_live.storage.tiff import plane_reads

Plane = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """A file that is open; `read` takes the place of an image, from 0.

    `indices` says which T, C, Z and position each image is; ordinals in `missing`
    are not there, and the frame before one in `gaps` is not its neighbour in time.
    """

    path: Path
    shape: tuple[int, int]
    dtype: str
    indices: tuple[Mapping[str, int], ...]
    read: Callable[[int], Plane]
    pixel_size_um: float | None = None
    channel_names: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    gaps: frozenset[int] = frozenset()


@contextmanager
def open_images(path: Path) -> Iterator[Images]:
    """Open a file for training.

    Raises
    ------
    StorageError
        If it cannot be read, or is in colour.
    """
    if _is_float(path):
        with tifffile.TiffFile(path) as tiff:
            with tiff_errors(path, "The images"):
                images = _float_images(tiff, path)
            yield images
        return
    with open_movie(path) as movie:
        yield Images(
            path=path,
            shape=movie.shape,
            dtype=movie.dtype,
            indices=tuple(movie.layout.index_of(n) for n in range(len(movie))),
            read=lambda ordinal: movie.frame(ordinal).pixels,
            pixel_size_um=movie.pixel_size_um,
            channel_names=movie.channel_names,
            missing=movie.missing,
            gaps=movie.gaps,
        )


def _is_float(path: Path) -> bool:
    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            return series.dtype.kind == "f" and series.axes[-2:] == "YX"
    except Exception:  # whatever is wrong with it, `open_movie` says it better
        return False


def _float_images(tiff: tifffile.TiffFile, path: Path) -> Images:
    series = tiff.series[0]
    axes, sizes = series.axes[:-2].lower(), series.shape
    unnamed = [axis for axis in axes if axis not in "tcz"]
    if "t" not in axes and unnamed:
        axes = axes.replace(unnamed[0], "t", 1)
    turns = itertools.product(*(range(size) for size in sizes[:-2]))
    reads = plane_reads(series, path)

    def read(ordinal: int) -> Plane:
        load = cast("Callable[[], Plane]", reads[ordinal])  # it is not in `missing`
        with tiff_errors(path, f"Image {ordinal}"):
            return load().reshape(sizes[-2:]).astype(np.float32)

    return Images(
        path=path,
        shape=(int(sizes[-2]), int(sizes[-1])),
        dtype=series.dtype.name,
        indices=tuple(dict(zip(axes, at, strict=True)) for at in turns),
        read=read,
        pixel_size_um=pixel_size_um(tiff, tiff.pages.first),
        channel_names=channel_names(tiff),
        missing=frozenset(n for n, load in enumerate(reads) if load is None),
    )
