"""One growing OME-TIFF that a crash cannot spoil: page n is frame n of the run.

A page is linked into the file only after all its bytes are there, so a process killed
at any moment leaves a TIFF with every acknowledged frame. Until `close`, the file's
text is not OME-XML, which would promise frames that may never come, but JSON that no
other program takes for more than a remark; plain readers then see a stack of pages.
Frames that come late (deferred, or lost) leave a page of zeros that may be filled.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pssr_live.errors import SettingsError, StorageError
from pssr_live.frame import PIXEL_TYPES, Pixels
from pssr_live.storage import bigtiff, ome_xml
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.growing import GrowingTiff
from pssr_live.storage.provenance import PageFacts, Provenance, provenance_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pssr_live.storage.layout import Index, RunLayout

SPARE_BYTES = 4096  # for the final directory, details and lists of missing frames


class PageFile:
    """A BigTIFF with one uncompressed page a frame, written in any order.

    Made by `create`, or by `mending.reopen`. All methods may be called from any thread;
    `read` does not wait for a frame that is being written.
    """

    def __init__(
        self, path: Path, tiff: GrowingTiff, facts: PageFacts, layout: RunLayout
    ):
        self.path = path
        self._tiff = tiff
        self._facts = facts
        self._layout = layout
        self._indices: dict[int, Index] = {}
        self._lock = threading.Lock()

    @classmethod
    def create(
        cls,
        path: Path,
        layout: RunLayout,
        shape: tuple[int, int],
        dtype: str,
        pixel_size_um: float | None = None,
        kind: str = "raw",
        begun: Mapping[str, Any] | None = None,
    ) -> Self:
        """Begin a file.

        Parameters
        ----------
        path : Path
            Must not exist.
        layout : RunLayout
            The frames to come.
        shape : tuple of int
            (Y, X) of every frame.
        dtype : str
            One of `pssr_live.frame.PIXEL_TYPES`.
        pixel_size_um : float, optional
            Distance of neighbouring pixels.
        kind : str
            "raw", "restored", "reference" or "rescan".
        begun : mapping, optional
            Details that the file tells until `close` is given others.

        Raises
        ------
        SettingsError
            If the pixels are of a type or shape that no file can hold.
        StorageError
            If the file exists or cannot be written.
        """
        dtype = np.dtype(dtype).name
        if dtype not in PIXEL_TYPES or len(shape) != 2 or min(shape) < 1:
            raise SettingsError(
                f"Frames of shape {tuple(shape)} and type {dtype} cannot be recorded; "
                f"give (Y, X) pixels of type {', '.join(PIXEL_TYPES)}."
            )
        facts = PageFacts((int(shape[0]), int(shape[1])), dtype, pixel_size_um, kind)
        planned = ome_xml.ome_xml(facts, layout.first(len(layout)), Provenance())
        early = provenance_json(facts, layout, begun=begun)
        tiff = GrowingTiff.create(path, facts, early, len(planned) + SPARE_BYTES)
        return cls(path, tiff, facts, layout)

    def __len__(self) -> int:
        """Return the number of pages so far, missing ones included."""
        return len(self._tiff.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def page_bytes(self) -> int:
        """Bytes that each frame takes on disk."""
        return self._tiff.page_bytes

    def write(
        self,
        ordinal: int,
        pixels: Pixels,
        *,
        index: Index | None = None,
        after_gap: bool = False,
    ) -> None:
        """Put a frame on its page; it is safe from a crash when this returns.

        Parameters
        ----------
        ordinal : int
            The frame's place in the run, and its page. Pages before it that were not
            written yet become missing ones.
        pixels : ndarray, (Y, X)
            Of the file's shape and type.
        index : mapping, optional
            The index of its event, for runs that were not known beforehand.
        after_gap : bool
            Whether the camera lost frames just before this one.

        Raises
        ------
        StorageError
            If the frame does not fit the file, is there already, or the disk fails.
            What was written before stays readable, and writing may be tried again.
        """
        name = bigtiff.RESUMED if after_gap else bigtiff.SCANNED
        with self._lock, disk_errors(f"Frame {ordinal}", self.path):
            self._check(ordinal, pixels)
            if ordinal < len(self):
                self._tiff.fill(ordinal, pixels, name)
            else:
                self._pad(ordinal)
                self._tiff.append(pixels, name)
            if index:
                self._indices[ordinal] = dict(index)

    def read(self, ordinal: int) -> Pixels:
        """Return the pixels of a frame that was written, (Y, X).

        Raises
        ------
        StorageError
            If the frame is missing.
        """
        if ordinal < 0 or self.lacks(ordinal):
            raise StorageError(
                f"Frame {ordinal} is not in {self.path}; read frames that were written."
            )
        return self._tiff.read(ordinal)

    def expect(self, indices: Mapping[int, Index]) -> None:
        """Keep the indices of frames that may never be written, by ordinal."""
        with self._lock:
            for ordinal, index in indices.items():
                self._indices.setdefault(ordinal, dict(index))

    def correct_interval(self, interval_s: float) -> None:
        """Have `close` tell this interval, and not the one that was planned."""
        with self._lock:
            self._layout = replace(self._layout, interval_s=interval_s)

    def lacks(self, ordinal: int) -> bool:
        """Return whether a frame is not there yet."""
        names = self._tiff.names
        return ordinal >= len(names) or names[ordinal] == bigtiff.MISSING

    def missing(self) -> tuple[int, ...]:
        """Return the ordinals of the pages that still wait for their frame."""
        return self._named(bigtiff.MISSING)

    def close(
        self, details: Mapping[str, Any] | None = None, pad_to: int | None = None
    ) -> None:
        """Write the OME-XML that is now true, and close; a second call does nothing.

        A file without a single page is removed: a TIFF cannot be empty.

        Parameters
        ----------
        details : mapping, optional
            Goes into the file's provenance as JSON: model, engine, hashes.
        pad_to : int, optional
            Number of pages to end with; those added are missing frames.

        Raises
        ------
        StorageError
            If the disk fails. The frames remain readable, and the file is closed.
        """
        with self._lock:
            if self._tiff.file.closed:
                return
            try:
                with disk_errors("The last pages", self.path):
                    self._pad(pad_to or 0)
            finally:
                try:
                    self._describe(details or {})
                finally:
                    self._tiff.file.close(remove=not self._tiff.names)

    def hold(self) -> None:
        """Let `files.is_held` tell other programs that the file is being written."""
        self._tiff.file.hold()

    def leave(self) -> None:
        """Close the file as a kill would leave it; after `close` it does nothing."""
        with self._lock:
            if not self._tiff.file.closed:
                self._tiff.file.close()

    def _check(self, ordinal: int, pixels: Pixels) -> None:
        facts = self._facts
        if self._tiff.file.closed:
            raise StorageError(
                f"Frame {ordinal} came after {self.path} was closed; write it before."
            )
        if pixels.shape != facts.shape or pixels.dtype.name != facts.dtype:
            raise StorageError(
                f"Frame {ordinal} is {pixels.shape} {pixels.dtype} and {self.path} "
                f"holds {facts.shape} {facts.dtype}; begin a new run after changing "
                "the scan."
            )
        known = self._layout.indices
        if ordinal < 0 or (known is not None and ordinal >= len(known)):
            raise StorageError(
                f"Frame {ordinal} does not belong to {self.path}, which expects "
                f"{len(known or ())} frames counted from 0; check the sequence."
            )
        if not self.lacks(ordinal):
            raise StorageError(
                f"Frame {ordinal} is already in {self.path}; write each frame once."
            )

    def _named(self, name: bytes) -> tuple[int, ...]:
        return tuple(n for n, at in enumerate(tuple(self._tiff.names)) if at == name)

    def _pad(self, pages: int) -> None:
        for _ in range(len(self), pages):
            self._tiff.append_zeros(bigtiff.MISSING)

    def _describe(self, details: Mapping[str, Any]) -> None:
        """Put the final OME-XML in place of the early text."""
        count = len(self)
        if not count:
            return
        layout = self._layout.first(count, self._indices)
        blanks: dict[int, int] = {}
        if holed := ome_xml.images_with_holes(layout):
            # On a full disk the planes without a frame are left out instead.
            with suppress(OSError):
                self._tiff.append_blanks(len(holed))
                blanks = {image: count + n for n, image in enumerate(holed)}
        gaps = self._named(bigtiff.RESUMED)
        said = Provenance(self.missing(), gaps, dict(details))
        with disk_errors("The OME-XML", self.path):
            self._tiff.put_text(ome_xml.ome_xml(self._facts, layout, said, blanks))
