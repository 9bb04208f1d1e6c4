"""Any movie, one frame at a time: our own files, other TIFFs, folders, arrays.

Nothing is read before it is asked for, so a movie may be larger than memory.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pssr_live.errors import StorageError
from pssr_live.frame import Frame, series_of
from pssr_live.storage.channel_names import channel_name
from pssr_live.storage.contents import pixel_type
from pssr_live.storage.folder import open_folder
from pssr_live.storage.session import SessionFolder
from pssr_live.storage.tiff import open_tiff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from pssr_live.frame import Pixels, Series
    from pssr_live.storage.contents import Contents
    from pssr_live.storage.layout import RunLayout


class Movie:
    """A movie that is open for reading; a context manager. Made by `open_movie`.

    Its length is the number of its frames, missing ones included. Any thread may read:
    a file has one place that it is read at, so they take turns.
    """

    def __init__(self, path: Path, contents: Contents):
        self.path = path
        self._contents = contents
        self._reading = Lock()
        self._is_open = True
        self._layout = _with_names(contents.layout, self.channels_told)
        self._resumed = contents.gaps | _after_missing(contents)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.layout)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of every frame."""
        return self._contents.shape

    @property
    def dtype(self) -> str:
        """Type of the pixels, one of `pssr_live.frame.PIXEL_TYPES`."""
        return self._contents.dtype

    @property
    def pixel_size_um(self) -> float | None:
        """Distance of neighbouring pixels; None where the file names no single one."""
        return self._contents.pixel_size_um

    @property
    def layout(self) -> RunLayout:
        """The index of each frame in the file."""
        return self._layout

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, where the file has them."""
        return self.layout.channel_names

    @property
    def missing(self) -> frozenset[int]:
        """Ordinals of the frames that the file should have and has not."""
        return self._contents.missing

    @property
    def gaps(self) -> frozenset[int]:
        """Ordinals of frames just before which the camera lost frames."""
        return self._contents.gaps

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What a file of ours says about itself; empty for others."""
        return self._contents.provenance

    @property
    def doubt(self) -> str:
        """A sentence on what the file lacks, or how it may be misread; or empty.

        What it lacks at places that are known is in `missing`.
        """
        return self._contents.doubt

    @property
    def oblong(self) -> str:
        """A sentence on pixels that are not square; empty if they are."""
        return self._contents.oblong

    @property
    def channels_told(self) -> Sequence[Mapping[str, Any]]:
        """Names of channels that a session learned on the way, each with its place."""
        told: Sequence[Mapping[str, Any]]
        told = self.provenance.get("details", {}).get("channels", ())
        return told

    def frame(self, ordinal: int) -> Frame:
        """Read one frame.

        Raises
        ------
        StorageError
            If it is missing, or cannot be read, or the movie was closed.
        """
        if not 0 <= ordinal < len(self) or ordinal in self.missing:
            raise StorageError(
                f"Frame {ordinal} is not in {self.path}, which has {len(self)} frames "
                f"of which {len(self.missing)} are missing; choose another."
            )
        index = self.layout.index_of(ordinal)
        return Frame(
            pixels=self._read(ordinal),
            ordinal=ordinal,
            index=index,
            time_s=index.get("t", 0) * (self.layout.interval_s or 0.0),
            pixel_size_um=self.pixel_size_um,
            channel_name=channel_name(self.channel_names, self.channels_told, index),
            after_gap=ordinal in self._resumed,
        )

    def frames(self, series: Series | None = None) -> Iterator[Frame]:
        """Read the frames one after the other, as acquired; missing ones are skipped.

        Parameters
        ----------
        series : Series, optional
            Only the frames of this series; see `pssr_live.frame.series_of`.
        """
        for ordinal in range(len(self)):
            if ordinal in self.missing:
                continue
            if series in (None, series_of(self.layout.index_of(ordinal))):
                yield self.frame(ordinal)

    def _read(self, ordinal: int) -> Pixels:
        with self._reading:
            if not self._is_open:
                raise StorageError(
                    f"{self.path} was closed: read its frames before that, inside the "
                    "`with` block, or open it again."
                )
            return self._contents.read(ordinal)

    def close(self) -> None:
        """Free the file; frames that were read stay valid."""
        with self._reading:
            self._is_open = False
            self._contents.close()


