"""A process that used a core exits with 0, whatever its core was doing."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

OPENED = """
from pssr_live.scanners.core import open_core
from pssr_live.scanners.simulated import simulated_config
core = open_core(simulated_config())
for step in range(200):
    core.setProperty("Scanner", "Gain_ADU", 10 + step)
"""
DEMO = """
from pathlib import Path
from pssr_live.scanners.core import open_core
core = open_core(Path("MMConfig_demo.cfg"))
for step in range(200):
    core.setProperty("Camera", "Gain", step % 8)
"""
PROTECTED = """
from pymmcore_plus import CMMCorePlus
from pssr_live.scanners.core import protect
core = CMMCorePlus()
protect(core)
core.loadSystemConfiguration()
for step in range(200):
    core.setProperty("Camera", "Gain", step % 8)
"""
SCANNING = OPENED + "core.startContinuousSequenceAcquisition(0)\n"


def exit_code(script: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stderr


def test_twelve_processes_exit_with_0() -> None:
    scripts = [OPENED] * 2 + [SCANNING] * 2 + [DEMO] * 4 + [PROTECTED] * 4
    with ThreadPoolExecutor(2) as two:
        results = list(two.map(exit_code, scripts))
    assert [code for code, _ in results] == [0] * 12, results
