"""What is typed goes where a person sees it go."""

from __future__ import annotations

from app_windows import Windows, is_idle, press
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QDialog

from pssr_live.app.plan_dialog import PlanDialog


def click_and_type(windows: Windows, box: QAbstractSpinBox, text: str) -> None:
    """Click where the words are, and type."""
    line = box.lineEdit()
    middle = QPoint(line.width() // 2, line.height() // 2)
    QTest.mouseClick(line, Qt.MouseButton.LeftButton, pos=middle)
    windows.until(box.hasFocus)
    windows.bot.wait(50)
    QTest.keyClicks(box, text)


def test_a_number_is_typed_over_the_words_in_its_box(windows: Windows) -> None:
    window = windows.open()
    every = window.panel.reference.every
    assert every.text() == "never"
    click_and_type(windows, every, "50")
    assert window.conductor.reference_every == 0  # nor 5, on the way
    press(window, "Escape")
    assert (every.value(), window.conductor.reference_every) == (50, 50)
    press(window, "P")
    (plan,) = [d for d in window.findChildren(PlanDialog) if d.isVisible()]
    plan.activateWindow()
    assert QTest.qWaitForWindowActive(plan)
    for box, text, value in (
        (plan.interval, "2.5", 2.5),
        (plan.loops, "7", 7),
        (plan.interval, "0", 0),
        (plan.loops, "1000", 1000),
        (plan.interval, "30", 30),
    ):
        click_and_type(windows, box, text)
        assert box.value() == value
    plan.close()


def test_escape_leaves_what_is_written_and_ends_no_recording(windows: Windows) -> None:
    window = windows.live()
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording and is_idle(window))
    press(window, "N")
    notes = window.panel.session.notes
    QTest.keyClicks(notes, "drug added, LRSTX")
    QTest.keyClick(notes, Qt.Key.Key_Escape)
    assert not notes.hasFocus() and notes.toPlainText() == "drug added, LRSTX"
    click_and_type(windows, window.panel.reference.every, "9000")
    windows.bot.wait(300)
    assert is_idle(window)  # no reference is taken for the 9
    QTest.keyClick(window.panel.reference.every, Qt.Key.Key_Escape)
    windows.until(lambda: window.conductor.reference_every == 9000)
    windows.until(lambda: is_idle(window))
    assert window.conductor.now.recording
    QTest.keyClick(window, Qt.Key.Key_Escape)  # with nothing to leave
    windows.until(lambda: not window.conductor.now.acquiring and is_idle(window))
    assert not [d for d in window.findChildren(QDialog) if d.isVisible()]
