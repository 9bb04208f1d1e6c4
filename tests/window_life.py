"""Programs that tests run in fresh processes: lives of windows, from birth to death.

python window_life.py cycles FOLDER NUMBER
python window_life.py offline_pc FOLDER
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
WAIT_S = 60


def resident_mb() -> float:
    """Return the memory of this process, without what is free already.

    The C library keeps freed memory for each thread that ever was, up to a bound.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def open_live_close(folder: Path) -> float:
    """Open a window, see live pictures, close it; return the seconds until shown."""
    begun_s = time.perf_counter()
    from pssr_live.app.start import Start, application, bury
    from pssr_live.app.window import MainWindow
    from pssr_live.scanners.simulated import simulated_config

    app = application()
    start = Start(simulated_config(), "mito-mf5-x4-live", folder, live=True)
    window = MainWindow(start, folder / "window.json")
    window.show()
    app.processEvents()
    shown_s = time.perf_counter() - begun_s
    window.begin()
    ends_s = time.perf_counter() + WAIT_S
    while window.panes.painted < 4 or not window.conductor.now.live:
        assert time.perf_counter() < ends_s, window.banners.texts
        app.processEvents()
        time.sleep(0.002)
    window.close()
    assert window.is_closed
    bury(window)
    app.processEvents()
    return shown_s


def cycles(folder: Path, number: int) -> dict[str, Any]:
    """Return threads and memory after each life."""
    threads, memory = [], []
    for _ in range(number):
        open_live_close(folder)
        threads.append(threading.active_count())
        memory.append(resident_mb())
    return {"threads": threads, "memory_mb": memory}


def offline_pc(folder: Path) -> dict[str, Any]:
    """Live a life on a computer without a network; return who asked for one."""
    asked = []

    def refuse(*given: Any, **more: Any) -> Any:
        asked.append(str(given))
        raise OSError("there is no network")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse
    socket.create_connection = refuse
    return {"shown_s": open_live_close(folder), "asked": asked}


def ctrl_c(folder: Path) -> dict[str, Any]:
    """Press Ctrl-C while pictures are shown and recorded; return the exit code."""
    from qtpy.QtCore import QTimer

    from pssr_live.app.start import Start, open_window
    from pssr_live.app.window import MainWindow
    from pssr_live.scanners.simulated import simulated_config

    begin = MainWindow.begin

    def begin_and_press(window: MainWindow) -> None:
        begin(window)
        ticker = QTimer(window)

        def look() -> None:
            if window.panes.painted > 3:
                ticker.stop()
                os.kill(os.getpid(), signal.SIGINT)

        ticker.timeout.connect(look)
        ticker.start(20)

    MainWindow.begin = begin_and_press  # type: ignore[method-assign]
    start = Start(simulated_config(), "mito-mf5-x4-live", folder, live=True)
    return {"code": open_window(start, folder / "window.json")}


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    lives = {"offline_pc": offline_pc, "ctrl_c": ctrl_c}
    if what == "cycles":
        told = cycles(Path(where), int(rest[0]))
    else:
        told = lives[what](Path(where))
    print(json.dumps(told))
