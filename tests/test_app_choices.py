"""Profiles, sliders and models that are chosen by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from app_windows import Windows, is_idle, press
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from test_app_movies import drop

from models import copy_model
from pssr_live.app.cards import found_by
from pssr_live.app.message import Kind
from pssr_live.app.scanner_box import NONE
from pssr_live.app.steps import Steps
from pssr_live.app.window import MainWindow
from pssr_live.card import load_model
from pssr_live.storage.movie import open_movie

DEMO = Path("MMConfig_demo.cfg")
LIVE = "mito-mf5-x4-live"
BARE = """Property,Core,Initialize,0
Device,Cam,DemoCamera,DCam
Property,Core,Initialize,1
Property,Core,Camera,Cam
"""


def test_a_slider_without_values_stays(windows: Windows) -> None:
    Steps("Dwell", str, "").step(1)
    window = windows.open(config=DEMO, settings=())
    assert window.panel.scanner.dwell.isHidden()
    QTest.keyClick(window, Qt.Key.Key_PageUp, Qt.KeyboardModifier.ShiftModifier)
    windows.bot.wait(300)
    assert window.banners.texts == [] and is_idle(window)


def test_a_slider_of_another_microscope_is_not_moved(windows: Windows) -> None:
    window = windows.open()
    before = window.panel.scanner.dwell.value()
    window.conductor.connect_microscope(DEMO, None)
    windows.until(lambda: window.conductor.now.connected and is_idle(window))
    QTest.keyClick(window, Qt.Key.Key_PageUp, Qt.KeyboardModifier.ShiftModifier)
    assert window.panel.scanner.dwell.value() == before


def test_no_profile_can_be_chosen_again(windows: Windows, tmp_path: Path) -> None:
    config = tmp_path / "bare.cfg"
    config.write_text(BARE)
    window = windows.open(config=config, settings=())
    profiles = window.panel.scanner.profile
    assert profiles.currentText() == NONE
    QTest.keyClick(window, Qt.Key.Key_PageUp)
    _choose(window, "simulated")
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert not window.conductor.now.connected
    _choose(window, NONE)
    windows.until(lambda: window.conductor.now.connected and is_idle(window))
    assert profiles.currentText() == NONE


def _choose(window: MainWindow, name: str) -> None:
    profiles = window.panel.scanner.profile
    profiles.setCurrentText(name)
    profiles.activated.emit(profiles.currentIndex())


def test_a_model_in_a_folder_is_never_taken_for_the_one_of_its_name(
    windows: Windows, tmp_path: Path
) -> None:
    mine = copy_model(tmp_path, name=LIVE)
    window = windows.open(model=str(mine))
    box = window.panel.model.models
    windows.until(lambda: box.findData("em-sf-x4") >= 0)
    assert box.currentText() == "model, in its folder"
    assert box.currentData() == str(mine)
    for wanted in (LIVE, str(mine)):
        box.setCurrentIndex(box.findData(wanted))
        box.activated.emit(box.currentIndex())
        windows.until(
            lambda wanted=wanted: is_idle(window) and _model(window) == wanted
        )
    assert window.conductor.model is not None
    assert window.conductor.model.folder == mine
    window._remember()
    kept = json.loads((windows.folder / "window.json").read_text())
    assert kept["model"] == str(mine)


def _model(window: MainWindow) -> str:
    return "" if window.conductor.model is None else found_by(window.conductor.model)


def test_what_finds_a_model_again(tmp_path: Path) -> None:
    mine = copy_model(tmp_path, name=LIVE)
    for wanted in (LIVE, str(mine)):
        assert found_by(load_model(wanted)) == wanted


@pytest.mark.parametrize("before", ["T", "PageUp", "L"])
def test_record_is_heard_while_something_brief_goes_on(
    windows: Windows, before: str
) -> None:
    window = windows.open() if before == "L" else windows.live()
    busy: list[str] = []  # told, as it may be over between two looks
    window.conductor.changed.connect(lambda now: busy.append(now.busy))
    press(window, before)
    windows.until(lambda: any(busy))
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording and is_idle(window))
    windows.until(lambda: window.conductor.instrument.tally().acquired >= 4)
    press(window, "R")
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert window.banners.kinds == [Kind.INFO]
    (session,) = [path for path in window.conductor.folder.iterdir() if path.is_dir()]
    with open_movie(session / "raw.ome.tiff") as movie:
        assert movie.shape == ((256, 256) if before == "PageUp" else (128, 128))
        assert len(movie) >= 4


def test_a_model_that_is_dropped_is_used_but_not_while_recording(
    windows: Windows, tmp_path: Path
) -> None:
    mine = copy_model(tmp_path, name=LIVE)
    window = windows.live()
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording and is_idle(window))
    drop(window, mine)
    (said,) = window.banners.texts
    assert said == "The model model is not used while recording: stop that first."
    press(window, "R")
    windows.until(lambda: not window.conductor.now.acquiring and is_idle(window))
    drop(window, mine)
    windows.until(lambda: is_idle(window) and _model(window) == str(mine))
    windows.until(lambda: window.conductor.now.live)  # it goes on
    windows.until_painted(window)
    assert not window.conductor.now.movie and Kind.ERROR not in window.banners.kinds
