"""Names of folders and files that a session makes by itself. Pure; knows no Qt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

TIME = "%Y-%m-%d_%H-%M-%S"


def new_session(folder: Path, now: datetime) -> Path:
    """Return a folder that does not exist yet, named by the time.

    >>> new_session(Path("/nowhere"), datetime(2024, 2, 1, 9, 30)).name
    '2024-02-01_09-30-00'
    """
    return _free(folder / now.strftime(TIME), "")


def new_view(folder: Path, now: datetime) -> Path:
    """Return a picture file that does not exist yet, named by the time."""
    return _free(folder / f"view_{now.strftime(TIME)}", ".png")


def _free(stem: Path, ending: str) -> Path:
    path, number = stem.with_name(stem.name + ending), 2
    while _is_taken(path):
        path, number = stem.with_name(f"{stem.name}_{number}{ending}"), number + 1
    return path


def _is_taken(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long, or forbidden: whoever makes it will say so
        return False
