"""Side by side and split: one field as large as before; and what fits a screen."""

from __future__ import annotations

import pytest
from app_windows import Windows, press
from qtpy.QtCore import QRectF
from qtpy.QtWidgets import QLabel

from pssr_live.app.dialogs import keys_dialog
from pssr_live.app.keys import KEYS
from pssr_live.app.panes import Panes
from pssr_live.app.window import MainWindow


def view(window: MainWindow) -> tuple[float, float, float]:
    """Return the middle of what is seen, and micrometres in a pixel of the screen."""
    panes = window.panes
    pane = panes.restored if panes.is_split else panes.raw
    rect = pane.box.viewRect()
    return rect.center().x(), rect.center().y(), rect.width() / pane.width()


def assert_linked(panes: Panes) -> None:
    raw, restored = panes.raw, panes.restored
    assert raw.size() == restored.size()
    one, other = raw.box.viewRect(), restored.box.viewRect()
    assert one.getRect() == pytest.approx(other.getRect(), abs=1e-6)


def test_the_divider_first_stands_in_the_middle_of_the_whole_field(
    windows: Windows,
) -> None:
    window = windows.live()
    before = view(window)
    for _ in range(3):  # nothing creeps
        press(window, "V")
        windows.bot.wait(50)
        seen = window.panes.restored.box.viewRect()
        assert seen.contains(QRectF(0, 0, 25.6, 25.6))
        assert view(window)[:2] == pytest.approx((12.8, 12.8), abs=0.1)
        assert window.panes.restored.item.divider_um == pytest.approx(12.8, abs=0.1)
        press(window, "V")
        windows.bot.wait(50)
        assert view(window) == pytest.approx(before, rel=1e-3)
        assert_linked(window.panes)


def test_what_was_come_near_to_stays_in_place_and_as_large(windows: Windows) -> None:
    window = windows.live()
    for _ in range(4):
        press(window, "Plus")
    window.panes.raw.box.translateBy(x=3, y=-2)
    windows.bot.wait(50)
    before = view(window)
    for _ in range(2):
        press(window, "V")
        windows.bot.wait(50)
        assert view(window) == pytest.approx(before, rel=1e-3)
    assert_linked(window.panes)
    press(window, "V")
    press(window, "Minus")
    window.panes.restored.box.translateBy(x=-1, y=1)
    windows.bot.wait(50)
    before = view(window)
    press(window, "V")
    windows.bot.wait(50)
    assert view(window) == pytest.approx(before, rel=1e-3)
    assert_linked(window.panes)


def test_the_list_of_keys_fits_a_small_screen(windows: Windows) -> None:
    dialog = keys_dialog(windows.open())
    needed = dialog.sizeHint()
    assert needed.width() <= 1000 and needed.height() <= 560
    said = {label.text() for label in dialog.findChildren(QLabel)}
    assert {key.what for key in KEYS} <= said
    dialog.deleteLater()
