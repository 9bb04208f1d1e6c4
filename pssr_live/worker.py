"""A thread that can be waited for in spite of Ctrl-C.

A Ctrl-C in the midst of `Thread.join` makes Python up to 3.12 take a running thread
for one that has ended: files would then be closed under the thread that writes them.
An event keeps the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Worker:
    """Does `work` in a daemon thread, from `start` on.

    Parameters
    ----------
    name : str
        Of the thread.
    work : callable
        Called with `arguments`, once.
    """

    def __init__(self, name: str, work: Callable[..., None], *arguments: Any) -> None:
        self._ended = threading.Event()
        self._work, self._arguments = work, arguments
        self._thread = threading.Thread(target=self._do, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return whether the work is done; waits for that, without end if None."""
        if not self._ended.wait(timeout_s):
            return False
        self._thread.join()  # it has nothing left to do that Ctrl-C could tear
        return True

    @property
    def is_working(self) -> bool:
        """Whether the work has not ended yet."""
        return not self._ended.is_set()

    @property
    def is_current(self) -> bool:
        """Whether this is asked from the worker's own thread."""
        return threading.current_thread() is self._thread

    def _do(self) -> None:
        try:
            self._work(*self._arguments)
        finally:
            self._ended.set()
