"""Runs in a thread of a Qt program, whose signals come only while it lets them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sessions import LIVE, assert_live_equals_offline, pixels

pytest.importorskip("qtpy")

SCRIPT = """
import sys, time
from qtpy.QtCore import QCoreApplication
from pymmcore_plus.mda.events import QMDASignaler
from sessions import LIVE, small_scanner, timelapse
import pssr_live as pl
from pssr_live.scanners.simulated import scanner_of

app = QCoreApplication([])
with small_scanner() as core:
    assert isinstance(core.mda.events, QMDASignaler)
    live = pl.LiveRestoration(LIVE, sys.argv[1], core=core)
    try:
        with live:
            core.run_mda(timelapse(int(sys.argv[2]), 0.02), output=live)
            if sys.argv[3] == "fails":
                while scanner_of(core).frames_scanned < 8:
                    time.sleep(0.01)
                raise LookupError("a bug of the script")
    except LookupError:
        pass
    print(live.report["status"])
"""


@pytest.mark.parametrize(
    ("frames", "script", "status"),
    [(12, "waits", "success"), (999, "fails", "aborted")],
)
def test_a_block_in_the_thread_of_the_window(
    tmp_path: Path, frames: int, script: str, status: str
) -> None:
    pytest.importorskip("qtpy.QtCore")
    given = [sys.executable, "-c", SCRIPT, str(tmp_path / "s"), str(frames), script]
    here = Path(__file__).parent
    # The window, in the tests before this one, asks for others.
    signals = os.environ | {"PYMM_SIGNALS_BACKEND": "qt"}
    done = subprocess.run(
        given, cwd=here, env=signals, capture_output=True, text=True, timeout=200
    )
    assert done.stdout.split() == [status], done.stderr
    assert done.returncode == 0
    raw = pixels(tmp_path / "s" / "raw.ome.tiff")
    assert len(raw) == frames if status == "success" else len(raw) > 5
    assert_live_equals_offline(tmp_path / "s", LIVE)
