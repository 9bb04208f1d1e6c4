"""A BigTIFF that grows page by page and is whole after every single write.

Knows bytes, pages and their names; not what they are pages of. Errors of the disk
pass through as OSError. One thread writes, any thread reads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pssr_live.storage import bigtiff
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.files import ByteFile

if TYPE_CHECKING:
    from pathlib import Path

    from pssr_live.frame import Pixels
    from pssr_live.storage.provenance import PageFacts
    from pssr_live.storage.unfinished import Unfinished


class GrowingTiff:
    """Pages on disk. Made by `create` or `reopen`.

    Attributes
    ----------
    names : list of bytes
        The name of each page so far, blank ones left out; see `bigtiff`.
    """

    def __init__(self, file: ByteFile, pages: bigtiff.PageMap):
        self.names: list[bytes] = []
        self.file = file
        self._map = pages
        self._blanks = 0

    @classmethod
    def create(cls, path: Path, facts: PageFacts, text: str, spare_bytes: int) -> Self:
        """Begin a new file whose page 0 will show `text`.

        `spare_bytes` is the room kept for a later text, so that one can be written
        even on a full disk.

        Raises
        ------
        StorageError
            If the file exists or cannot be written.
        """
        early = text.encode("ascii") + b"\0"
        end = bigtiff.HEADER_BYTES + len(early) + spare_bytes
        start = bigtiff.round_up(end, 64)
        pages = bigtiff.PageMap(facts, start, bigtiff.HEADER_BYTES, len(early))
        file = ByteFile.create(path)
        try:
            with disk_errors("The file's header", path):
                file.write(0, (bigtiff.header() + early).ljust(start, b"\0"))
        except BaseException:
            file.close(remove=True)
            raise
        return cls(file, pages)

    @classmethod
    def reopen(cls, path: Path, found: Unfinished) -> Self:
        """Go on with a file that was never given its last text.

        What lies behind the last page that is whole is cut off, and damaged pages
        before it become missing ones.

        Raises
        ------
        StorageError
            If it cannot be opened or written.
        """
        tiff = cls(ByteFile.reopen(path), found.pages)
        try:
            with disk_errors("A damaged page", path):
                tiff._mend(found)
        except BaseException:
            tiff.file.close()
            raise
        return tiff

    @property
    def page_bytes(self) -> int:
        """Bytes that each page takes."""
        return self._map.page_bytes

    def append(self, pixels: Pixels, name: bytes) -> None:
        """Add a page, (Y, X)."""
        page = len(self.names)
        at = self._map.page_at(page)
        self.file.write(at, self._map.directory(page, name), _bytes_of(pixels))
        # The link comes last: a page that a kill left half-written is never seen.
        self._lead(self._map.link_at(page), self._map.directory_at(page))
        self.names.append(name)

    def append_zeros(self, name: bytes) -> None:
        """Add a page of zeros."""
        facts = self._map.facts
        self.append(np.zeros(facts.shape, facts.dtype), name)

    def append_blanks(self, count: int) -> None:
        """Add blank pages, all of them or none; no other page can be added afterwards.

        Each is a directory of its own, and all show the same zeros on the disk.
        """
        first, size = len(self.names), bigtiff.DIRECTORY_BYTES
        zeros = bytes(bigtiff.round_up(self._map.pixel_bytes, 16))
        start = self._map.directory_at(first)
        others = [start + self._map.page_bytes + n * size for n in range(count - 1)]
        packed = [
            self._map.directory(first, bigtiff.BLANK, next_at)
            for next_at in (*others, 0)
        ]
        self.file.write(self._map.page_at(first), packed[0], zeros, *packed[1:])
        self._lead(self._map.link_at(first), start)
        self._blanks = count

    def fill(self, page: int, pixels: Pixels, name: bytes) -> None:
        """Replace the pixels of a page, and only then its name."""
        self.file.write(self._map.pixels_at(page), _bytes_of(pixels))
        self.file.write(self._map.name_at(page), name)
        self.names[page] = name

    def read(self, page: int) -> Pixels:
        """Return the pixels of a page, (Y, X)."""
        facts = self._map.facts
        found = self.file.read(self._map.pixels_at(page), self._map.pixel_bytes)
        pixels = np.frombuffer(found, _little_endian(facts.dtype))
        return pixels.reshape(facts.shape).astype(facts.dtype)

    def put_text(self, text: str) -> None:
        """Show a new text on page 0, which gets a second directory for it.

        Both go to the spare room or else to the end, and only then is the file led to
        them: at any moment it shows the old text or the new one. No page can be added
        afterwards.
        """
        packed = text.encode("ascii") + b"\0"
        at = bigtiff.round_up(self._map.text_at + self._map.text_bytes, 16)
        if at + bigtiff.DIRECTORY_BYTES + len(packed) > self._map.start:
            at = self._end()
        text_at = at + bigtiff.DIRECTORY_BYTES
        shown = replace(self._map, text_at=text_at, text_bytes=len(packed))
        more = len(self.names) + self._blanks > 1
        next_at = self._map.directory_at(1) if more else 0
        directory = shown.directory(0, self.names[0], next_at)
        self.file.write(at, directory, packed)
        shift = self._map.directory_at(0) - self._map.page_at(0)
        self._lead(bigtiff.FIRST_LINK_AT, at + shift)
        self.file.sync()

    def _mend(self, found: Unfinished) -> None:
        pages, end = self._map, len(found.names)
        for page in sorted(found.damaged):
            directory = pages.directory(
                page, bigtiff.MISSING, pages.directory_at(page + 1)
            )
            self.file.write(pages.page_at(page), directory, bytes(pages.pixel_bytes))
        for page in range(1, end + 1):
            leads_to = pages.directory_at(page) if page < end else 0
            if _offset(self.file, pages.link_at(page)) != leads_to:
                self._lead(pages.link_at(page), leads_to)
        self.file.cut(pages.page_at(end))
        self.names = list(found.names)

    def _end(self) -> int:
        """Return where the last page ends, blank ones included."""
        pages = len(self.names) + min(self._blanks, 1)
        lone = max(self._blanks - 1, 0)
        return self._map.page_at(pages) + lone * bigtiff.DIRECTORY_BYTES

    def _lead(self, link_at: int, directory_at: int) -> None:
        self.file.write(link_at, directory_at.to_bytes(8, "little"))


def _offset(file: ByteFile, at: int) -> int:
    return int.from_bytes(file.read(at, 8), "little")


def _little_endian(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def _bytes_of(pixels: Pixels) -> memoryview:
    plain = np.ascontiguousarray(pixels, _little_endian(pixels.dtype.name))
    return plain.reshape(-1).view(np.uint8).data
