"""What callbacks asked for, and the scans that do not fit the run's own file.

A raw file holds one shape. A frame that a callback asked for at another density goes
to `rescans.ome.tiff` instead (further shapes to `rescans-2.ome.tiff` and so on), as it
was acquired. `feedback.jsonl` has a line for each answer of a callback and for each
such scan, with the words that its events carried as metadata.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from useq import MDAEvent

from pssr_live.frame import Frame
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile
from pssr_live.storage.session import FrameLog, SessionFolder

Kind = tuple[tuple[int, ...], str, float | None]


class Rescans:
    """Writes the files of what callbacks asked for; each is made when needed.

    `write` and `close` are called from one thread at a time, `note` from any.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self.expected = self.written = 0
        self._folder = folder
        self._files: dict[Kind, PageFile] = {}
        self._log: FrameLog | None = None
        self._lock = threading.Lock()

    def note(self, after: int, events: Sequence[MDAEvent]) -> None:
        """Write down what a callback answered to the picture of frame `after`."""
        self._diary().write(
            after, "asked", events=len(events), why=[_words(e) for e in events]
        )

    def write(self, frame: Frame, event: MDAEvent) -> None:
        """Put a scan on disk, as it came; its `ordinal` does not matter.

        Raises
        ------
        SettingsError, StorageError
            If it cannot be recorded.
        """
        pixels = frame.pixels
        kind = (pixels.shape, pixels.dtype.name, frame.pixel_size_um)
        if kind not in self._files:
            self._files[kind] = self._begin(frame)
        file = self._files[kind]
        page = len(file)
        # The page is the time here: scans of one kind follow each other.
        file.write(page, pixels, index={"t": page})
        self.written += 1
        self._diary().write(
            page,
            "rescan",
            file=file.path.name,
            index=dict(frame.index),
            time_s=round(frame.time_s, 6),
            why=_words(event),
        )

    def close(self, details: dict[str, Any]) -> None:
        """Finish the files.

        Raises
        ------
        StorageError
            If the disk fails; what was written stays readable.
        """
        for file in self._files.values():
            file.close(details)
        if self._log is not None:
            self._log.close()

    def _begin(self, frame: Frame) -> PageFile:
        return PageFile.create(
            self._folder.rescans(len(self._files) + 1),
            RunLayout(),
            (frame.pixels.shape[0], frame.pixels.shape[1]),
            frame.pixels.dtype.name,
            frame.pixel_size_um,
            kind="rescan",
        )

    def _diary(self) -> FrameLog:
        with self._lock:
            if self._log is None:
                self._log = FrameLog(self._folder.feedback)
            return self._log


def _words(event: MDAEvent) -> dict[str, Any]:
    own = {"runner_t0"}  # the MDA runner's note to its engine
    return {key: v for key, v in event.metadata.items() if key not in own}
