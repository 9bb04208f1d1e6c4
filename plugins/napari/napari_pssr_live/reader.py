"""What napari calls for a path: a reader, or None if the path is none of ours."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from napari_pssr_live.layers import Layer, layers_of
from napari_pssr_live.lazy import OpenMovie
from pssr_live.errors import StorageError
from pssr_live.storage.session import SessionFolder

Reader = Callable[[str], list[Layer]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return what opens `path`.

    Parameters
    ----------
    path : str or list of str
        A session folder or a movie file. A list, which asks for its files as one
        stack, is left to other readers: a run is one file already.
    """
    if isinstance(path, list):
        return None
    place = Path(path)
    if place.is_file():
        return _open_file
    is_session = _files(place) or SessionFolder(place).status.is_file()
    return _open_session if is_session else None


def _open_file(path: str) -> list[Layer]:
    """Open one movie file."""
    return layers_of([OpenMovie(Path(path))])


def _open_session(path: str) -> list[Layer]:
    """Open the raw frames of a session and, above them, the restored ones.

    Raises
    ------
    StorageError
        If none of the files can be read, or there is none yet.
    """
    if not _files(Path(path)):
        raise StorageError(
            f"The session {path} holds no frame yet: open it again once it has some."
        )
    opened: list[OpenMovie] = []
    trouble: StorageError | None = None
    for file in _files(Path(path)):
        try:
            opened.append(OpenMovie(file))
        except StorageError as error:
            trouble = error
    if not opened:
        assert trouble is not None  # noqa: S101 - a session has a file
        raise trouble
    if trouble is not None:
        # napari shows a warning as a notification.
        warnings.warn(f"A part of the session is not shown: {trouble}", stacklevel=2)
    return layers_of(opened)


def _files(folder: Path) -> list[Path]:
    """Return the movies of a session that exist, raw first."""
    session = SessionFolder(folder)
    return [file for file in (session.raw, session.restored) if file.is_file()]
