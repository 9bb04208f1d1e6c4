"""Ctrl-C: what must not be left half done, and a person who presses it many times.

Whoever wants out presses more than once, and quickly. Of presses that follow each
other within `PATIENCE_S` one interrupts; more would only tear down what the first one
set going: files that are closed, hardware that is put back.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 2.0  # then something hangs, and a press is meant
_ENDING = ("SIGTERM", "SIGHUP")  # of a service that stops, a terminal that is closed


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Hold Ctrl-C back until the block ends, or for `PATIENCE_S`."""
    pressed_s: list[float] = []

    def hold() -> None:
        pressed_s.append(time.monotonic())
        if pressed_s[-1] - pressed_s[0] > PATIENCE_S:
            raise KeyboardInterrupt

    with _heeded(hold):
        yield
    if pressed_s:
        raise KeyboardInterrupt


@contextmanager
def interrupt_once(
    first: Callable[[], bool] = lambda: False, *, pressed: bool = False
) -> Iterator[None]:
    """Let Ctrl-C interrupt the block, but only once in any `PATIENCE_S`.

    Parameters
    ----------
    first : callable
        What the first press does instead; returns whether it did anything.
    pressed : bool
        Whether the block follows a Ctrl-C, so that the next one may belong to it.
    """
    last_s = time.monotonic() if pressed else -math.inf
    heard = pressed

    def heed() -> None:
        nonlocal last_s, heard
        before, heard = heard, True
        if not before and first():
            return
        now_s = time.monotonic()
        if now_s - last_s > PATIENCE_S:
            last_s = now_s
            raise KeyboardInterrupt

    with _heeded(heed, *_ENDING):
        yield


@contextmanager
def _heeded(press: Callable[[], None], *others: str) -> Iterator[None]:
    """Have Ctrl-C, and other signals that end a program, call `press`."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    known = [getattr(signal, name) for name in others if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, *known)}
    for one, handler in before.items():
        if handler not in (signal.SIG_IGN, None):  # as `nohup` wants it
            signal.signal(one, lambda number, frame: press())
    try:
        yield
    finally:
        for one, handler in before.items():
            if handler is not None:  # not set by Python, and so not by us
                signal.signal(one, handler)
