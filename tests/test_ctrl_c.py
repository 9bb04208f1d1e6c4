"""Ctrl-C, with real signals in a process of its own: once, twice, and hammered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pssr_live.scanners.interrupts import interrupt_later, interrupt_once
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder
from pssr_live.worker import Worker

TELLING = """
import json
from pathlib import Path
from pssr_live.scanners import core as cores
close = cores.close_core
def close_and_tell(core):
    told = {name: core.getProperty("Scanner", name) for name in ("Resolution", "Zoom")}
    Path("told.json").write_text(json.dumps(told))
    close(core)
cores.close_core = close_and_tell
"""
# These tests may themselves run under `nohup`, which their children would inherit.
TERMINAL = """
import signal
for name in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
"""
DEAF = """
import time
from pssr_live.scanners.simulated.device import SimulatedScanner
def wait(self, due_s):
    time.sleep(max(0, due_s - time.perf_counter()))
    return True
SimulatedScanner._wait_until = wait
"""
SCAN = """
time_plan: {interval: 0.001, loops: 3000}
setup: {properties: [[Scanner, Zoom, 2], [Scanner, Dwell_us, 40]]}
"""


def pressed(
    tmp_path: Path,
    times: int,
    code: str = "",
    *,
    apart_s: float = 0.2,
    number: signal.Signals = signal.SIGINT,
) -> tuple[int, str]:
    """Press Ctrl-C after the first frame; return exit code and standard error."""
    (tmp_path / "scan.yaml").write_text(SCAN)
    start = f"{TERMINAL}{TELLING}{code}\nfrom pssr_live.__main__ import main\nmain()"
    words = ["run", "scan.yaml", "-p", "simulated", "-o", "s", "--engine", "bicubic"]
    running = subprocess.Popen(
        [sys.executable, "-c", start, *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    log, ends = tmp_path / "s" / "frames.jsonl", time.monotonic() + 200
    while not log.exists() or b'"raw"' not in log.read_bytes():
        assert running.poll() is None and time.monotonic() < ends
        time.sleep(0.02)
    for _ in range(times):
        running.send_signal(number)
        time.sleep(apart_s)
    try:
        _, said = running.communicate(timeout=200)
    finally:
        running.kill()  # if it goes on, it must not outlive its test
    return running.returncode, said.decode()


@pytest.mark.parametrize(
    ("times", "scanner", "exit_code"), [(1, "", 1), (2, DEAF, 130)]
)
def test_ctrl_c_puts_the_scanner_back_and_keeps_the_frames(
    tmp_path: Path, times: int, scanner: str, exit_code: int
) -> None:
    assert pressed(tmp_path, times, scanner) == (exit_code, "")
    assert_all_in_order(tmp_path)
    report = json.loads((tmp_path / "s" / "report.json").read_text())
    assert report["scan"]["dose_ratio"] == 16


def test_hammering_tears_nothing_down(tmp_path: Path) -> None:
    code, said = pressed(tmp_path, 25, DEAF, apart_s=0.02)
    assert code in (130, -signal.SIGINT)  # the last presses may meet a bare Python
    assert said == ""
    assert_all_in_order(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of other systems")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_stopped_service_and_a_closed_terminal_end_a_run_like_ctrl_c(
    tmp_path: Path, number: str
) -> None:
    assert pressed(tmp_path, 1, number=signal.Signals[number]) == (1, "")
    assert_all_in_order(tmp_path)


def assert_all_in_order(tmp_path: Path) -> None:
    """Check that the scanner is as it was, and the session complete."""
    told = json.loads((tmp_path / "told.json").read_text())
    assert told == {"Resolution": 512, "Zoom": 1.0}
    folder = SessionFolder(tmp_path / "s")
    status = folder.read_status()
    assert status["status"] == "aborted"
    with open_movie(folder.raw) as raw:
        assert len(raw) == status["recorded"] > 0
        assert raw.frame(0).pixels.any()


def test_what_must_not_be_left_half_done_is_done_before_ctrl_c_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt, match=r"^$"), interrupt_later():
        press()
        press()
        done.append("all of it")
    assert done
    monkeypatch.setattr("pssr_live.scanners.interrupts.PATIENCE_S", 0.0)
    with pytest.raises(KeyboardInterrupt, match=r"^$"), interrupt_later():
        press()
        time.sleep(0.01)
        press()  # it hangs, and is not waited for any longer
        done.clear()
    assert done
    assert signal.getsignal(signal.SIGINT) is before


def test_presses_that_follow_each_other_interrupt_once() -> None:
    reached = []
    with interrupt_once():
        with pytest.raises(KeyboardInterrupt):
            press()
        press()
        press()
        reached.append("clean-up")
    with interrupt_once(pressed=True):
        press()
        reached.append("clean-up after a press before")
    assert len(reached) == 2


def test_the_first_press_may_do_something_else() -> None:
    cancelled = []

    def cancel() -> bool:
        cancelled.append(1)
        return True

    with interrupt_once(cancel):
        press()
        assert cancelled
        with pytest.raises(KeyboardInterrupt):
            press()
    assert len(cancelled) == 1


def test_a_worker_that_was_waited_for_in_vain_still_works() -> None:
    go_on = threading.Event()
    worker = Worker("test", go_on.wait, 60)
    worker.start()
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.1, press).start()
        worker.wait()
    assert worker.is_working
    go_on.set()
    assert worker.wait(60) and not worker.is_working


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)
