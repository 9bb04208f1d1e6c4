"""Real windows on the simulated microscope, driven by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from pssr_live.app.conductor import Start
from pssr_live.app.start import application, bury
from pssr_live.app.window import MainWindow
from pssr_live.scanners.simulated import simulated_config

SCREENSHOTS = Path(__file__).parent.parent / "out" / "screenshots"
QUICK = (("Scanner", "RealTime", "On"), ("Scanner", "LineOverhead_us", "100"))
SIZE = (1280, 860)
WAIT_MS = 60_000


class Windows:
    """Opens windows, and sees to it that they are closed."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.bot, self.folder = qtbot, folder
        self._open: list[MainWindow] = []

    def open(self, *, ready: bool = True, **changes: Any) -> MainWindow:
        """Open a window of 1280 x 860, and wait until the microscope is connected."""
        application()
        given: dict[str, Any] = {
            "config": simulated_config(),
            "model": "mito-mf5-x4-live",
            "folder": self.folder / "recordings",
            "settings": QUICK,
        }
        window = MainWindow(Start(**given | changes), self.folder / "window.json")
        self._open.append(window)
        window.resize(*SIZE)
        window.show()
        self.bot.waitExposed(window)
        window.activateWindow()
        self.bot.waitActive(window)  # or it would hear no key
        window.begin()
        if ready:
            self.until(lambda: window.conductor.now.connected and is_idle(window))
        return window

    def live(self, **changes: Any) -> MainWindow:
        """Open a window and press L; return when pictures are painted."""
        window = self.open(**changes)
        press(window, "L")
        self.until(lambda: window.conductor.now.live)
        self.until_painted(window)
        return window

    def stop_live(self, window: MainWindow) -> None:
        """Press L again; return when the last picture is on the screen."""
        press(window, "L")
        self.until(lambda: not window.conductor.now.live and is_idle(window))
        panes, last = window.panes, window.feed._scene
        self.until(lambda: panes.picture is not None and panes.picture.scene == last)

    def until_painted(self, window: MainWindow, pictures: int = 3) -> None:
        """Wait until some more restored pictures have been painted."""
        wanted = window.panes.painted + pictures
        self.until(lambda: window.panes.painted >= wanted and has_restored(window))

    def until(self, true: Callable[[], Any]) -> None:
        """Wait, with the window alive."""
        self.bot.waitUntil(lambda: bool(true()), timeout=WAIT_MS)

    def click(self, button: QWidget) -> None:
        """Press a button with the mouse."""
        assert button.isEnabled(), button
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def close(self, window: MainWindow) -> None:
        """Close a window that may be closed, and delete it."""
        self._open.remove(window)
        window._may_close = True
        window.close()
        bury(window)

    def close_all(self) -> None:
        for window in list(self._open):
            self.close(window)


def press(window: QWidget, key: str) -> None:
    """Press a key."""
    if not window.isActiveWindow():  # as after a dialog, where no desktop sees to it
        window.activateWindow()
        assert QTest.qWaitForWindowActive(window)
    code = getattr(Qt.Key, f"Key_{key}")
    QTest.keyClick(window, code)


def is_idle(window: MainWindow) -> bool:
    return window.conductor._worker.is_idle and not window.conductor.now.busy


def has_restored(window: MainWindow) -> bool:
    picture = window.panes.picture
    return picture is not None and picture.restored is not None


def screenshot(window: QWidget, name: str) -> np.ndarray[Any, Any]:
    """Keep a picture of a window as an artefact, and return it (Y, X, 3)."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    image = window.grab().toImage()
    assert image.save(str(SCREENSHOTS / f"{name}.png"))
    return as_array(image)


def seen(widget: QWidget) -> np.ndarray[Any, Any]:
    """Return the pixels of a widget (Y, X, 3)."""
    return as_array(widget.grab().toImage())


def as_array(image: QImage) -> np.ndarray[Any, Any]:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    words = np.frombuffer(image.constBits(), np.uint8)
    rows = words.reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width(), 2::-1].astype(np.int16)


def inner(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the middle of a pane as grey: a part without words, (Y, X)."""
    height, width, _ = pixels.shape
    part = pixels[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    return part.mean(axis=2)
