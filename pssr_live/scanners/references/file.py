"""The file of a session's references: one page each, crash-safe like the raw file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pssr_live.errors import StorageError
from pssr_live.frame import Pixels, Series, series_of
from pssr_live.scanners.references.scan import ReferenceScan
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile


class ReferenceFile:
    """Written by one thread, made with the first reference.

    Parameters
    ----------
    path : Path
        Must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pages: PageFile | None = None
        self._of_series: Counter[Series] = Counter()

    def write(self, scan: ReferenceScan, index: Mapping[str, int]) -> int:
        """Put a reference of the frame `index` on its page; return the page's number.

        Raises
        ------
        SettingsError, StorageError
            If it does not fit the file, or the disk fails.
        """
        if self._pages is None:
            self._pages = PageFile.create(
                self._path,
                RunLayout(),
                (scan.pixels.shape[0], scan.pixels.shape[1]),
                scan.pixels.dtype.name,
                scan.pixel_size_um,
                "reference",
            )
        # Here the references of a series follow each other in time; which frame each
        # belongs to is said in the details, and in the diary.
        series = series_of(index)
        page = len(self._pages)
        here = dict(series) | {"t": self._of_series[series]}
        self._pages.write(page, scan.pixels, index=here)
        self._of_series[series] += 1
        return page

    def read(self, page: int) -> Pixels:
        """Read a reference back."""
        if self._pages is None:
            raise StorageError(f"Reference {page} was never recorded; nothing was.")
        return self._pages.read(page)

    def close(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Finish the file, with what the diary says of each reference.

        Raises
        ------
        StorageError
            If the disk fails; the pages are there all the same.
        """
        if self._pages is not None:
            self._pages.close({"references": list(lines)})
