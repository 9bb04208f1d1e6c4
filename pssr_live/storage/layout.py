"""Where every frame of a run belongs: image (position), time, channel and depth.

An MDA names a frame by an index such as `{"t": 3, "p": 0, "c": 1, "z": 2}`; a file
knows images, each with T, C and Z. `RunLayout` translates. A run whose length is not
known beforehand (live mode, a generator of events) has no indices; its frames follow
each other in time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.storage.image_names import ONLY, image_names
from pssr_live.storage.sites import NOWHERE, ImageKey, Site, StagePoint, image_key

Index = Mapping[str, int]
IntArray = npt.NDArray[np.int64]

HOLES_ALLOWED = 4  # planes of the smallest T x C x Z box for one frame, at most
SMALL_BOX = 64  # planes; a box this small may be as empty as it likes


class Plane(NamedTuple):
    """The place of one frame: which image, and where in it."""

    image: int
    t: int
    c: int
    z: int


@dataclass(frozen=True)
class RunLayout:
    """The frames a run is expected to give, in the order of acquisition.

    Attributes
    ----------
    indices : tuple of mappings, or None
        The MDA index of each frame; None where the run's frames are not known.
    channel_names : tuple of str
        Names of the channels, by their number in the index.
    interval_s : float or None
        Seconds from one time point to the next.
    z_step_um : float or None
        Micrometres from one z plane to the next.
    sites : tuple of Site
        Where the stage is for each image, and what its position is called, so far as
        it is known.

    Raises
    ------
    SettingsError
        If an index holds a negative number.
    """

    indices: tuple[Index, ...] | None = None
    channel_names: tuple[str, ...] = ()
    interval_s: float | None = None
    z_step_um: float | None = None
    sites: tuple[Site, ...] = ()

    def __post_init__(self) -> None:
        for ordinal, index in enumerate(self.indices or ()):
            if any(at < 0 for at in index.values()):
                raise SettingsError(
                    f"Frame {ordinal} has the index {dict(index)}; count from 0."
                )

    def __len__(self) -> int:
        """Return the number of frames expected; 0 where it is not known."""
        return len(self.indices or ())

    def index_of(self, ordinal: int) -> Index:
        """Return the index of a frame; `{"t": ordinal}` beyond what is known."""
        if self.indices is not None and ordinal < len(self.indices):
            return self.indices[ordinal]
        return {"t": ordinal}

    def place(self, ordinal: int, index: Index | None = None) -> Plane:
        """Return where a frame belongs.

        Parameters
        ----------
        ordinal : int
            The frame's place in the order of acquisition.
        index : mapping, optional
            The index of its event; heeded only where the run was not known.
        """
        if self.indices is not None and ordinal < len(self.indices):
            return Plane(*(int(at) for at in self.planes[ordinal]))
        index = index or {}
        t = index.get("t", ordinal)
        return Plane(index.get("p", 0), t, index.get("c", 0), index.get("z", 0))

    @cached_property
    def planes(self) -> IntArray:
        """The place of every frame, (N, 4): image, t, c, z.

        Frames whose indices repeat, or lie so far apart that a file would be mostly
        empty, are laid out as one series in time instead.
        """
        indices = self.indices or ()
        rank = {key: n for n, key in enumerate(self._image_keys)}
        table = np.array(
            [
                (rank[image_key(i)], *(i.get(axis, 0) for axis in "tcz"))
                for i in indices
            ],
            dtype=np.int64,
        ).reshape(-1, 4)
        return table if _fits_a_box(table) else _in_time(len(indices))

    @cached_property
    def image_names(self) -> tuple[str, ...]:
        """A name for each image, such as "p0 g3" or "cell 3 g3"."""
        keys = self._image_keys
        count = int(self.planes[:, 0].max(initial=0)) + 1
        if len(keys) != count:  # all of them laid out as one series, or none
            return (ONLY,)
        names = {key: site.name for key, site in self._site_of.items()}
        if count == 1 and not names.get(keys[0]):
            return (ONLY,)
        return image_names(keys, names)

    def stage_at(self, ordinal: int) -> StagePoint:
        """Return where the stage is planned to be for a frame."""
        index = self.index_of(ordinal)
        site = self._site_of.get(image_key(index))
        return NOWHERE if site is None else site.stage_at(index.get("z", 0))

    @cached_property
    def _image_keys(self) -> list[ImageKey]:
        return sorted({image_key(index) for index in self.indices or ()})

    @cached_property
    def _site_of(self) -> dict[ImageKey, Site]:
        return {site.at: site for site in self.sites}

    def first(self, count: int, seen: Mapping[int, Index] | None = None) -> RunLayout:
        """Return the layout of the first `count` frames.

        Parameters
        ----------
        count : int
            Number of frames; may go beyond what was expected.
        seen : mapping of int to mapping, optional
            Indices that frames came with, by ordinal; heeded only where the run
            was not known.
        """
        if self.indices is not None and count == len(self.indices):
            return self
        seen = seen if seen is not None and self.indices is None else {}
        indices = tuple(seen.get(n) or self.index_of(n) for n in range(count))
        return replace(self, indices=indices)


def continued(seen: Mapping[int, Index], count: int) -> dict[int, Index]:
    """Return the indices of frames that nobody kept, where those known tell them.

    Parameters
    ----------
    seen : mapping of int to mapping
        The indices that are known, by ordinal.
    count : int
        Number of frames.

    Returns
    -------
    dict
        Of the other frames below `count`: the index that continues the nested loops
        of those known. Nothing if these are no such loops, or if more than one kind
        would do.
    """
    axes = sorted({axis for index in seen.values() for axis in index})
    if any(sorted(index) != axes for index in seen.values()):
        return {}
    ordinals = np.array(list(seen), np.int64)
    places = np.array([[i[axis] for axis in axes] for i in seen.values()], np.int64)
    moving = [n for n in range(len(axes)) if np.ptp(places[:, n])] if axes else []
    if not moving or (len(moving) == 1 and axes[moving[0]] != "t"):
        return {}  # another axis alone may be the first turn of a loop
    sizes = places.max(axis=0) + 1
    fixed = dict(zip(axes, places[0].tolist(), strict=True))
    unknown = [n for n in range(count) if n not in seen]
    answers: list[dict[int, Index]] = []
    for loops in itertools.permutations(moving):
        if np.array_equal(_turns(ordinals, loops, sizes), places[:, loops]):
            turns = _turns(np.array(unknown, np.int64), loops, sizes).tolist()
            names = [axes[n] for n in loops]
            moved = [fixed | dict(zip(names, at, strict=True)) for at in turns]
            answers.append(dict(zip(unknown, moved, strict=True)))
    return answers[0] if answers and answers.count(answers[0]) == len(answers) else {}


def _turns(ordinals: IntArray, loops: tuple[int, ...], sizes: IntArray) -> IntArray:
    """Return where each loop is at each frame, (N, loops): the outermost has no end."""
    turns = np.empty((len(ordinals), len(loops)), np.int64)
    for column in range(len(loops) - 1, 0, -1):
        size = sizes[loops[column]]
        ordinals, turns[:, column] = ordinals // size, ordinals % size
    turns[:, 0] = ordinals
    return turns


def _in_time(count: int) -> IntArray:
    planes = np.zeros((count, 4), np.int64)
    planes[:, 1] = np.arange(count)
    return planes


def _fits_a_box(planes: IntArray) -> bool:
    """Whether each frame has a place of its own and the boxes are not too empty."""
    if len(np.unique(planes, axis=0)) < len(planes):
        return False
    box = 0
    for image in np.unique(planes[:, 0]):
        box += int(np.prod(planes[planes[:, 0] == image, 1:].max(axis=0) + 1))
    return box <= max(HOLES_ALLOWED * len(planes), SMALL_BOX)
