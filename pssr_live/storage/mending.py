"""Files of a session that was killed, opened again for what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.errors import StorageError
from pssr_live.storage.bigtiff import FIRST_LINK_AT, HEADER_BYTES
from pssr_live.storage.growing import GrowingTiff
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.provenance import PageFacts, layout_from_json

if TYPE_CHECKING:
    from pathlib import Path


def holds_frames(path: Path) -> bool:
    """Return whether a file of ours is there and has a page at all."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return any(file.read(HEADER_BYTES)[FIRST_LINK_AT:])


def reopen(path: Path) -> PageFile | None:
    """Return a file of ours that was never closed; None if it was.

    Parameters
    ----------
    path : Path
        A file that `holds_frames`.

    Raises
    ------
    StorageError
        If it is not ours, damaged, or cannot be written.
    """
    with open_movie(path) as movie:
        said, shape, dtype = movie.provenance, movie.shape, movie.dtype
    if "layout" not in said:
        raise StorageError(f"{path} was not written by pssr-live; leave it as it is.")
    if "missing" in said:
        return None
    facts = PageFacts(shape, dtype, said["pixel_size_um"], said["kind"])
    layout = layout_from_json(said["layout"])
    return PageFile(path, GrowingTiff.reopen(path, facts), facts, layout)
