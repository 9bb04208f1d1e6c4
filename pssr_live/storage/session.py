"""The folder of one run: its files, its diary of frames, and how it ended.

`status.json` says "running" from the first moment on, so that a run that was killed
can be told from one that ended.
"""

from __future__ import annotations

import json
import os.path
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pssr_live.errors import StorageError
from pssr_live.storage.disk import NO_ROOM, disk_errors
from pssr_live.storage.files import ByteFile, is_held

if TYPE_CHECKING:
    from collections.abc import Mapping

RAW = "raw.ome.tiff"
RESTORED = "restored.ome.tiff"
REFERENCE = "reference.ome.tiff"
FRAMES = "frames.jsonl"
STATUS = "status.json"
REPORT = "report.json"
PREVIEW = "preview.png"
NOTES = "session_notes.txt"
RESCANS = "rescans{}.ome.tiff"
FEEDBACK = "feedback.jsonl"
FILES = (RAW, RESTORED, REFERENCE, FRAMES, FEEDBACK, STATUS, REPORT, PREVIEW, NOTES)

BLOCK_BYTES = 4096  # which any file takes on a disk, however short it is

RunStatus = Literal["running", "success", "partial", "aborted", "failed"]
FrameStatus = Literal[
    "raw",
    "restored",
    "deferred",
    "missing",
    "failed",
    "asked",
    "rescan",
    "reference",
    "reference_scored",
    "reference_unscored",
    "reference_failed",
]


def session_path(save: str | Path) -> Path:
    """Return where a session will be, whatever the current folder is by then.

    A leading `~` is the home folder: taken as it is, it would be a folder of that name.

    Raises
    ------
    StorageError
        If the current folder is gone.
    """
    path = Path(save)
    with disk_errors("The session", path):
        # Which leaves alone the home of somebody who is not known.
        return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111


