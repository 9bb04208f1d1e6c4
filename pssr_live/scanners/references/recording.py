"""References of one run: to disk, into the diary, scored, and accounted for.

A thread of its own does all of it. The MDA engine only hands scans over; frames are
read back from the files, so that the scores are those that the files give afterwards.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pssr_live.errors import PssrLiveError, StorageError
from pssr_live.frame import Frame, Restored
from pssr_live.scanners.references.account import DoseAccount
from pssr_live.scanners.references.engine import Taken
from pssr_live.scanners.references.file import ReferenceFile
from pssr_live.scanners.references.places import Places
from pssr_live.scanners.references.scoring import Recorded, score, summary
from pssr_live.storage.session import SessionFolder
from pssr_live.worker import Worker

log = logging.getLogger(__name__)

_RESTORED = object()  # in the queue: a frame has been restored

RestoredTaker = Callable[[Restored], None]


class ReferenceRecording:
    """Takes references from an MDA engine and sees to everything else.

    Parameters
    ----------
    planned : bool
        Whether references are expected; if not, a run without any is told nothing.

    Attributes
    ----------
    scores : list of dict
        What is known so far, in the order in which it became known.
    warnings : list of str
        What went wrong, each kind once; complete after `finish`.
    """

    def __init__(self, *, planned: bool = True) -> None:
        self._planned = planned
        self.scores: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self._account = DoseAccount()
        self._incoming: queue.Queue[Any] = queue.Queue()
        self._places = Places()
        self._lines: list[dict[str, Any]] = []
        self._unscored: list[dict[str, Any]] = []
        self._failures: Counter[str] = Counter()
        self._worker: Worker | None = None
        self._enough = False
        self._file: ReferenceFile
        self._recorded: Recorded
        self._clock_s: Callable[[], float]

    def begin(
        self, folder: SessionFolder, recorded: Recorded, clock_s: Callable[[], float]
    ) -> None:
        """Start working for a run.

        Parameters
        ----------
        folder : SessionFolder
            Where the references go.
        recorded : Recorded
            What holds the frames, and writes lines.
        clock_s : callable
            Seconds since the run began.
        """
        self._recorded, self._clock_s = recorded, clock_s
        self._file = ReferenceFile(folder.reference)
        self._worker = Worker("pssr-live references", self._work)
        self._worker.start()

    @property
    def in_order(self) -> tuple[dict[str, Any], ...]:
        """The scores known by now, in the order of their frames."""
        return tuple(sorted(self.scores, key=lambda score: int(score["ordinal"])))

    # -- any thread; these only enqueue ------------------------------------------

    def take(self, taken: Taken) -> None:
        """Take what the MDA engine has done."""
        self._incoming.put(taken)

    def frame_arrived(self, frame: Frame) -> None:
        """Remember a raw frame's place, and count what it cost."""
        self._places.add(frame.index, frame.ordinal)
        self._account.add_frame(frame.pixels.size, frame.time_s)

    def beside(self, on_restored: RestoredTaker | None) -> RestoredTaker:
        """Return what looks at each restored frame and then calls `on_restored`."""

        def look(restored: Restored) -> None:
            self._incoming.put(_RESTORED)
            if on_restored is not None:
                on_restored(restored)

        return look

    # -- the end of the run ------------------------------------------------------

    def finish(self) -> dict[str, dict[str, Any]]:
        """Score what is left, close the file, and return the parts of the report.

        To be called when all frames are restored and the recorder is still open.
        """
        if self._worker is not None:
            self._places.close()
            self._incoming.put(_RESTORED)  # those that were deferred until now
            self._incoming.put(None)
            try:
                self._worker.wait()
            except KeyboardInterrupt:  # the scores can be had later, the report not
                self._enough = True
                self._worker.wait()
            self._worker = None
        if not self._planned and not self._account.tried:
            return {}
        self.warnings += self._account.warnings(self._failures)
        scan = self._account.report()
        return {"scan": scan, "quality": {"references": summary(self.scores)}}

    # -- the thread --------------------------------------------------------------

    def _work(self) -> None:
        while (item := self._incoming.get()) is not None:
            with self._harmless():
                if isinstance(item, Taken):
                    self._enter(item)
            with self._harmless():
                self._score_restored()
        reason = "Ctrl-C was pressed" if self._enough else "its frame is not restored"
        for line in self._unscored:
            with self._harmless():
                self._fail("reference_unscored", line["ordinal"], reason)
        with self._harmless():
            self._file.close(self._lines)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Count any error and go on: a reference is never worth a run."""
        try:
            yield
        except Exception as error:
            log.warning("A reference failed: %s", error)
            self._failures[str(error).rstrip(".") or type(error).__name__] += 1

    def _enter(self, taken: Taken) -> None:
        time_s = self._clock_s() - (time.perf_counter() - taken.at_s)
        self._account.add_reference(taken, time_s)
        page, reason = None, taken.reason
        if taken.scan is not None:
            try:
                page = self._file.write(taken.scan, taken.index)
            except PssrLiveError as error:
                reason = str(error).rstrip(".")
        ordinal = self._places.wait_for(taken.index)
        if taken.scan is None or page is None:
            self._fail("reference_failed", ordinal, reason)
            return
        line = {
            "reference": page,
            "index": taken.index,
            "rectangle": list(taken.scan.rectangle),
            "time_s": round(time_s, 6),
            "elapsed_ms": round(1e3 * taken.elapsed_s, 3),
        }
        self._recorded.remark(ordinal, "reference", **line)
        self._lines.append({"ordinal": ordinal} | line)
        self._unscored.append(self._lines[-1])

    def _score_restored(self) -> None:
        for line in tuple(self._unscored):
            if self._enough:
                return
            try:
                restored = self._recorded.read_restored(line["ordinal"])
            except StorageError:
                continue  # not yet
            self._unscored.remove(line)
            reference = self._file.read(line["reference"])
            try:
                figures = score(line, self._recorded, restored, reference)
            except PssrLiveError as error:
                reason = str(error).rstrip(".")
                self._fail("reference_unscored", line["ordinal"], reason)
                continue
            facts = {"reference": line["reference"], **figures}
            self._recorded.remark(line["ordinal"], "reference_scored", **facts)
            which = {name: line[name] for name in ("reference", "ordinal", "index")}
            self.scores.append(which | figures)

    def _fail(self, status: str, ordinal: int, reason: str) -> None:
        self._failures[reason] += 1
        self._recorded.remark(ordinal, status, reason=reason)
