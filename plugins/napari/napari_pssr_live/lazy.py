"""Frames of a movie file as arrays that read a frame when it is looked at.

A movie holds positions and channels; each pair of them becomes one `Stack`, a table of
the ordinals (T, Z) of its frames, and one dask array (T, Z, Y, X) or (T, Y, X).
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dask.array as da
import numpy as np
import numpy.typing as npt

from pssr_live.frame import Pixels
from pssr_live.storage.image_names import ONLY
from pssr_live.storage.movie import Movie, open_movie

IntArray = npt.NDArray[np.int64]

NEVER_PLANNED = -1  # a plane of the box that no frame belongs to


class OpenMovie:
    """A movie file that many threads read, open for as long as anything shows it.

    Raises
    ------
    StorageError
        If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.movie: Movie = open_movie(path)
        # napari never says that a layer was removed; its array just disappears.
        weakref.finalize(self, self.movie.close)

    def has(self, ordinal: int) -> bool:
        """Whether there is a frame with this ordinal."""
        return ordinal != NEVER_PLANNED and ordinal not in self.movie.missing

    def read(self, ordinal: int) -> Pixels:
        """Return the pixels of a frame (Y, X); zeros where there is none.

        Raises
        ------
        StorageError
            If the file cannot be read.
        """
        if not self.has(ordinal):
            return np.zeros(self.movie.shape, self.movie.dtype)
        return self.movie.frame(ordinal).pixels  # dask asks from several threads


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The frames of one channel at one position.

    Attributes
    ----------
    position : str
        Its name, or else such as "p1"; empty where there is but one without a name.
    channel : int
        Its number in the index.
    channel_name : str
        Empty where unknown.
    ordinals : ndarray, (T, Z)
        The frame of each plane, or `NEVER_PLANNED`.
    """

    position: str
    channel: int
    channel_name: str
    ordinals: IntArray = field(repr=False)


def stacks_of(movie: Movie) -> list[Stack]:
    """Return the stacks of a movie, by position and then by channel."""
    planes = movie.layout.planes
    names = movie.channel_names
    found = []
    for image in np.unique(planes[:, 0]):
        inside = planes[:, 0] == image
        # All channels of a position get the same box, so that they share sliders.
        _, times, _, depth = planes[inside].max(axis=0) + 1
        called = movie.layout.image_names[image]
        called = "" if called == ONLY else called
        for channel in np.unique(planes[inside, 2]):
            ordinals = np.full((times, depth), NEVER_PLANNED, np.int64)
            chosen = np.flatnonzero(inside & (planes[:, 2] == channel))
            ordinals[planes[chosen, 1], planes[chosen, 3]] = chosen
            name = names[channel] if channel < len(names) else ""
            found.append(Stack(called, int(channel), name, ordinals))
    return found


def lazy_array(opened: OpenMovie, ordinals: IntArray) -> da.Array:
    """Return the frames `ordinals` (...) of a movie as an array (..., Y, X)."""
    height, width = opened.movie.shape

    def load(block_id: tuple[int, ...]) -> npt.NDArray[Any]:
        pixels = opened.read(int(ordinals[block_id[:-2]]))
        return pixels.reshape((1,) * ordinals.ndim + pixels.shape)

    one_by_one = tuple((1,) * size for size in ordinals.shape)
    array: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        load,
        chunks=(*one_by_one, (height,), (width,)),
        dtype=opened.movie.dtype,
        meta=np.empty((0,) * (ordinals.ndim + 2), opened.movie.dtype),
        # A file may grow between two openings, so no two arrays share a cache.
        name=f"{opened.path.name}-{uuid4().hex}",
    )
    return array
