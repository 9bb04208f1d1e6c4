"""What all tests share: one loaded model, so that it is verified once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before any Qt: a machine that tests has no screen, or one that is in use.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# A shell's background job ignores Ctrl-C, and hands that down to all it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from app_windows import Windows
from failing import Failing
from pymmcore_plus import CMMCorePlus
from pytestqt.qtbot import QtBot

from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import simulated_config


@pytest.fixture
def windows(qtbot: QtBot, tmp_path: Path) -> Iterator[Windows]:
    """Return what opens windows on the simulated microscope; they are closed after."""
    opener = Windows(qtbot, tmp_path)
    yield opener
    opener.close_all()


@pytest.fixture(scope="module")
def demo_core() -> Iterator[ScanCore]:
    """Return a core with the demo microscope, one for all tests of a file."""
    core = open_core(Path("MMConfig_demo.cfg"))
    yield core
    close_core(core)


@pytest.fixture(scope="module")
def scanner_core() -> Iterator[ScanCore]:
    """Return a core with a scanner of 64 x 64 pixels that takes no time."""
    core = open_core(simulated_config())
    core.setProperty("Scanner", "RealTime", "Off")
    core.setProperty("Scanner", "Resolution", 64)
    yield core
    close_core(core)


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[CMMCorePlus]:
    """Return a new `CMMCorePlus.instance()`, with a demo camera of 48 x 48 pixels.

    `instance()` gives the oldest core that is still alive. A test before may have left
    one, with its own MDA engine in it, until Python next collects garbage.
    """
    monkeypatch.setattr("pymmcore_plus.core._mmcore_plus._instance", None)
    core = CMMCorePlus.instance()
    core.loadSystemConfiguration()
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 48)
    core.setExposure(2)
    yield core
    close_core(core)


@pytest.fixture
def two_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave one engine that can be made to fail, and interpolation."""
    monkeypatch.setattr(Failing, "fails", False)
    monkeypatch.setattr(ladder, "engine_classes", lambda: [Failing, BicubicEngine])


@pytest.fixture(scope="session")
def centred() -> Iterator[Restorer]:
    """Return a restorer that looks two frames ahead."""
    restorer = Restorer("mito-mf5-x4")
    yield restorer
    restorer.close()


@pytest.fixture(scope="session")
def causal() -> Iterator[Restorer]:
    """Return a restorer that never looks ahead."""
    restorer = Restorer("mito-mf5-x4-live")
    yield restorer
    restorer.close()