def open_movie(path: str | Path) -> Movie:
    """Open a movie for restoration.

    Parameters
    ----------
    path : str or Path
        A TIFF file (ours, OME, ImageJ, or a plain stack, which is taken as time); a
        folder of TIFF files with one image each, in natural order of their names,
        whose numbers may also tell channels, planes and positions; or the folder of a
        session, for its raw file.

    Raises
    ------
    StorageError
        If it is not there, not whole, or holds pixels that cannot be restored.
    """
    path = Path(path)
    if not path.exists():
        raise StorageError(f"{path} does not exist; give a TIFF file or a folder.")
    path = acquired(path)
    return Movie(path, open_folder(path) if path.is_dir() else open_tiff(path))


def acquired(path: Path) -> Path:
    """Return the raw file of a session, among all that its folder has; else `path`."""
    session = SessionFolder(path)
    return session.raw if session.status.exists() and session.raw.exists() else path


def array_frames(
    array: npt.NDArray[Any], pixel_size_um: float | None = None
) -> list[Frame]:
    """Return the frames of an array that is already in memory.

    Parameters
    ----------
    array : ndarray, (T, Y, X) or (Y, X)
        One of `pssr_live.frame.PIXEL_TYPES`. The frames share its memory.
    pixel_size_um : float, optional
        Distance of neighbouring pixels.

    Raises
    ------
    StorageError
        If its shape or type cannot be restored.
    """
    array = _as_array(array)
    if array.ndim not in (2, 3) or array.size == 0:
        raise StorageError(
            f"An array of shape {array.shape} is no movie; give (T, Y, X) or (Y, X)."
        )
    if array.ndim == 3 and array.shape[2] in (3, 4) and array.shape[1] > 4:
        raise StorageError(
            f"An array of shape {array.shape} looks like RGB; give one channel, "
            "(T, Y, X)."
        )
    pixel_type(array.dtype, "The array")
    movie = array if array.ndim == 3 else array[np.newaxis]
    native = movie.astype(movie.dtype.newbyteorder("="), copy=False)
    return [
        Frame(pixels, t, {"t": t}, pixel_size_um=pixel_size_um)
        for t, pixels in enumerate(native)
    ]


def _as_array(given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what was given as an array, with nothing left out of it."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise StorageError(
            f"What was given as a movie cannot be made an array ({error}); give frames "
            "of one shape, in the computer's own memory."
        ) from error
    if array.ndim == 0:
        raise StorageError(
            f"A value of type {type(given).__name__} is no movie; give an array, "
            "(T, Y, X) or (Y, X): `restore_file` restores files, and `np.stack` makes "
            "an array of a list of frames."
        )
    if np.ma.is_masked(given):
        raise StorageError(
            "The array has masked pixels, and every pixel is restored from its "
            "neighbours; give `.data`, or `.filled` with a value of your choice."
        )
    return array


def _with_names(layout: RunLayout, told: Sequence[Mapping[str, Any]]) -> RunLayout:
    """Return the layout with the names of channels that hold wherever they occur."""
    found = dict(enumerate(layout.channel_names))
    found |= {one["c"]: one["name"] for one in told if set(one) == {"c", "name"}}
    names = tuple(found.get(c, "") for c in range(max(found, default=-1) + 1))
    return replace(layout, channel_names=names) if names else layout


def _after_missing(contents: Contents) -> frozenset[int]:
    """Ordinals whose neighbour, earlier in their series, is missing.

    Where there is time in the index, the index itself tells.
    """
    after = set()
    lost: dict[Series, bool] = {}
    for ordinal, index in enumerate(contents.layout.indices or ()):
        if "t" in index:
            continue
        series = series_of(index)
        if ordinal in contents.missing:
            lost[series] = True
        elif lost.pop(series, False):
            after.add(ordinal)
    return frozenset(after)
