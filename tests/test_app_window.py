"""A real window over the real core: connect, look, record, stop, with right files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_windows import (
    Windows,
    as_array,
    has_restored,
    inner,
    is_idle,
    press,
    screenshot,
    seen,
)
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog, QPushButton
from sessions import assert_live_equals_offline, pixels

from pssr_live.app import theme
from pssr_live.app.message import Kind
from pssr_live.app.pane import Shows
from pssr_live.app.trust import Colour
from pssr_live.app.window import MainWindow
from pssr_live.storage.session import SessionFolder


def only_session(window: MainWindow) -> SessionFolder:
    (path,) = [p for p in window.conductor.folder.iterdir() if p.is_dir()]
    return SessionFolder(path)


def shown_in(window: MainWindow, pane: str) -> np.ndarray[Any, Any]:
    return inner(seen(getattr(window.panes, pane)))


# -- the first minute ----------------------------------------------------------------


def test_an_idle_window_says_what_to_do(windows: Windows) -> None:
    window = windows.open()
    picture = screenshot(window, "idle")
    assert picture.shape[:2] == (860, 1280)
    assert window.panes.raw.overlay.empty == "Press L for live"
    assert picture.mean() < 60  # dark
    assert picture.std() > 8  # and not blank
    assert window.strip.value_of("acquired") == "–"
    assert window.strip.light.light.colour is Colour.OFF


def test_live_shows_raw_and_restored_side_by_side(windows: Windows) -> None:
    window = windows.live()
    windows.until(lambda: window.strip.value_of("restored") != "–")
    screenshot(window, "live")
    raw, restored = shown_in(window, "raw"), shown_in(window, "restored")
    for pane in (raw, restored):  # a blank canvas has one grey level
        assert len(np.unique(pane.round())) > 60 and pane.std() > 15
    assert raw.shape == restored.shape
    alike = np.corrcoef(raw.ravel(), restored.ravel())[0, 1]
    assert 0.5 < alike < 0.999  # the same field, and not the same picture
    # Raw pixels are seen as pixels: neighbours are equal more often than not.
    assert np.mean(np.diff(raw, axis=1) == 0) > 0.6 > np.mean(np.diff(restored) == 0)
    assert window.panes.raw.overlay.title == "RAW SCAN   128 × 128"
    assert window.panes.restored.overlay.title == "RESTORED   512 × 512"
    assert window.panes.restored.overlay.plate == "COMPUTED"
    assert window.panes.picture is not None
    assert window.panes.picture.field_um == pytest.approx((25.6, 25.6))


def test_the_plate_and_the_scale_bar_are_really_painted(windows: Windows) -> None:
    window = windows.live()
    pane = seen(window.panes.restored)
    amber = as_array(_filled(theme.AMBER))[0, 0]
    corner = pane[:40, -130:]
    assert np.mean(np.all(abs(corner - amber) < 12, axis=2)) > 0.1
    # 5 µm of 25.6 µm: the bar is as long as it says.
    bottom = pane[-40:]
    bar = np.all(bottom > 215, axis=2).sum(axis=1).max()
    view_um = window.panes.restored.box.viewRect().width()
    assert bar == pytest.approx(5 / view_um * pane.shape[1], abs=3)


def _filled(colour: str) -> QImage:
    image = QImage(2, 2, QImage.Format.Format_RGB32)
    image.fill(colour)
    return image


# -- recording -----------------------------------------------------------------------


def test_record_and_stop_by_mouse_leave_a_whole_session(windows: Windows) -> None:
    window = windows.live()
    window.panel.session.notes.setPlainText("cell 3, after the drug")
    windows.click(window.panel.run.record)
    windows.until(lambda: window.conductor.now.recording)
    windows.until(lambda: window.conductor.instrument.tally().acquired >= 15)
    assert window.panel.run.record.text() == "Stop recording"
    screenshot(window, "recording")
    windows.click(window.panel.run.record)
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert window.conductor.now.live  # it goes on
    session = only_session(window)
    report = json.loads(session.report.read_text())
    assert report["status"] == "success"
    assert report["frames_recorded"] == report["frames_restored"] >= 15
    assert len(pixels(session.raw)) == report["frames_recorded"]
    assert session.notes.read_text() == "cell 3, after the drug\n"
    assert window.banners.kinds == [Kind.INFO]
    assert str(session.path) in window.banners.texts[0]
    assert_live_equals_offline(session.path, "mito-mf5-x4-live")


def test_the_keyboard_alone_runs_a_session(windows: Windows) -> None:
    window = windows.open()
    press(window, "R")  # starts live mode too
    windows.until(lambda: window.conductor.now.recording)
    windows.until(lambda: window.conductor.instrument.tally().acquired >= 6)
    press(window, "X")
    windows.until(lambda: not window.conductor.now.recording and is_idle(window))
    assert window.conductor.now.live
    press(window, "X")
    windows.until(lambda: not window.conductor.now.live and is_idle(window))
    assert only_session(window).read_status()["status"] == "success"
    press(window, "S")
    windows.until_painted(window, 1)
    press(window, "D")
    assert window.banners.texts == []


def test_closing_while_recording_asks_and_finishes_the_files(windows: Windows) -> None:
    window = windows.live()
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording)
    windows.until(lambda: window.conductor.instrument.tally().acquired >= 5)
    window.close()
    dialog = window.findChild(QDialog, "closing")
    assert dialog is not None and window.isVisible()
    screenshot(dialog, "closing")
    stay, leave = _buttons(dialog, "Go on"), _buttons(dialog, "Finish and close")
    windows.click(stay)
    assert window.conductor.now.recording and not window.is_closed
    windows.until(lambda: window.findChild(QDialog, "closing") is None)
    window.close()
    leave = _buttons(window.findChild(QDialog, "closing"), "Finish and close")
    windows.click(leave)
    windows.until(lambda: window.is_closed)
    session = only_session(window)
    assert session.read_status()["status"] == "success"
    assert_live_equals_offline(session.path, "mito-mf5-x4-live")


def _buttons(dialog: Any, text: str) -> QPushButton:
    (found,) = [b for b in dialog.findChildren(QPushButton) if b.text() == text]
    return found  # type: ignore[no-any-return]


# -- looking -------------------------------------------------------------------------


def test_flicker_puts_raw_in_the_place_of_restored(windows: Windows) -> None:
    window = windows.live()
    windows.stop_live(window)
    raw, restored = shown_in(window, "raw"), shown_in(window, "restored")
    press(window, "F")
    flickered = shown_in(window, "restored")
    np.testing.assert_array_equal(flickered, raw)
    assert window.panes.restored.overlay.plate == ""  # nothing computed is shown
    press(window, "F")
    np.testing.assert_array_equal(shown_in(window, "restored"), restored)


def test_split_shows_raw_left_and_restored_right_of_the_divider(
    windows: Windows,
) -> None:
    window = windows.live()
    windows.stop_live(window)
    press(window, "V")
    windows.bot.wait(50)
    window.panes.fit()
    pane = window.panes.restored
    assert not window.panes.raw.isVisible() and pane.item.shows is Shows.BOTH
    split = seen(pane)
    screenshot(window, "split")
    pane.item.shows = Shows.RAW
    raw = seen(pane)
    pane.item.shows = Shows.RESTORED
    restored = seen(pane)
    pane.item.shows = Shows.BOTH
    middle, height = split.shape[1] // 2, split.shape[0]
    rows = slice(60, height // 2 - 30)  # between the titles and the divider's grip
    left, right = slice(None, middle - 9), slice(middle + 9, None)
    # But for where two pixels meet: Qt rounds from the edge of what it clips.
    assert np.mean(split[rows, left] != raw[rows, left]) < 0.005
    assert np.mean(split[rows, right] != restored[rows, right]) < 0.005
    assert np.mean(split[rows, right] != raw[rows, right]) > 0.5
    QTest.mousePress(
        pane.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle, height // 2)
    )
    QTest.mouseMove(pane.viewport(), QPoint(middle // 2, height // 2))
    QTest.mouseRelease(
        pane.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle // 2, height // 2)
    )
    assert window.panes.slider.value() == pytest.approx(250, abs=8)


def test_both_panes_zoom_together_and_the_mouse_reads_values(windows: Windows) -> None:
    window = windows.live()
    panes = window.panes
    before = panes.raw.box.viewRect().width()
    press(window, "Plus")
    windows.bot.wait(50)
    assert panes.raw.box.viewRect().width() == pytest.approx(0.8 * before, rel=1e-3)
    assert panes.restored.box.viewRect().width() == pytest.approx(
        panes.raw.box.viewRect().width(), rel=1e-3
    )
    press(window, "0")
    middle = QPoint(panes.raw.width() // 2, panes.raw.height() // 2)
    QTest.mouseMove(panes.raw.viewport(), middle)
    windows.until(lambda: "µm" in panes.raw.overlay.value)
    place, value = panes.raw.overlay.value.split(" µm")
    x_um, y_um = (float(number) for number in place.split(","))
    assert x_um == pytest.approx(12.8, abs=0.2) and y_um == pytest.approx(12.8, abs=0.2)
    windows.until_painted(window, 2)
    assert int(value) > 0 and "µm" in panes.restored.overlay.value
    assert panes.restored.cross_um is not None


def test_contrast_by_hand_automatic_and_reset(windows: Windows) -> None:
    window = windows.live()
    (row,) = window.displays.rows.values()
    bright = shown_in(window, "raw").mean()
    assert row.auto.isChecked()
    row.region.setRegion((0, 60_000))  # as the mouse does
    windows.until_painted(window, 2)
    assert not row.auto.isChecked()
    assert shown_in(window, "raw").mean() < bright / 3
    press(window, "A")
    windows.until_painted(window, 2)
    assert row.auto.isChecked() and shown_in(window, "raw").mean() > bright / 2


def test_saturation_is_marked_in_red_and_counted(windows: Windows) -> None:
    window = windows.open(settings=(*_QUICK, ("Scanner", "Gain_ADU", "10000")))
    press(window, "L")
    windows.until_painted(window)
    (row,) = window.displays.rows.values()
    assert "saturated" in row.saturated.text()
    red = _reds(seen(window.panes.raw))
    assert red > 100
    press(window, "M")
    windows.until_painted(window)
    assert _reds(seen(window.panes.raw)) < red / 20


_QUICK = (("Scanner", "RealTime", "On"),)


def _reds(pane: np.ndarray[Any, Any]) -> int:
    return int(
        np.sum((pane[..., 0] > 200) & (pane[..., 1] < 100) & (pane[..., 2] < 90))
    )


def test_an_exported_view_says_that_it_is_computed(
    windows: Windows, tmp_path: Path
) -> None:
    window = windows.live()
    press(window, "E")
    windows.until(lambda: window.banners.texts)
    (file,) = window.conductor.folder.glob("view_*.png")
    with Image.open(file) as image:
        exported = np.asarray(image.convert("RGB")).astype(int)
    assert str(file) in window.banners.texts[0]
    half = exported.shape[1] // 2
    amber = np.all(abs(exported - (255, 176, 59)) < 6, axis=2)
    assert amber[:, half:].sum() > 500 and amber[:, :half].sum() == 0
    assert exported[:, half:].shape[0] >= 512  # every restored pixel is there


# -- settings ------------------------------------------------------------------------


def test_sliders_tell_the_cost_before_and_change_the_scan_after(
    windows: Windows,
) -> None:
    window = windows.live()
    box = window.panel.scanner
    assert box.saving.text() == "10.7× faster, 16.0× less dose"
    assert window.panel.model.match.text().startswith("✓ 0.2 µm")
    press(window, "PageUp")  # denser: 256
    assert "4.0× less dose" in box.saving.text()  # before anything is set
    windows.until(lambda: "256 × 256" in window.panes.raw.overlay.title)
    for _ in range(2):
        press(window, "PageDown")
        windows.until(lambda: is_idle(window))
    windows.until(lambda: "64 × 64" in window.panes.raw.overlay.title)
    press(window, "PageDown")
    windows.until(lambda: "32 × 32" in window.panes.raw.overlay.title)
    windows.until(lambda: window.strip.light.light.colour is Colour.RED)
    assert window.panel.model.match.text().startswith("✗ 0.8 µm: the model is for")
    assert "do not trust fine detail" in window.strip.light.light.why
    screenshot(window, "mismatch")
    assert window.conductor.now.live


def test_dwell_and_light_reach_the_scanner(windows: Windows) -> None:
    window = windows.live()
    box = window.panel.scanner
    QTest.keyClick(window, Qt.Key.Key_PageUp, Qt.KeyboardModifier.ShiftModifier)
    windows.until(lambda: window.conductor.scanner.field.beam.dwell_us == 2.0)
    assert box.dwell.value_label.text() == "2 µs"
    box.photons.step(-3)
    windows.until(lambda: window.conductor.scanner.photons == 2.0)
    windows.until_painted(window)


def test_a_reference_lights_the_trust_lamp(windows: Windows) -> None:
    window = windows.live()
    windows.until_painted(window, 8)
    windows.until(lambda: window.strip.light.light.words == "fits the scan")
    assert window.strip.light.light.colour is Colour.AMBER
    press(window, "T")
    windows.until(lambda: "over interpolation" in window.panel.reference.said.text())
    windows.until(lambda: window.strip.light.light.colour is Colour.GREEN)
    windows.until_painted(window)  # live mode goes on
    screenshot(window, "checked")


def test_references_every_few_frames_are_recorded(windows: Windows) -> None:
    window = windows.live()
    window.panel.reference.every.setValue(12)
    checked: list[Any] = []
    window.conductor.checked.connect(checked.append)
    press(window, "R")
    windows.until(lambda: len(checked) >= 2)
    press(window, "R")
    windows.until(lambda: window.banners.texts and is_idle(window))
    report = json.loads(only_session(window).report.read_text())
    assert report["status"] == "success"
    assert len(report["quality"]["references"]["list"]) >= 2
    assert all(found.gain_db > 0 for found in checked)
    assert report["quality"]["references"]["mean"]["psnr_db"] > 10


def test_another_model_is_used_and_its_card_shown(windows: Windows) -> None:
    window = windows.live()
    window.conductor.use_model("mito-mf5-x4")
    windows.until(lambda: is_idle(window) and window.conductor.now.live)
    windows.until(lambda: window.strip.value_of("lookahead") == "2")
    windows.until_painted(window)
    press(window, "I")
    (dialog,) = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert dialog.windowTitle() == "mito-mf5-x4"
    screenshot(dialog, "card")
    dialog.close()
    press(window, "Question")
    (dialog,) = [d for d in window.findChildren(QDialog) if d.isVisible()]
    screenshot(dialog, "keys")
    assert dialog.windowTitle() == "Keys"


def test_settings_are_remembered(windows: Windows) -> None:
    window = windows.live()
    press(window, "V")
    press(window, "M")
    window.panel.reference.every.setValue(50)
    (row,) = window.displays.rows.values()
    row._paint_colour("green")
    windows.close(window)
    again = windows.live()
    assert again.panes.is_split and not again.displays.display.marks
    assert again.panel.reference.every.value() == 50
    pane = seen(again.panes.restored).reshape(-1, 3)
    assert np.sum((pane[:, 1] > 150) & (pane[:, 0] < 100)) > 200  # green


def test_a_slow_scan_keeps_its_restored_picture(windows: Windows) -> None:
    window = windows.open(settings=(*_QUICK, ("Scanner", "Dwell_us", "100")))
    press(window, "L")  # 1.7 s a frame
    windows.until_painted(window, 1)
    lost: list[bool] = []
    window._picture_ready.connect(lambda: lost.append(not has_restored(window)))
    windows.until(lambda: len(lost) > 2)
    assert not any(lost)
    assert window.strip.value_of("latency p95").endswith("ms")
