"""What is whole in a file of ours that was never given its last text.

A kill leaves every page whole that is linked. A power cut may not: the end of the file,
or any block of it, may be gone or be zeros. All pages have known places, so each can be
judged by itself, from its directory and from where the file ends.
"""

from __future__ import annotations

import itertools
import json
import struct
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pssr_live.errors import StorageError
from pssr_live.storage import bigtiff
from pssr_live.storage.provenance import NAMESPACE, PageFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Reader = Callable[[int, int], bytes]

SECTOR_BYTES = 512  # the least that a disk writes, or loses
_OURS = json.dumps({"written_by": NAMESPACE})[:-1].encode("ascii")
_NAMES = {
    name[:4]: name
    for name in (bigtiff.SCANNED, bigtiff.RESUMED, bigtiff.MISSING, bigtiff.BLANK)
}
_TAGS = {"x": 256, "y": 257, "bits": 258, "text": 270, "format": 339}


@dataclass(frozen=True)
class Unfinished:
    """A file that was never closed.

    Attributes
    ----------
    said : mapping
        Its early text.
    pages : PageMap
        The places in it.
    names : list of bytes
        The name of each page; "missing" also for those that are no longer whole.
    damaged : frozenset of int
        The pages that are no longer whole, although later ones are.
    """

    said: Mapping[str, Any]
    pages: bigtiff.PageMap
    names: list[bytes]
    damaged: frozenset[int]


def is_empty(path: Path) -> bool:
    """Return whether a file has no page yet, or nothing at all in its header.

    A file of another program is not empty, whatever it holds.
    """
    with path.open("rb") as file:
        head = file.read(bigtiff.HEADER_BYTES)
    whole = len(head) == bigtiff.HEADER_BYTES
    return not any(head) or (
        bigtiff.header().startswith(head[: bigtiff.FIRST_LINK_AT])
        and not (whole and any(head[bigtiff.FIRST_LINK_AT :]))
    )


def survey(path: Path) -> Unfinished | None:
    """Look through a file page by page.

    Returns
    -------
    Unfinished or None
        None if the file is not ours, was finished, or was given no page yet.

    Raises
    ------
    StorageError
        If it is ours and not one of its pages is whole.
    """
    with path.open("rb") as file:
        read, size = partial(_read_at, file), path.stat().st_size
        if not _is_ours(read) or is_empty(path):
            return None
        try:
            found = _places(read, size)
            if found is None:
                return None
            said, pages = found
            names = _names(read, size, pages)
        except (ValueError, TypeError, KeyError, struct.error):
            names = []
    if not names:
        raise StorageError(
            f"{path} shows no frame that is whole: it was cut short or zeroed, copy it "
            "again."
        )
    damaged = frozenset(n for n, name in enumerate(names) if name is None)
    return Unfinished(said, pages, [name or bigtiff.MISSING for name in names], damaged)


def _read_at(file: Any, at: int, count: int) -> bytes:
    file.seek(at)
    found: bytes = file.read(count)
    return found


def _is_ours(read: Reader) -> bool:
    """Whether a file begins as ours do, so far as it goes."""
    start = bigtiff.header()[: bigtiff.FIRST_LINK_AT]
    text = read(bigtiff.HEADER_BYTES, len(_OURS))
    return read(0, len(start)) == start and _OURS.startswith(text)


def _places(
    read: Reader, size: int
) -> tuple[Mapping[str, Any], bigtiff.PageMap] | None:
    """Return the early text and the places of the pages; None of a finished file."""
    first = int.from_bytes(read(bigtiff.FIRST_LINK_AT, 8), "little")
    if first >= size:
        raise ValueError("page 0 is beyond the end")
    tags = _directory_values(read, first)
    if tags["text"] != bigtiff.HEADER_BYTES:
        return None  # page 0 shows another text: the last one
    text = read(bigtiff.HEADER_BYTES, first)
    text_bytes = text.index(b"\0") + 1
    said = json.loads(text[: text_bytes - 1])
    kind = "int" if tags["format"] == 2 else "uint"
    facts = PageFacts(
        (tags["y"], tags["x"]),
        f"{kind}{tags['bits']}",
        said["pixel_size_um"],
        said["kind"],
    )
    bare = bigtiff.PageMap(facts, 0, bigtiff.HEADER_BYTES, text_bytes)
    return said, replace(bare, start=first - bare.directory_at(0))


def _directory_values(read: Reader, at: int) -> dict[str, int]:
    count = int.from_bytes(read(at, 8), "little")
    if not 0 < count * 20 < bigtiff.DIRECTORY_BYTES:
        raise ValueError("no directory of ours")
    entries = struct.iter_unpack("<HHQQ", read(at + 8, 20 * count))
    values = {code: value for code, _, _, value in entries}
    return {name: values[code] for name, code in _TAGS.items()}


def _names(read: Reader, size: int, pages: bigtiff.PageMap) -> list[bytes | None]:
    """Return the name of each page up to the last whole one; None of damaged ones."""
    names: list[bytes | None] = []
    led = True  # whether the page before leads here
    for page, (name, leads) in enumerate(_found(read, size, pages)):
        if name == bigtiff.BLANK:
            break
        # A kill can leave a page that none leads to. One that leads on was led to, as
        # a page is linked before another follows it.
        names.append(name if led or leads else None)
        if name is None and page and _ends_in_zeros(read, pages, page - 1):
            names[page - 1] = None
        led = leads and name is not None
    _drop_damaged_end(names)
    # A restored page in doubt can be made again; a raw one would be lost.
    if (
        pages.facts.kind == "restored"
        and names[-1:] not in ([], [bigtiff.MISSING])
        and _ends_in_zeros(read, pages, len(names) - 1)
    ):
        names[-1] = None
        _drop_damaged_end(names)
    return names


def _drop_damaged_end(names: list[bytes | None]) -> None:
    while names and names[-1] is None:
        names.pop()


def _found(
    read: Reader, size: int, pages: bigtiff.PageMap
) -> Iterator[tuple[bytes | None, bool]]:
    """Yield for each page within the file its name, if it has one, and if it leads."""
    for page in itertools.count():
        if pages.pixels_at(page) + pages.pixel_bytes > size:
            return
        directory = read(pages.page_at(page), bigtiff.DIRECTORY_BYTES)
        shift = -pages.page_at(page)
        name_at, link_at = pages.name_at(page) + shift, pages.link_at(page + 1) + shift
        stored = directory[name_at : name_at + 8]
        next_at = int.from_bytes(directory[link_at : link_at + 8], "little")
        if directory != pages.directory(page, stored, next_at):
            yield None, False
        else:
            # Half of a new name over an old one counts: its pixels came before it.
            yield _NAMES.get(stored[:4]), next_at == pages.directory_at(page + 1)


def _ends_in_zeros(read: Reader, pages: bigtiff.PageMap, page: int) -> bool:
    """Whether a page's last sector is zeros, and what follows it in the file as well.

    Where zeros begin after a power cut they begin with a sector, so that the page
    before them has lost its end if its part of that sector is zeros too.
    """
    start = pages.pixels_at(page)
    end = start + pages.pixel_bytes
    sector = max(start, (end - 1) // SECTOR_BYTES * SECTOR_BYTES)
    # Within 64 bytes a directory would have begun.
    return not any(read(sector, end + 64 - sector))
