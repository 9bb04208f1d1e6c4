"""A file of bytes written at given places by one thread and read by another."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from io import FileIO
from types import ModuleType
from typing import TYPE_CHECKING, Self

from pssr_live.errors import StorageError
from pssr_live.storage.disk import disk_errors

if TYPE_CHECKING:
    from pathlib import Path

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, which lets nobody remove a file that is open
    fcntl = None


class ByteFile:
    """A file with separate handles for writing and for reading.

    Nothing is buffered here: what `write` was given has reached the operating system
    when it returns, and outlives the process.
    """

    def __init__(self, path: Path, writer: FileIO, reader: FileIO):
        self.path = path
        self._writer = writer
        self._reader = reader
        self._reading = threading.Lock()
        # Some network disks name no file at all, however well they keep it.
        self._names_count = os.fstat(writer.fileno()).st_nlink > 0

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create a file that does not exist yet.

        Raises
        ------
        StorageError
            If it exists, or cannot be created.
        """
        try:
            with disk_errors("The file", path):
                writer = FileIO(path, "x")
        except StorageError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise StorageError(
                    f"{path} exists; choose another place, or replace it with "
                    "--overwrite."
                ) from None
            raise
        return cls(path, writer, FileIO(path, "r"))

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open a file that exists, to write on.

        Raises
        ------
        StorageError
            If it cannot be opened.
        """
        with disk_errors("The file", path):
            return cls(path, FileIO(path, "r+"), FileIO(path, "r"))

    def cut(self, length: int) -> None:
        """Make the file no longer than `length` bytes."""
        self._writer.truncate(length)

    def hold(self) -> None:
        """Let `is_held` tell other programs, and this one, that it is being written."""
        if fcntl is not None:
            with suppress(OSError):  # a network disk may not know how
                fcntl.flock(self._writer, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._writer.closed

    def write(self, at: int, *parts: bytes | memoryview) -> None:
        """Write bytes at a place; one thread at a time.

        Raises
        ------
        OSError
            If the disk takes less than all of them, or the file was removed: the
            system would take them all, and keep none.
        """
        if self._names_count and os.fstat(self._writer.fileno()).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile")
        self._writer.seek(at)
        for part in parts:
            left = memoryview(part)
            # A nearly full disk takes a part and only then refuses.
            while left:
                left = left[self._writer.write(left) :]

    def read(self, at: int, count: int) -> bytes:
        """Read bytes that were written; any thread.

        Raises
        ------
        StorageError
            If they cannot be read.
        """
        with self._reading:
            try:
                self._reader.seek(at)
                found = self._all(count)
            except (OSError, ValueError) as error:
                raise StorageError(
                    f"{self.path} cannot be read back: {error}; is it closed or gone?"
                ) from error
        return found

    def sync(self) -> None:
        """Ask the operating system to put everything on the disk itself."""
        os.fsync(self._writer.fileno())

    def close(self, *, remove: bool = False) -> None:
        """Close both handles, and remove the file if it holds nothing of use."""
        with self._reading:
            self._reader.close()
        self._writer.close()
        if remove:
            self.path.unlink(missing_ok=True)

    def _all(self, count: int) -> bytes:
        parts = []
        while count > 0 and (part := self._reader.read(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def is_held(path: Path) -> bool:
    """Return whether somebody writes a file that was made with `hold`."""
    if fcntl is None:
        return False
    try:
        with FileIO(path, "r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or its disk does not know
        return False
    return False
