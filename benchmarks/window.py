"""How fluent the window is, and what it costs the restoration.

    python benchmarks/window.py [--seconds 10] [--rounds 3]

Fluency: pictures are given to a real window from a thread, as fast as a scanner would;
a timer of 1 ms tells how long the event loop was ever away, and the panes count what
they painted. Cost: live mode of the simulated scanner (128 x 128, 34 frames/s) with
the window and without it, in turns, because a machine has moods.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
BEGUN_S = time.perf_counter()

import numpy as np  # noqa: E402
from qtpy.QtCore import QEventLoop, Qt, QTimer  # noqa: E402

from pssr_live.app.start import Start, application, bury  # noqa: E402
from pssr_live.app.window import MainWindow  # noqa: E402
from pssr_live.frame import Frame, Restored  # noqa: E402
from pssr_live.scanners.core import close_core, open_core  # noqa: E402
from pssr_live.scanners.live_mode import LiveMode  # noqa: E402
from pssr_live.scanners.simulated import simulated_config  # noqa: E402

MODEL = "mito-mf5-x4-live"
CASES = ((128, 60.0), (512, 20.0))  # raw side and rate; restored is 4 times as large
SIZE = (1440, 900)
DIFFERENT = 8  # pictures that are given in turn
SETTLE_S = 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    print(f"start: {start_s(folder):.2f} s from the first import to a window")
    for side, rate in CASES:
        print(fluency(folder, side, rate, asked.seconds))
    pairs = [cost(folder, asked.seconds) for _ in range(asked.rounds)]
    for alone, beside in pairs:
        print(f"restored: {alone:.1f} /s without, {beside:.1f} /s with the window")
    shares = sorted(beside / alone for alone, beside in pairs)
    print(f"with the window: {median(shares):.0%} (lowest {shares[0]:.0%})")


def start_s(folder: Path) -> float:
    """Return the seconds from the first import to a window on the screen."""
    app = application()
    window = _window(folder)
    app.processEvents()
    elapsed_s = time.perf_counter() - BEGUN_S
    _close(window)
    return elapsed_s


def fluency(folder: Path, side: int, rate: float, seconds: float) -> str:
    """Give pictures at a rate, and return what became of the event loop."""
    window = _window(folder)
    done = threading.Event()
    giver = threading.Thread(target=_give, args=(window, side, rate, done), daemon=True)
    gaps_ms: list[float] = []
    giver.start()
    _run(SETTLE_S, [].append)
    painted = window.panes.painted
    begun_s = time.perf_counter()
    _run(seconds, gaps_ms.append)
    elapsed_s = time.perf_counter() - begun_s
    painted = window.panes.painted - painted
    done.set()
    giver.join()
    _close(window)
    p50, p99, most = np.percentile(gaps_ms, [50, 99, 100])
    return (
        f"{4 * side} x {4 * side} at {rate:g}/s: painted {painted / elapsed_s:.1f} /s; "
        f"event loop away p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {most:.1f} ms"
    )


def cost(folder: Path, seconds: float) -> tuple[float, float]:
    """Return pictures restored in a second, without the window and with it."""
    core = open_core(simulated_config())
    core.setProperty("Scanner", "Resolution", 128)
    with LiveMode(core, MODEL) as live:
        time.sleep(SETTLE_S)
        alone = _rate(lambda: live.counts.shown, lambda: time.sleep(seconds))
    close_core(core)
    window = _window(folder, live=True)
    window.begin()
    while window.panes.painted < 3:
        _run(0.1, [].append)
    _run(SETTLE_S, [].append)
    count = window.conductor.instrument.tally
    beside = _rate(lambda: count().restored, lambda: _run(seconds, [].append))
    _close(window)
    return alone, beside


def _rate(count: Callable[[], int], wait: Callable[[], Any]) -> float:
    before, begun_s = count(), time.perf_counter()
    wait()
    return (count() - before) / (time.perf_counter() - begun_s)


def _window(folder: Path, *, live: bool = False) -> MainWindow:
    application()
    start = Start(simulated_config(), MODEL, folder, live=live)
    window = MainWindow(start, folder / "window.json")
    window.resize(*SIZE)
    window.show()
    return window


def _close(window: MainWindow) -> None:
    window.close()
    bury(window)


def _give(window: MainWindow, side: int, rate: float, done: threading.Event) -> None:
    """Put pictures into the window's feed, at a rate."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(DIFFERENT):
        raw = rng.integers(100, 4000, (side, side)).astype(np.uint16)
        frame = Frame(raw, number, {"t": number}, pixel_size_um=25.6 / side)
        grown = np.kron(raw, np.ones((4, 4), np.uint16))
        pictures.append(Restored(grown, frame, (number,), 0.1, MODEL, "none", 1.0))
    number, next_s = 0, time.perf_counter()
    while not done.is_set():
        window.feed.put_restored(pictures[number % DIFFERENT])
        number, next_s = number + 1, next_s + 1 / rate
        time.sleep(max(0.0, next_s - time.perf_counter()))


def _run(seconds: float, gap: Callable[[float], object]) -> None:
    """Let the event loop run, and tell each time that it was away."""
    last_s = time.perf_counter()

    def tick() -> None:
        nonlocal last_s
        now_s = time.perf_counter()
        gap(1e3 * (now_s - last_s))
        last_s = now_s

    ticker = QTimer()
    ticker.setTimerType(Qt.TimerType.PreciseTimer)
    ticker.timeout.connect(tick)
    ticker.start(1)
    loop = QEventLoop()  # quitting the application would close the window
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
    ticker.stop()


if __name__ == "__main__":
    main()
