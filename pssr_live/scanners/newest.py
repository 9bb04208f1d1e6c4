"""Restoring the newest frame only: for a screen, while nothing is recorded.

A screen shows one picture. Whatever the engine cannot do in time is left out, and
memory holds one window of frames and one picture, however long it goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pssr_live.frame import Frame, Restored
from pssr_live.restorer import Restorer, check_frame
from pssr_live.window import Window
from pssr_live.worker import Worker

log = logging.getLogger(__name__)

LEAVE_S = 0.4  # in which an engine has finished its picture, or is left behind


class NewestRestorer:
    """Restores the newest window in a thread of its own.

    Parameters
    ----------
    restorer : Restorer
        What restores; between `pause` and `resume` others may use it.
    show : callable
        Called with each picture, from that thread.
    """

    def __init__(self, restorer: Restorer, show: Callable[[Restored], None]) -> None:
        self._restorer, self._show = restorer, show
        self._windows = restorer.windows()
        self._change = threading.Condition()
        self._newest: Window | None = None
        self._paused = self._closed = self._busy = False
        self._worker: Worker
        self._appoint().start()

    def push(self, frame: Frame) -> None:
        """Take the next frame; returns at once.

        Raises
        ------
        SettingsError
            If it is of a kind that cannot be restored.
        EngineError
            If the engine hangs and there is no other.
        """
        check_frame(frame)
        if self._restorer.is_stuck and not self._paused:
            with self._change:
                successor = self._appoint()
            self._restorer.give_up_engine()
            successor.start()
        windows = self._windows.push(frame)
        with self._change:
            if windows and not self._paused:
                self._newest = windows[-1]
                self._change.notify_all()

    def pause(self) -> None:
        """Return when the restorer is free for others."""
        with self._change:
            self._paused, self._newest = True, None
            self._change.wait_for(lambda: not self._busy)

    def resume(self) -> None:
        """Go on, with frames that come from now on."""
        with self._change:
            self._windows = self._restorer.windows()
            self._paused = False

    def close(self) -> None:
        """End, without waiting for an engine that does not come back."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if not self._worker.wait(LEAVE_S):
            self._appoint()  # never begins: a picture that comes yet is shown to nobody

    def _appoint(self) -> Worker:
        """Have another thread restore from now on; once started, it looks for that."""
        self._worker = Worker("pssr-live newest", self._work)
        return self._worker

    def _work(self) -> None:
        while (window := self._next()) is not None:
            try:
                restored = self._restorer.restore_window(window)
            except Exception as error:  # the next picture may come again
                log.warning("A live picture was not restored: %s", error)
                continue
            with self._change:
                if not self._worker.is_current:
                    return  # it hung, came back, and was replaced meanwhile
                self._busy = False  # whoever is shown the picture may want to pause
                self._change.notify_all()
            self._show(restored)

    def _next(self) -> Window | None:
        with self._change:
            if not self._worker.is_current:
                return None
            self._busy = False
            self._change.notify_all()
            self._change.wait_for(lambda: self._newest is not None or self._closed)
            window, self._newest = self._newest, None
            self._busy = not self._closed
            return None if self._closed else window
