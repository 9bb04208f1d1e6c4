"""The file that a movie is restored into: it harms no other, and appears only whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from pssr_live.errors import StorageError
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.files import is_held
from pssr_live.storage.mending import holds_frames
from pssr_live.storage.movie import acquired
from pssr_live.storage.session import RAW, REFERENCE, RESCANS, SessionFolder


def check_target(source: Path, target: Path, *, overwrite: bool = False) -> None:
    """Refuse a target that exists, or whose writing would harm its source.

    Raises
    ------
    StorageError
        Saying which.
    """
    source = acquired(source)
    if target.exists() and source.exists() and target.samefile(source):
        raise StorageError(
            f"{target} is the movie itself, and raw data are never overwritten: choose "
            "another name."
        )
    if _is_acquired(target):
        raise StorageError(
            f"{target} is where a session keeps what it acquired, and raw data are "
            "never overwritten: choose another name."
        )
    if source.is_dir() and target.parent.resolve() == source.resolve():
        raise StorageError(
            f"{target} would become one of the images of the movie {source}: choose a "
            "place outside that folder."
        )
    if target.is_dir():
        raise StorageError(f"{target} is a folder: name the OME-TIFF to write.")
    if target.exists() and not overwrite:
        raise StorageError(
            f"{target} exists: choose another -o, or pass --overwrite to replace it."
        )


def _is_acquired(target: Path) -> bool:
    """Whether a session has, or would have, a scan of its own under that name."""
    if not SessionFolder(target.parent).status.exists():
        return False
    return target.name in (RAW, REFERENCE) or fnmatch(target.name, RESCANS.format("*"))


def part_of(target: Path) -> Path:
    """Return where a file is until it is complete."""
    return target.with_name(target.name + ".part")


@contextmanager
def unfinished(
    target: Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    kept_on: type[BaseException] | tuple[()] = (),
) -> Iterator[Path]:
    """Yield the path to write to until all is done.

    What is still there afterwards is removed, with the folders made for it.

    Parameters
    ----------
    target : Path
        What it becomes.
    overwrite, resume : bool
        Take the path although it is taken: to begin anew, or to go on.
    kept_on : type, optional
        What may end it and leave the frames that it has.

    Raises
    ------
    StorageError
        If that path is taken or being written, or the folder cannot be made.
    """
    part = part_of(target)
    if is_held(part):
        raise StorageError(
            f"{part} is being written at this moment: wait for its end, or choose "
            "another -o."
        )
    if part.exists() and not (overwrite or resume):
        go_on = "pass --resume to go on with it" if kept_on else "remove it"
        raise StorageError(
            f"{part} exists, from a restoration that is running or was killed: "
            f"{go_on}, or pass --overwrite to replace it."
        )
    made = _make_folder(target.parent)
    kept = False
    try:
        if not resume:
            with disk_errors("The restored movie", target):
                part.unlink(missing_ok=True)
        yield part
    except kept_on:
        kept = holds_frames(part)
        raise
    finally:
        if not kept:
            with suppress(OSError):  # where none could be made, none can be removed
                part.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # it holds the target
                folder.rmdir()


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; return what was made, innermost first."""
    chain = [folder, *folder.absolute().parents]
    count = next(n for n, path in enumerate(chain) if path.exists())
    if not chain[count].is_dir():
        raise StorageError(
            f"{chain[count]} is a file, not a folder: choose another -o."
        )
    with disk_errors("The restored movie", folder):
        folder.mkdir(parents=True, exist_ok=True)
    return chain[:count]
