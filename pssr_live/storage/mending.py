"""Files of a session that was killed, opened again for what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.errors import StorageError
from pssr_live.storage.growing import GrowingTiff
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.provenance import layout_from_json
from pssr_live.storage.unfinished import is_empty, survey

if TYPE_CHECKING:
    from pathlib import Path


def holds_frames(path: Path) -> bool:
    """Return whether a file is there and has a page that is whole.

    A file of another program is always said to hold frames: it is not ours to replace.
    """
    if not path.exists() or is_empty(path):
        return False
    try:
        survey(path)
    except StorageError:
        return False
    return True


def reopen(path: Path) -> PageFile | None:
    """Return a file of ours that was never closed; None if it was.

    Pages that are not whole are given up: those at the end are cut off, others become
    missing ones.

    Parameters
    ----------
    path : Path
        A file that `holds_frames`.

    Raises
    ------
    StorageError
        If it is not ours, or cannot be written.
    """
    found = survey(path)
    if found is None:
        with open_movie(path) as movie:
            finished = "missing" in movie.provenance
        if not finished:
            raise StorageError(
                f"{path} was not written by pssr-live; leave it as it is."
            )
        return None
    layout = layout_from_json(found.said["layout"])
    tiff = GrowingTiff.reopen(path, found)
    return PageFile(path, tiff, found.pages.facts, layout)
