"""The bytes of a BigTIFF whose pages are all alike: uncompressed, one strip each.

A page is its directory followed by its pixels, and every page takes the same room,
so the place of page n is known without looking. Each directory says in its PageName,
as eight letters that can be overwritten in place, whether the page holds a frame.
No tag needs more than what fits into the directory, save the first page's text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pssr_live.storage.provenance import PageFacts

HEADER_BYTES = 16
FIRST_LINK_AT = 8
DIRECTORY_BYTES = 384  # 8 + 20 a tag + 8, rounded up
SCANNED = b"scanned\0"  # a frame
RESUMED = b"resumed\0"  # a frame, just before which the camera lost others
MISSING = b"missing\0"  # zeros that wait for their frame
BLANK = b"blank\0\0\0"  # stands for an image's planes that were never to be scanned

_SHORT, _LONG8, _ASCII, _RATIONAL = 3, 16, 2, 5
_FORMAT = {_SHORT: "H", _LONG8: "Q"}
_DESCRIPTION, _STRIP, _NAME = 270, 273, 285


def header() -> bytes:
    """Return the header of a BigTIFF without pages."""
    return struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)


@dataclass(frozen=True)
class PageMap:
    """Places in the file, in bytes: where pages start and what is where in them.

    Attributes
    ----------
    facts : PageFacts
        Shape, type and pixel size of every page.
    start : int
        Where the first page begins, after the header and its texts.
    text_at, text_bytes : int
        The text that page 0 shows.
    """

    facts: PageFacts
    start: int
    text_at: int
    text_bytes: int

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one page's pixels."""
        y, x = self.facts.shape
        return y * x * np.dtype(self.facts.dtype).itemsize

    @property
    def page_bytes(self) -> int:
        """Bytes from one page to the next."""
        return DIRECTORY_BYTES + round_up(self.pixel_bytes, 16)

    def page_at(self, page: int) -> int:
        """Return where a page begins: first its directory."""
        return self.start + page * self.page_bytes

    def pixels_at(self, page: int) -> int:
        """Return where a page's pixels begin."""
        return self.page_at(page) + DIRECTORY_BYTES

    def directory_at(self, page: int) -> int:
        """Return where a page's directory begins."""
        # An odd number of tags would put the link astride two blocks of 8 bytes; kept
        # inside one, it is written as a whole or not at all.
        return self.page_at(page) + 4 * (len(self._tags(page)) % 2)

    def link_at(self, page: int) -> int:
        """Return where the offset that leads to this page is stored."""
        if page == 0:
            return FIRST_LINK_AT
        return self.directory_at(page - 1) + 8 + 20 * len(self._tags(page - 1))

    def name_at(self, page: int) -> int:
        """Return where the eight letters of a page's name are."""
        tags = sorted(self._tags(page))
        return self.directory_at(page) + 8 + 20 * tags.index(_NAME) + 12

    def directory(self, page: int, name: bytes, next_at: int = 0) -> bytes:
        """Return a page's directory, which leads to another one or to none.

        Its bytes go to `page_at`, or to any other multiple of 16.
        """
        tags = self._tags(page) | {_NAME: (_ASCII, 8, name)}
        packed = bytes(4 * (len(tags) % 2)) + struct.pack("<Q", len(tags))
        for code in sorted(tags):
            kind, count, value = tags[code]
            packed += struct.pack("<HHQ8s", code, kind, count, value)
        packed += struct.pack("<Q", next_at)
        return packed.ljust(DIRECTORY_BYTES, b"\0")

    def _tags(self, page: int) -> dict[int, tuple[int, int, bytes]]:
        y, x = self.facts.shape
        dtype = np.dtype(self.facts.dtype)
        numbers = {
            256: (_LONG8, x),
            257: (_LONG8, y),
            258: (_SHORT, 8 * dtype.itemsize),
            259: (_SHORT, 1),  # not compressed
            262: (_SHORT, 1),  # zero is black
            _STRIP: (_LONG8, self.pixels_at(page)),
            277: (_SHORT, 1),  # samples per pixel
            278: (_LONG8, y),  # rows per strip
            279: (_LONG8, self.pixel_bytes),
            339: (_SHORT, 2 if dtype.kind == "i" else 1),  # signed or not
        }
        tags = {
            code: (kind, 1, struct.pack("<" + _FORMAT[kind], value))
            for code, (kind, value) in numbers.items()
        }
        tags[_NAME] = (_ASCII, 8, MISSING)
        if page == 0:
            at = struct.pack("<Q", self.text_at)
            tags[_DESCRIPTION] = (_ASCII, self.text_bytes, at)
        if self.facts.pixel_size_um:
            tags |= _resolution(self.facts.pixel_size_um)
        return tags


def round_up(size: int, step: int) -> int:
    """Return the next multiple of `step`."""
    return -(-size // step) * step


@cache  # a fraction takes longer to find than all else in a page
def _resolution(pixel_size_um: float) -> dict[int, tuple[int, int, bytes]]:
    per_cm = Fraction(1e4 / pixel_size_um).limit_denominator(10_000)
    value = struct.pack("<II", min(per_cm.numerator, 2**32 - 1), per_cm.denominator)
    unit = struct.pack("<H", 3)  # centimetre
    return {
        282: (_RATIONAL, 1, value),
        283: (_RATIONAL, 1, value),
        296: (_SHORT, 1, unit),
    }
