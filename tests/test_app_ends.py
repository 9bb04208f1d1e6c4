"""What ends by itself, too early or too late: the window says what really goes on."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_windows import Windows, has_restored, is_idle, press
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDialog, QPushButton

from pssr_live.app import worker
from pssr_live.app.message import Kind
from pssr_live.app.plan_form import PlanForm, sequence_of
from pssr_live.app.window import MainWindow
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.session import SessionFolder

NO_PROFILE = (
    "Property,Core,Initialize,0\nDevice,Cam,DemoCamera,DCam\n"
    "Property,Core,Initialize,1\nProperty,Core,Camera,Cam\n"
)


def core_of(window: MainWindow) -> ScanCore:
    core = window.conductor.instrument._core
    assert core is not None
    return core


def record(windows: Windows, window: MainWindow, frames: int = 5) -> None:
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording)
    windows.until(lambda: window.conductor.instrument.tally().acquired >= frames)


def run(windows: Windows, window: MainWindow, loops: int) -> None:
    window.conductor.run_plan(sequence_of(PlanForm(loops=loops)))


def has_ended(window: MainWindow) -> bool:
    return is_idle(window) and not window.conductor.now.acquiring


def only_session(window: MainWindow) -> SessionFolder:
    (path,) = window.conductor.folder.iterdir()
    return SessionFolder(path)


def finish_and_close(window: MainWindow) -> QPushButton:
    dialog = window.findChild(QDialog, "closing")
    assert dialog is not None
    buttons = dialog.findChildren(QPushButton)
    (found,) = [b for b in buttons if b.text() == "Finish and close"]
    return found  # type: ignore[no-any-return]


# -- closing -------------------------------------------------------------------------


def test_closing_waits_until_a_recording_is_saved(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.live()
    record(windows, window)
    saved, instrument = threading.Event(), window.conductor.instrument
    stop = instrument.stop_recording

    def slow(*given: Any) -> dict[str, Any]:
        saved.wait(20)
        return stop(*given)

    monkeypatch.setattr(instrument, "stop_recording", slow)
    monkeypatch.setattr(worker, "LEAVE_S", 0.1)
    press(window, "R")
    assert window.conductor.now.finishing
    for _ in range(2):  # insisting changes nothing
        window.close()
        assert window.isVisible() and not window.is_closed
    assert window.banners.texts == ["The window closes when the recording is saved."]
    saved.set()
    windows.until(lambda: window.is_closed)
    assert only_session(window).read_status()["status"] == "success"


def test_closing_twice_asks_once(windows: Windows) -> None:
    window = windows.live()
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording)
    for _ in range(2):
        window.close()
    (dialog,) = window.findChildren(QDialog, "closing")
    dialog.reject()
    windows.until(lambda: not window.findChildren(QDialog, "closing"))
    window.close()
    (dialog,) = window.findChildren(QDialog, "closing")  # asks again
    dialog.accept()
    windows.until(lambda: window.is_closed)


def test_a_plan_that_ends_before_the_question_is_answered(windows: Windows) -> None:
    window = windows.open()
    run(windows, window, loops=15)
    window.close()
    assert not window.is_closed
    leave = finish_and_close(window)
    windows.until(lambda: has_ended(window))
    assert not window.is_closed
    windows.click(leave)
    windows.until(lambda: window.is_closed)


# -- stopping ------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", [0, 20])
def test_a_plan_can_be_stopped_before_it_has_begun(
    windows: Windows, after_ms: int
) -> None:
    window = windows.open()
    run(windows, window, loops=4000)
    windows.bot.wait(after_ms)
    press(window, "X")
    windows.until(lambda: has_ended(window))
    report = json.loads(only_session(window).report.read_text())
    assert (report["status"], report["frames_acquired"] < 400) == ("aborted", True)


# -- the camera ----------------------------------------------------------------------


def test_a_plan_follows_live_mode_on_a_camera_from_a_driver(
    windows: Windows, tmp_path: Path
) -> None:
    (tmp_path / "scope.cfg").write_text(NO_PROFILE)
    window = windows.live(config=tmp_path / "scope.cfg", settings=())
    press(window, "T")  # there is no profile: it says why, and live mode goes on
    windows.until(lambda: is_idle(window))
    assert window.conductor.instrument.is_running() and window.conductor.now.live
    run(windows, window, loops=3)
    windows.until(lambda: has_ended(window))
    assert Kind.ERROR not in window.banners.kinds, window.banners.texts
    assert only_session(window).read_status()["status"] == "success"


@pytest.mark.parametrize("key", ["L", "R"])
def test_a_camera_that_dies_at_once(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    window = windows.open()

    def fail() -> int:
        raise RuntimeError("the cable was pulled")

    with monkeypatch.context() as patched:
        patched.setattr(core_of(window), "getRemainingImageCount", fail)
        press(window, key)
        windows.until(lambda: window.banners.texts and has_ended(window))
        windows.until(lambda: not window.conductor.now.live)
    assert "the cable was pulled" in window.banners.texts[0]
    assert not window.panel.run.live.isChecked()
    if key == "R":
        assert only_session(window).read_status()["status"] == "failed"
    press(window, "L")
    windows.until(lambda: has_restored(window))


def test_a_camera_that_does_not_start_again_after_a_reference(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.live()
    record(windows, window)

    def fail(*given: Any) -> None:
        raise RuntimeError("there is no trigger")

    with monkeypatch.context() as patched:
        patched.setattr(core_of(window), "startContinuousSequenceAcquisition", fail)
        press(window, "T")
        windows.until(lambda: len(window.banners.texts) == 2 and has_ended(window))
    assert not window.conductor.now.live
    status = only_session(window).read_status()
    assert status["status"] == "failed" and "there is no trigger" in status["reason"]


# -- files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda window: window.conductor.toggle_record(),
        lambda window: window.conductor.run_plan(sequence_of(PlanForm(loops=2))),
    ],
)
def test_a_folder_whose_name_is_too_long(
    windows: Windows, tmp_path: Path, ask: Callable[[MainWindow], None]
) -> None:
    window = windows.live(folder=tmp_path / ("x" * 300))
    ask(window)
    windows.until(lambda: window.banners.texts and has_ended(window))
    assert "File name too long" in window.banners.texts[-1]


def test_a_recording_that_is_stopped_while_it_begins_is_told(windows: Windows) -> None:
    window = windows.live()
    press(window, "R")
    press(window, "X")
    windows.until(lambda: window.banners.texts)
    windows.until(lambda: is_idle(window) and not window.conductor.now.acquiring)
    (said,) = window.banners.texts
    assert "saved in" in said and str(window.conductor.folder) in said


def test_no_part_of_a_closed_window_is_left_for_another_thread_to_delete(
    windows: Windows,
) -> None:
    # Python collects garbage in whichever thread makes objects. Where that was one that
    # took frames, parts of the window before were deleted under Qt's feet: it aborted
    # later, and elsewhere ("realloc(): invalid next size").
    window = windows.live()
    record(windows, window)
    press(window, "R")  # its last news are still under way when the window closes
    kept = {"worker": window.conductor._worker, **vars(window)}
    parts = {
        name: weakref.ref(part)
        for name, part in kept.items()
        if isinstance(part, QObject)
    }
    del kept
    assert {"worker", "conductor", "panes"} <= set(parts)
    windows.close(window)
    assert [name for name, part in parts.items() if part() is not None] == []
