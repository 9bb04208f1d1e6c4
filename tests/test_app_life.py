"""Windows are born, closed and born again; nothing grows, nothing aborts at exit."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pssr_live.app.binding import _xcb_plugin, require_display
from pssr_live.errors import SettingsError

HERE = Path(__file__).parent
LIVES = 20
GROWN_MB = 5.0  # of about 260, from the tenth life to the last


def fresh(*words: object, **environment: str) -> dict[str, Any]:
    """Run `window_life` in a process of its own; it must end well."""
    told = subprocess.run(
        [sys.executable, "-W", "error", HERE / "window_life.py", *map(str, words)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    return json.loads(told.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.slow
def test_twenty_lives_leave_no_threads_and_no_memory_behind(tmp_path: Path) -> None:
    # The C library keeps a store for each of several threads, which fill by chance.
    told = fresh("cycles", tmp_path, LIVES, MALLOC_ARENA_MAX="1")
    threads, memory = told["threads"], told["memory_mb"]
    assert len(threads) == LIVES
    assert max(threads[1:]) <= threads[0]
    middle, end = sum(memory[8:12]) / 4, sum(memory[16:]) / 4
    assert end - middle < GROWN_MB, memory


def test_a_computer_without_network_sees_no_difference(tmp_path: Path) -> None:
    told = fresh("offline_pc", tmp_path)
    assert told["asked"] == []


def test_ctrl_c_closes_the_window_well(tmp_path: Path) -> None:
    assert fresh("ctrl_c", tmp_path) == {"code": 0}
    assert json.loads((tmp_path / "window.json").read_text())["model"]


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform == "linux":
        with pytest.raises(SettingsError, match="There is no display"):
            require_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    require_display()


def _no_x11() -> str:
    if shutil.which("xvfb-run") is None:
        return "xvfb is not installed"
    try:
        ctypes.CDLL(str(_xcb_plugin()))
    except OSError as error:
        return f"Qt finds no X11 here: {error}"
    return ""


@pytest.mark.slow
@pytest.mark.skipif(bool(_no_x11()), reason=_no_x11() or "there is X11")
def test_the_same_on_a_real_x11_display(tmp_path: Path) -> None:
    chosen = "side_by_side or really_painted or leave_a_whole or split or exported"
    told = subprocess.run(
        [
            *("xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", sys.executable),
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen),
            *("--basetemp", tmp_path / "inner", HERE / "test_app_window.py"),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"QT_QPA_PLATFORM": "xcb"},
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:]
    assert "5 passed" in told.stdout