class SessionFolder:
    """The files of a run. Made by `create`; `SessionFolder(path)` is one that exists.

    Attributes
    ----------
    path, raw, restored, reference, frames, feedback : Path
        The folder and its files, whether they exist or not.
    status, report, preview, notes : Path
        What is said about them.
    """

    def __init__(self, path: Path):
        self.path = path
        self.raw = path / RAW
        self.restored = path / RESTORED
        self.reference = path / REFERENCE
        self.frames = path / FRAMES
        self.feedback = path / FEEDBACK
        self.status = path / STATUS
        self.report = path / REPORT
        self.preview = path / PREVIEW
        self.notes = path / NOTES

    @classmethod
    def create(cls, path: Path, *, overwrite: bool = False) -> Self:
        """Make the folder, with a status of "running".

        Parameters
        ----------
        path : Path
            May exist if it is empty.
        overwrite : bool
            Whether to remove the files of an earlier session. Other files stay.

        Raises
        ------
        StorageError
            If the folder holds anything and `overwrite` is false, if a session is
            being recorded into it, if `path` is a file, or if it cannot be written.
        """
        cls.require_usable(path, overwrite=overwrite)
        with disk_errors("The session", path):
            path.mkdir(parents=True, exist_ok=True)
        folder = cls(path)
        if is_held(folder.frames):
            raise StorageError(
                f"A session is being recorded into {path} at this moment; wait for its "
                "end, or choose another folder."
            )
        with disk_errors("The session", path):
            folder.clear()
        folder.write_status("running")
        return folder

    @staticmethod
    def require_usable(path: Path, *, overwrite: bool = False) -> None:
        """Refuse a folder that `create` would not take; makes none.

        Raises
        ------
        StorageError
            If the folder holds anything and `overwrite` is false, if `path` is a file,
            or if it cannot be read.
        """
        with disk_errors("The session", path):
            if path.exists() and not path.is_dir():
                raise StorageError(f"{path} is a file; choose a folder.")
            if path.is_dir() and any(path.iterdir()) and not overwrite:
                raise StorageError(
                    f"{path} is not empty; choose another folder, or replace it with "
                    "--overwrite (in a script: overwrite=True)."
                )

    def rescans(self, number: int) -> Path:
        """Return the file for scans of the n-th shape that a callback asked for."""
        return self.path / RESCANS.format(f"-{number}" if number > 1 else "")

    def clear(self) -> None:
        """Remove the files of a session; other files stay."""
        for path in self.path.glob(RESCANS.format("*")):
            path.unlink()
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)

    def write_status(self, status: RunStatus, reason: str = "", **counts: int) -> None:
        """Replace `status.json`; a reader sees the old one or the new, never half.

        A disk without room for another file has room for it where the old one is.

        Raises
        ------
        StorageError
            If it cannot be written; the old one stays.
        """
        content = {"status": status, "reason": reason, **counts}
        try:
            _replace(self.status, content)
        except StorageError as error:
            # A run that filled its disk must not look like one that still goes on.
            if not _is_full(error) or not _overwrite(self.status, content):
                raise

    def write_report(self, report: Mapping[str, Any]) -> None:
        """Replace `report.json` in the same way."""
        _replace(self.report, report)

    def write_notes(self, text: str) -> None:
        """Replace `session_notes.txt`: what a person wants to remember of the session.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        with disk_errors("The notes", self.path):
            self.notes.write_text(f"{text.rstrip()}\n", "utf-8")

    def read_status(self) -> dict[str, Any]:
        """Return what `write_status` wrote last.

        Raises
        ------
        StorageError
            If there is no readable status: not the folder of a session.
        """
        cause = None
        try:
            status = json.loads(self.status.read_text("utf-8"))
        except (OSError, ValueError) as error:
            status, cause = None, error
        if not isinstance(status, dict) or not isinstance(status.get("status"), str):
            raise StorageError(
                f"{self.path} has no readable {STATUS}; give the folder of a session."
            ) from cause
        return status


class FrameLog:
    """`frames.jsonl`: one line for each thing that happened to a frame.

    Any thread may write. A line is with the operating system when `write` returns.

    Parameters
    ----------
    path : Path
        Where.
    resume : bool
        Go on with the log that is there, whose last line may be cut short.
    """

    def __init__(self, path: Path, *, resume: bool = False):
        self._file = ByteFile.reopen(path) if resume else ByteFile.create(path)
        self._file.hold()
        self._path = path
        self._end = path.read_bytes().rfind(b"\n") + 1 if resume else 0
        self._file.cut(self._end)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, ordinal: int, status: FrameStatus, **facts: Any) -> None:
        """Add a line.

        Parameters
        ----------
        ordinal : int
            Which frame.
        status : str
            What became of it.
        **facts
            JSON values: index, time_s, engine, sources, elapsed_ms and the like.

        Raises
        ------
        StorageError
            If the disk refuses. No half line is left before the next one.
        """
        said = {"ordinal": ordinal, "status": status, **facts}
        line = json.dumps(said, default=str).encode("ascii") + b"\n"
        with self._lock, disk_errors(f"The line of frame {ordinal}", self._path):
            self._file.write(self._end, line)
            self._end += len(line)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._file.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a `frames.jsonl`, each with its ordinal and status.

    Lines that a crash or a power cut made unreadable are left out.

    Raises
    ------
    StorageError
        If the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror}; give the log of a session."
        ) from error
    told = (_told(line) for line in lines[:-1])
    return [line for line in told if line is not None]


def _told(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    ours = (
        isinstance(line, dict)
        and type(line.get("ordinal")) is int
        and isinstance(line.get("status"), str)
    )
    return line if ours else None


def _is_full(error: StorageError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in NO_ROOM


def _overwrite(path: Path, content: Mapping[str, Any]) -> bool:
    """Write into the block that a small file has anyway; False if that is too small."""
    text = _json(content).encode("ascii")
    try:
        old = path.stat().st_size
        if len(text) > BLOCK_BYTES:
            return False
        with path.open("r+b") as file:
            file.write(text.ljust(old))  # blanks at the end mean nothing in JSON
    except OSError:
        return False
    return True


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, default=str) + "\n"


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    scratch = path.with_suffix(".json.new")
    with disk_errors(path.name, path.parent):
        try:
            scratch.write_text(_json(content), "utf-8")
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
