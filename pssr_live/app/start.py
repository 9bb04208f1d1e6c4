"""Opens the window, and ends with it."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path

from pssr_live.app import binding  # before any other Qt

# isort: split
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication

from pssr_live.app.conductor import Start
from pssr_live.app.theme import dress
from pssr_live.app.window import MainWindow

__all__ = ["Start", "application", "bury", "open_window"]

# pyqtgraph's own cleaning at exit walks through objects that Qt has deleted by then.
pg.setConfigOption("exitCleanup", False)

BREATH_MS = 200  # how often Python may look whether Ctrl-C was pressed


def open_window(start: Start, settings: Path) -> int:
    """Open the window and return the exit code once it is closed.

    Parameters
    ----------
    start : Start
        What it begins with.
    settings : Path
        The file that remembers how it was left.

    Raises
    ------
    SettingsError
        If there is no display.
    """
    binding.require_display()
    app = application()
    window = MainWindow(start, settings)
    window.show()
    window.begin()
    signal.signal(signal.SIGINT, lambda number, frame: window.close())
    breath = QTimer()
    breath.timeout.connect(lambda: None)  # Qt's loop would not let Python see a signal
    breath.start(BREATH_MS)
    code = int(app.exec())
    breath.stop()
    bury(window)
    return code


def bury(window: MainWindow) -> None:
    """Delete a closed window now, and all that belonged to it, in this thread.

    Signals and widgets refer to each other, so Python finds them unused only when it
    collects garbage, which it does in whichever thread makes an object. Qt's must go
    in the GUI thread: elsewhere they take the memory of the next window with them.
    """
    QApplication.sendPostedEvents()  # what its workers told last, and keeps it alive
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    vars(window).clear()  # whoever still holds the window holds none of its parts
    gc.collect()


def application() -> QApplication:
    """Return the application, dressed; made if there is none."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("pssr-live")
    dress(app)
    return app
