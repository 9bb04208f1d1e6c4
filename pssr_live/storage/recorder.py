"""The recorder of a run: raw and restored frames to their files, all else to the diary.

It is what the live pipeline writes to. The raw file, the restored file and
`frames.jsonl` each have their own lock, so that writing a large restored picture never
makes a raw frame wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Pixels, Restored
from pssr_live.storage.disk import check_room
from pssr_live.storage.pages import PageFile
from pssr_live.storage.session import FrameLog, FrameStatus, SessionFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pssr_live.storage.layout import Index, RunLayout

PAGE_OVERHEAD_BYTES = 600  # a page's directory and its lines in the diary


class SessionRecorder:
    """Writes one run into a session folder.

    Parameters
    ----------
    folder : SessionFolder
        Where to write.
    layout : RunLayout
        The frames that the run is expected to give.
    scale : int
        Enlargement of the restored frames.
    """

    def __init__(self, folder: SessionFolder, layout: RunLayout, scale: int) -> None:
        self._folder, self._layout, self._scale = folder, layout, scale
        self._log = FrameLog(folder.frames)
        self._raw: PageFile | None = None
        self._restored: PageFile | None = None

    def check_room(self, shape: tuple[int, int], pixel_bytes: int) -> None:
        """Refuse a run of known length that the disk cannot hold.

        Raises
        ------
        StorageError
            If the disk has too little room for all raw and restored frames.
        """
        raw, restored = frame_bytes(shape, pixel_bytes, self._scale)
        check_room(self._folder.path, len(self._layout) * (raw + restored))

    def write_raw(self, frame: Frame) -> None:
        """Write a raw frame and its line; on disk when this returns."""
        if self._layout.indices is not None and frame.ordinal >= len(self._layout):
            raise StorageError(
                f"A frame of {dict(frame.index)} came that the sequence does not have, "
                "or has already: let the MDA engine give one frame an event, or run a "
                "list of events."
            )
        if self._raw is None:
            self._raw = self._begin_file(frame, kind="raw")
        self._raw.write(
            frame.ordinal, frame.pixels, index=frame.index, after_gap=frame.after_gap
        )
        facts: dict[str, Any] = {"after_gap": True} if frame.after_gap else {}
        self._log.write(
            frame.ordinal,
            "raw",
            index=dict(frame.index),
            time_s=round(frame.time_s, 6),
            **facts,
        )

    def write_restored(self, restored: Restored) -> None:
        """Write a restored frame at its place, and its line."""
        frame = restored.frame
        if self._restored is None:
            self._restored = self._begin_file(frame, kind="restored")
        keep_restored(restored, self._restored, self._log)

    def expect(self, indices: Mapping[int, Index]) -> None:
        """Tell the files the indices of frames that did not come, by ordinal."""
        for file in (self._raw, self._restored):
            if file is not None:
                file.expect(indices)

    def correct_interval(self, interval_s: float) -> None:
        """Tell the files the interval that the run had, where the plan was not kept."""
        for file in (self._raw, self._restored):
            if file is not None:
                file.correct_interval(interval_s)

    def read_raw(self, ordinal: int) -> Pixels:
        """Read a raw frame back (Y, X)."""
        if self._raw is None:
            raise StorageError(f"Frame {ordinal} was never recorded; nothing was.")
        return self._raw.read(ordinal)

    def read_restored(self, ordinal: int) -> Pixels:
        """Read a restored frame back (scale * Y, scale * X)."""
        if self._restored is None:
            raise StorageError(f"Frame {ordinal} was never restored; nothing was.")
        return self._restored.read(ordinal)

    def note(
        self, frame: Frame, status: Literal["deferred", "failed"], reason: str
    ) -> None:
        """Write a line about a frame that was deferred or failed."""
        self._log.write(frame.ordinal, status, reason=reason)

    def remark(self, ordinal: int, status: FrameStatus, **facts: Any) -> None:
        """Write a line about a frame that is not about its raw or restored pixels."""
        self._log.write(ordinal, status, **facts)

    def lost(self) -> tuple[int, ...]:
        """Return the ordinals of frames that never arrived, so far as is known."""
        return () if self._raw is None else self._raw.missing()

    def close(
        self,
        details: dict[str, Any],
        pages: int,
        raw_details: dict[str, Any] | None = None,
    ) -> None:
        """Finish all files.

        Parameters
        ----------
        details : dict
            Goes into the provenance of the restored file.
        pages : int
            How many frames the run should have given; those that are not there are
            marked as missing in both files.
        raw_details : dict, optional
            Goes into the provenance of the raw file.

        Raises
        ------
        StorageError
            If the disk fails; every file is closed all the same.
        """
        # The restored file has one page for each raw one, whatever happened.
        pages = max(pages, *(len(f) for f in (self._raw, self._restored) if f), 0)
        try:
            if self._raw is not None:
                self._raw.close(raw_details, pad_to=pages)
                for ordinal in self._raw.missing():
                    self._log.write(ordinal, "missing")
        finally:
            try:
                if self._restored is not None:
                    self._restored.close(details, pad_to=pages)
            finally:
                self._log.close()

    def _begin_file(self, frame: Frame, kind: str) -> PageFile:
        grown = self._scale if kind == "restored" else 1
        path = self._folder.restored if kind == "restored" else self._folder.raw
        height, width = frame.pixels.shape
        size = frame.pixel_size_um
        return PageFile.create(
            path,
            self._layout,
            (height * grown, width * grown),
            frame.pixels.dtype.name,
            None if size is None else size / grown,
            kind,
        )


def keep_restored(restored: Restored, file: PageFile, log: FrameLog) -> None:
    """Write a restored frame at its place in a file, and its line into a log."""
    frame, agrees = restored.frame, restored.consistency
    file.write(frame.ordinal, restored.pixels, index=frame.index)
    facts = {} if agrees is None else {"consistency": agrees.facts()}
    log.write(
        frame.ordinal,
        "restored",
        model=restored.model,
        engine=restored.engine,
        sources=restored.sources,
        elapsed_ms=round(restored.elapsed_ms, 3),
        **facts,
    )


def frame_bytes(
    shape: tuple[int, int], pixel_bytes: int, scale: int
) -> tuple[int, int]:
    """Return what one frame (Y, X) takes on disk: raw, and restored.

    >>> frame_bytes((128, 128), 2, 4)
    (33368, 524888)
    """
    raw = shape[0] * shape[1] * pixel_bytes
    return raw + PAGE_OVERHEAD_BYTES, raw * scale**2 + PAGE_OVERHEAD_BYTES
