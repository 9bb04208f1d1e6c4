"""Calls that come too often for a person to see: only some of them are passed on."""

from __future__ import annotations

import time
from collections.abc import Callable

PERIOD_S = 0.1


class Throttled:
    """Passes (done, total) on ten times a second, and the last one always."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show
        self._next_s = 0.0

    def call(self, done: int, total: int) -> None:
        """Tell how far something is."""
        now_s = time.monotonic()
        if done >= total or now_s >= self._next_s:
            self._next_s = now_s + PERIOD_S
            self._show(done, total)
