"""The live path: every frame to disk first, the newest picture to the screen.

    submit() --> recorder thread --> waiting windows --> restore thread --> latest
                  raw frame to disk    (a few, the        restored frame to disk
                  rolling windows       newest win)

`submit` only enqueues. The recorder thread writes the raw frame before anything else
may fail. When the engine cannot keep up, the oldest waiting window is *deferred*: the
screen stays current, and `finish` reads the frames back and restores what was left
out, so that the run ends with one restored frame for each raw one.

This module knows neither files nor microscopes: it is given a `Recorder`.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Pixels, Restored, Series
from pssr_live.restorer import Restorer, check_frame
from pssr_live.window import Window
from pssr_live.worker import Worker

log = logging.getLogger(__name__)

MOST_WAITING = 4  # windows; more would only make the picture on screen older
QUEUE_BYTES = 512 * 2**20  # raw frames waiting for the disk
LOOK_S = 0.5  # how often a wait looks whether the engine hangs
Progress = Callable[[int, int], None]
Job = Callable[[], None]
Trouble = Literal["deferred", "failed"]


class Recorder(Protocol):
    """Where frames go. Each method is called from one thread at a time."""

    def write_raw(self, frame: Frame) -> None:
        """Put a raw frame on disk; return when it is there."""

    def write_restored(self, restored: Restored) -> None:
        """Put a restored frame on disk, at its ordinal."""

    def read_raw(self, ordinal: int) -> Pixels:
        """Read a raw frame back."""

    def note(self, frame: Frame, status: Trouble, reason: str) -> None:
        """Log what happened to a frame."""


@dataclass
class Counters:
    """What has happened so far; each number is written by one thread only."""

    acquired: int = 0
    recorded: int = 0
    restored: int = 0
    deferred: int = 0  # put off, whether or not they were made up for since
    unrestored: int = 0  # neither live nor afterwards
    gaps: int = 0
    unkept: int = 0  # what was set aside and could not be recorded
    latency_ms: list[float] = field(default_factory=list)
    engine_ms: list[float] = field(default_factory=list)


class LivePipeline:
    """Two threads between a camera and a recorder.

    Parameters
    ----------
    restorer : Restorer
        What restores; it is used by one thread at a time.
    recorder : Recorder
        Where raw and restored frames go.
    clock : callable
        Seconds since the run began: the clock that stamps `Frame.time_s`.
    on_trouble : callable, optional
        Called once, from a pipeline thread, with the error that makes further
        acquisition pointless (a full disk). Should end the acquisition.
    on_restored : callable, optional
        Called with each picture from the restore thread, in live order.
    """

    def __init__(
        self,
        restorer: Restorer,
        recorder: Recorder,
        clock: Callable[[], float],
        on_trouble: Callable[[Exception], None] | None = None,
        on_restored: Callable[[Restored], None] | None = None,
    ) -> None:
        self.counters = Counters()
        self.trouble: Exception | None = None
        self._restorer, self._recorder, self._clock = restorer, recorder, clock
        self._on_trouble, self._on_restored = on_trouble, on_restored
        self._incoming: queue.Queue[Frame | Job | None] = queue.Queue()
        self._windows = restorer.windows()
        self._waiting: deque[Window] = deque()
        self._wake = threading.Condition()
        self._given = self._handled = 0  # to the recorder thread, and by it
        self._replacing = threading.Lock()
        self._closed = False
        self._stopping = False
        self._deferred: list[Window] = []
        self._latest: Restored | None = None
        self._in_hand: Window | None = None
        self._catching_up = False
        self._recording = Worker("pssr-live record", self._record)
        self._recording.start()
        self._restoring: Worker
        self._begin_restoring()

    @property
    def latest(self) -> Restored | None:
        """The newest restored picture, for a viewer that polls."""
        return self._latest

    @property
    def is_showing(self) -> bool:
        """Whether `on_restored` asks, for whose return `finish` would wait."""
        return self._restoring.is_current

    @property
    def queued(self) -> int:
        """How many frames wait for the disk, and windows for the engine."""
        return self._incoming.qsize() + len(self._waiting)

    def submit(self, frame: Frame) -> None:
        """Take a frame: enqueue it and return. Never raises, never drops.

        If the disk falls behind by `QUEUE_BYTES`, `on_trouble` is told to stop the
        acquisition; what still arrives is taken all the same.
        """
        self.counters.acquired += 1
        self._given += 1
        self._incoming.put(frame)
        behind = self._incoming.qsize() * frame.pixels.nbytes
        if behind > QUEUE_BYTES:
            self._report(
                StorageError(
                    f"The disk is {behind >> 20} MB behind the camera: "
                    "record to a faster disk, or scan more slowly."
                )
            )

    def set_aside(self, job: Job) -> None:
        """Have the recorder thread do `job` in its turn; its error is trouble.

        For what must reach the disk like a frame and is not restored.
        """
        self._given += 1
        self._incoming.put(job)

    def end_series(self, series: Series) -> None:
        """Complete the windows of a series that gets no more frames."""
        self.set_aside(lambda: self._offer_all(self._windows.end(series)))

    def settle(self, timeout_s: float | None) -> bool:
        """Wait until every picture that can be made of the frames so far was shown.

        Parameters
        ----------
        timeout_s : float or None
            How long to wait; 0 only looks, None waits without end.

        Returns
        -------
        bool
            False if something is still under way. A frame whose window waits for
            later frames is not.
        """
        ends_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = min(LOOK_S, max(0.0, ends_s - time.monotonic()))
            with self._wake:
                if self._wake.wait_for(self._is_settled, left_s):
                    return True
            if time.monotonic() >= ends_s:
                return False
            self._replace_if_stuck()

    def _is_settled(self) -> bool:
        if self._handled < self._given or self._waiting:
            return False
        return self._in_hand is None

    def finish(
        self, progress: Progress | None = None, *, catch_up: bool = True
    ) -> Counters:
        """Write and restore everything that was submitted, then return the count.

        A Ctrl-C in it leaves the pipeline such that it can be called again.

        Parameters
        ----------
        progress : callable, optional
            Called with (done, total) while deferred frames are made up for.
        catch_up : bool
            Whether to restore what waits; without, only the frame in hand is.
        """
        self._incoming.put(None)
        self._recording.wait()
        if not catch_up:
            with self._wake:
                self._waiting.clear()
                self._deferred.clear()
        self._wait_for_restoring()
        self._catching_up = True
        deferred = sorted(self._deferred, key=lambda window: window.target.ordinal)
        self._deferred = []
        for done, light in enumerate(deferred):
            if progress is not None:
                progress(done, len(deferred))
            self._make_up_for(light)
        if progress is not None and deferred:
            progress(len(deferred), len(deferred))
        return self.counters

    # -- recorder thread -------------------------------------------------------

    def _record(self) -> None:
        while (given := self._incoming.get()) is not None:
            self._replace_if_stuck()
            if isinstance(given, Frame):
                self._handle(given)
            else:
                self._do(given)
            with self._wake:
                self._handled += 1
                self._wake.notify_all()
        self._offer_all(self._windows.flush())
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _handle(self, frame: Frame) -> None:
        if self._write_raw(frame):
            self._offer_all(self._windows.push(frame))

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception as error:  # the thread must outlive any fault
            self.counters.unkept += 1
            self._report(error)

    def _write_raw(self, frame: Frame) -> bool:
        try:
            check_frame(frame)
            self._recorder.write_raw(frame)
        except Exception as error:  # the thread must outlive any fault
            self._report(error)
            return False
        self.counters.recorded += 1
        self.counters.gaps += frame.after_gap
        return True

    def _offer_all(self, windows: Iterable[Window]) -> None:
        for window in windows:
            self._offer(window)

    def _offer(self, window: Window) -> None:
        with self._wake:
            self._waiting.append(window)
            late = len(self._waiting) > MOST_WAITING and not self._closed
            oldest = self._waiting.popleft() if late else None
            self._wake.notify_all()
        if oldest is not None:
            self._deferred.append(oldest.without_pixels())
            self.counters.deferred += 1
            self._note(oldest.target, "deferred", "the engine was busy")

    # -- restore thread --------------------------------------------------------

    def _begin_restoring(self, first: Window | None = None) -> None:
        self._appoint(first).start()  # not before: it looks whether it is the one

    def _appoint(self, first: Window | None) -> Worker:
        self._restoring = Worker("pssr-live restore", self._restore, first)
        return self._restoring

    def _restore(self, first: Window | None) -> None:
        self._in_hand = window = first or self._next_window()
        while window is not None:
            restored = self._try(window)
            if self._is_given_up():
                return
            if restored is not None and not self._catching_up:
                self._show(restored)
            window = self._next_window()

    def _show(self, restored: Restored) -> None:
        self._latest = restored
        self.counters.latency_ms.append(1e3 * (self._clock() - restored.frame.time_s))
        if self._on_restored is not None:
            try:
                self._on_restored(restored)
            except Exception:  # a user's callback must not end the restoration
                log.exception("on_restored failed for frame %s", restored.frame)

    def _next_window(self) -> Window | None:
        with self._wake:
            self._in_hand = None
            self._wake.notify_all()  # whoever waits until all is shown
            self._wake.wait_for(lambda: self._waiting or self._closed)
            self._in_hand = self._waiting.popleft() if self._waiting else None
            return self._in_hand

    def _try(self, window: Window) -> Restored | None:
        frame = window.target
        try:
            restored = self._restorer.restore_window(window)
            if self._is_given_up():
                return None
            self._recorder.write_restored(restored)
        except Exception as error:  # raw frames are safe; say so and go on
            if self._is_given_up():
                return None
            self.counters.unrestored += 1
            self._note(frame, "failed", str(error) or type(error).__name__)
            # Once is enough: a full disk fails every frame that follows.
            level = logging.WARNING if self.trouble is None else logging.DEBUG
            log.log(level, "Frame %d was not restored: %s", frame.ordinal, error)
            self.trouble = self.trouble or error
            return None
        self.counters.restored += 1
        self.counters.engine_ms.append(restored.elapsed_ms)
        return restored

    def _replace_if_stuck(self) -> None:
        """Give up an engine that hangs, with its thread; another does the frame."""
        with self._replacing:
            # First the frame: it may come back while another engine is looked for.
            with self._wake:
                if not self._restorer.is_stuck:
                    return
                successor = self._appoint(self._in_hand)
            try:
                self._restorer.give_up_engine()
            except Exception as error:  # nothing is left but to try the last one again
                self.trouble = self.trouble or error
            successor.start()

    def _is_given_up(self) -> bool:
        """Tell a thread that hung, and came back, that its frame is another's now."""
        with self._wake:
            return not self._restoring.is_current

    def _wait_for_restoring(self) -> None:
        while not self._restoring.wait(LOOK_S):
            self._replace_if_stuck()

    # -- after the run ---------------------------------------------------------

    def _make_up_for(self, light: Window) -> None:
        try:
            window = light.with_pixels(self._recorder.read_raw)
        except Exception as error:  # one unreadable frame must not stop the others
            self.counters.unrestored += 1
            self._note(light.target, "failed", str(error))
            self.trouble = self.trouble or error
            return
        self._begin_restoring(window)
        self._wait_for_restoring()

    # -- any thread ------------------------------------------------------------

    def _note(self, frame: Frame, status: Trouble, reason: str) -> None:
        try:
            self._recorder.note(frame, status, reason)
        except Exception as error:  # the log is on the same disk that may be full
            self._report(error)

    def _report(self, error: Exception) -> None:
        self.trouble = self.trouble or error
        # Not every trouble before this one was reason enough to stop.
        if not self._stopping:
            self._stopping = True
            log.error("%s", error)
            if self._on_trouble is not None:
                self._on_trouble(error)
