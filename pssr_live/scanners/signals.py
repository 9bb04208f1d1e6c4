"""Waiting for what a signal of another thread brings.

In a Qt program signals of another thread come only while the thread that they are for
processes its events. A script that just waited there would wait in vain: a run in a
thread (`core.run_mda`) would end without anybody having been given its frames.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pymmcore_plus import CMMCorePlus

STEP_S = 0.005  # between two looks at Qt's events


def wait_for(core: CMMCorePlus, event: threading.Event, timeout_s: float) -> bool:
    """Return whether `event` was set in time, and let the core's signals through."""
    if (let_through := _qt_events(core)) is None:
        return event.wait(timeout_s)
    ends_s = time.monotonic() + timeout_s
    while True:
        let_through()
        left_s = ends_s - time.monotonic()
        if event.wait(min(max(left_s, 0), STEP_S)):
            return True
        if left_s <= 0:
            return False


def connect_directly(
    core: CMMCorePlus, signal: Any, slot: Callable[..., object]
) -> None:
    """Have `slot` called by the thread that emits a signal of the core's runs."""
    if (qt := _qt_of(core)) is None:
        signal.connect(slot)
    else:
        signal.connect(slot, qt.Qt.ConnectionType.DirectConnection)


def _qt_events(core: CMMCorePlus) -> Callable[[], None] | None:
    """Return what processes the events of this thread; None where Qt has no part."""
    if (qt := _qt_of(core)) is None:
        return None
    signals: Any = core.mda.events
    here = signals.thread() == qt.QThread.currentThread()
    return qt.QCoreApplication.processEvents if here else None


def _qt_of(core: CMMCorePlus) -> Any:
    """Return Qt if the core's runs give its signals, and None if they do not."""
    qt = sys.modules.get("qtpy.QtCore")
    return qt if qt and isinstance(core.mda.events, qt.QObject) else None
