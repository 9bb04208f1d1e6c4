"""A thread that does one job after the other, and brings results to the GUI thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from qtpy.QtCore import QObject, Signal

from pssr_live.errors import PssrLiveError

log = logging.getLogger(__name__)

T = TypeVar("T")
LEAVE_S = 20.0  # in which the job in hand is done when the window closes


class Worker(QObject):
    """Runs jobs in a thread of its own.

    Parameters
    ----------
    name : str
        Of the thread.
    """

    _ended = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._open = 0
        self._closed = False
        self._ended.connect(self._bring)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether all jobs are done and their results brought."""
        return self._open == 0

    def do(
        self,
        job: Callable[[], T],
        then: Callable[[T], object] = lambda result: None,
        failed: Callable[[Exception], object] = lambda error: None,
    ) -> None:
        """Do `job` in the thread; `then` or `failed` is called in the GUI thread."""
        self._open += 1
        self._jobs.put(partial(self._try, job, then, failed))

    def close(self, *, patient: bool = False) -> None:
        """Do what was asked for, and end; results are not brought any more.

        Parameters
        ----------
        patient : bool
            Whether to wait for it without end: files are still being written.
        """
        self._closed = True
        self._jobs.put(None)
        self._thread.join(None if patient else LEAVE_S)

    def _try(
        self,
        job: Callable[[], T],
        then: Callable[[T], object],
        failed: Callable[[Exception], object],
    ) -> None:
        try:
            result = job()
        except Exception as error:  # whatever a device or a disk throws
            if not isinstance(error, PssrLiveError):
                log.info("A job of the window failed", exc_info=True)
            self._ended.emit(partial(failed, error))
        else:
            self._ended.emit(partial(then, result))

    def _bring(self, news: Callable[[], object]) -> None:
        self._open -= 1
        if not self._closed:
            news()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
