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
from pytestqt.qtbot import QtBot

from pssr_live.restorer import Restorer


@pytest.fixture
def windows(qtbot: QtBot, tmp_path: Path) -> Iterator[Windows]:
    """Return what opens windows on the simulated microscope; they are closed after."""
    opener = Windows(qtbot, tmp_path)
    yield opener
    opener.close_all()


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
