"""Which Qt this is, and whether it can open a window here.

One binding is pinned, PySide6; with two in one process pyqtgraph may abort. Must be
imported before anything of qtpy or pyqtgraph.
"""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from pssr_live.errors import SettingsError

os.environ["QT_API"] = "pyside6"
os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"

_X11 = "apt-get install libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1"


def require_display() -> None:
    """Refuse where Qt would end the process for want of a display.

    Raises
    ------
    SettingsError
        Saying what is missing.
    """
    if sys.platform != "linux" or "QT_QPA_PLATFORM" in os.environ:
        return
    if "WAYLAND_DISPLAY" in os.environ:
        return
    if "DISPLAY" not in os.environ:
        raise SettingsError(
            "There is no display to open a window on: log in at a desktop, or run "
            "without a window (`pssr-live demo --headless`, `pssr-live run`)."
        )
    try:
        ctypes.CDLL(str(_xcb_plugin()))
    except OSError as error:
        raise SettingsError(
            f"Qt cannot open a window here ({error}): on Debian or Ubuntu run `{_X11}`."
        ) from error


def _xcb_plugin() -> Path:
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        raise SettingsError('Qt is not installed: run `pip install "pssr-live[gui]"`.')
    return Path(spec.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
