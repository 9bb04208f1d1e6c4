"""The disk: how much room it has, and its errors in words a person can use."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pssr_live.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARGIN = 1.05  # room wanted for each byte needed
NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def free_bytes(path: Path) -> int:
    """Return the bytes free where `path` is, or would be."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def check_room(path: Path, needed_bytes: int) -> None:
    """Refuse a run that its disk cannot hold, before the first frame.

    Parameters
    ----------
    path : Path
        Where the files will be; need not exist yet.
    needed_bytes : int
        What they will take. 5 % more must be free.

    Raises
    ------
    StorageError
        If the disk has less.
    """
    free = free_bytes(path)
    if needed_bytes * MARGIN > free:
        raise StorageError(
            f"The run needs {in_words(needed_bytes)} and the disk of {path} has "
            f"{in_words(free)} free; free some, choose another folder or take fewer "
            "frames."
        )


def in_words(size_bytes: float) -> str:
    """Return a size as people say it.

    >>> in_words(16e12), in_words(2_150_000_000), in_words(3_400_000), in_words(12)
    ('16.0 TB', '2.1 GB', '3.4 MB', '0.0 MB')
    """
    if size_bytes >= 1e12:
        return f"{size_bytes / 1e12:.1f} TB"
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.1f} MB"


@contextmanager
def disk_errors(what: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that begins with `what`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "choose another place for it"
        if error.errno in NO_ROOM:
            with suppress(OSError):
                reason += f" ({in_words(free_bytes(path))} free there)"
            advice = f"free some room or {advice}"
        raise StorageError(
            f"{what} could not be written to {path}: {reason}; {advice}."
        ) from error
