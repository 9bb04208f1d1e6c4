"""Whatever goes wrong is one sentence in a banner; the window lives, files are safe."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_windows import Windows, inner, is_idle, press, screenshot, seen
from failing import Failing
from sessions import assert_live_equals_offline, pixels

from models import MODEL, copy_model, flip_a_byte
from pssr_live.app.message import Kind
from pssr_live.app.trust import Colour
from pssr_live.app.window import MainWindow
from pssr_live.errors import StorageError
from pssr_live.storage.session import SessionFolder

LIVE = "mito-mf5-x4-live"


def the_error(window: MainWindow) -> str:
    """Return the one thing that is said to have gone wrong."""
    said = zip(window.banners.kinds, window.banners.texts, strict=True)
    (text,) = [text for kind, text in said if kind is Kind.ERROR]
    assert text.endswith(".") and "Traceback" not in text
    return text


def record(windows: Windows, window: MainWindow, frames: int) -> None:
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording)
    windows.until(lambda: window.conductor.instrument.tally().acquired >= frames)


def only_session(window: MainWindow) -> SessionFolder:
    (path,) = window.conductor.folder.iterdir()
    return SessionFolder(path)


# -- the microscope ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("Property,Core,Initialize,0\nProperty,Core,Initialize,1\n", "has no camera"),
        ("Device,Camera,NoSuchLibrary,NoCam\n", "does not load"),
        (None, "There is no configuration"),
    ],
)
def test_no_camera(
    windows: Windows, tmp_path: Path, config: str | None, words: str
) -> None:
    file = tmp_path / "scope.cfg"
    if config is not None:
        file.write_text(config)
    window = windows.open(ready=False, config=file, settings=())
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert words in the_error(window)
    assert not window.conductor.now.connected
    assert not window.panel.run.live.isEnabled()
    assert window.panel.run.open.isEnabled()  # movies can be looked at all the same
    screenshot(window, "no_camera")


def test_a_profile_for_another_microscope(windows: Windows) -> None:
    window = windows.open(ready=False, profile="openscan", settings=())
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "is for the camera 'OSc-LSM'" in the_error(window)
    window.conductor.use_profile("simulated")
    windows.until(lambda: window.conductor.now.connected)


def test_a_camera_that_vanishes_while_recording(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.live()
    record(windows, window, 8)
    core = window.conductor.instrument._core
    assert core is not None

    def fail() -> Any:
        raise RuntimeError("the cable\nwas pulled.")

    with monkeypatch.context() as patched:
        patched.setattr(core, "popNextImageAndMD", fail)
        windows.until(lambda: not window.conductor.now.recording and is_idle(window))
        windows.until(lambda: len(window.banners.texts) == 2)
    assert "The camera stopped: the cable was pulled" in window.banners.texts[0]
    assert "frames saved in" in window.banners.texts[1]
    assert not window.conductor.now.live
    session = only_session(window)
    assert session.read_status()["status"] == "failed"
    report = json.loads(session.report.read_text())
    assert len(pixels(session.raw)) == report["frames_restored"] >= 8
    assert_live_equals_offline(session.path, LIVE)
    press(window, "D")
    press(window, "L")  # and it can be started again
    windows.until_painted(window)
    assert window.banners.texts == []


def test_a_setting_that_the_scanner_refuses(windows: Windows) -> None:
    window = windows.live()
    window.conductor.set_dwell(1e9)
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "Scanner-Dwell_us cannot be set to 1000000000.0" in the_error(window)
    windows.until_painted(window)
    assert window.panel.scanner.dwell.value() == 1.0


# -- the model and its engine --------------------------------------------------------


def test_a_model_that_refuses(windows: Windows, tmp_path: Path) -> None:
    window = windows.live()
    damaged = copy_model(tmp_path)
    flip_a_byte(damaged / "model.onnx")
    window.conductor.use_model(str(damaged))
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "it was altered or damaged" in the_error(window)
    assert "refused" in window.panel.model.summary.text()
    assert not window.panel.run.live.isEnabled()
    press(window, "D")
    window.conductor.use_model(MODEL)
    windows.until(lambda: window.panel.run.live.isEnabled())
    press(window, "L")
    windows.until_painted(window)


def test_an_engine_that_fails_is_said_aloud(
    windows: Windows, two_engines: None
) -> None:
    window = windows.live()
    windows.until(lambda: "failing on cpu" in window.strip.engine.text())
    Failing.fails = True
    windows.until(lambda: window.banners.texts)
    assert the_error(window) == (
        "The engine failing failed (the device was lost): pictures are only "
        "interpolated now, NOT restored."
    )
    windows.until(lambda: window.strip.light.light.colour is Colour.RED)
    windows.until(lambda: window.panes.restored.overlay.plate == "NOT RESTORED")
    assert window.strip.light.light.words == "not restored"
    assert "NOT RESTORED" in window.strip.engine.text()
    windows.until_painted(window)
    assert window.panes.restored.overlay.title.startswith("INTERPOLATED")
    screenshot(window, "engine_fallback")
    assert "failing: the device was lost" in window.strip.engine.toolTip()


# -- the disk ------------------------------------------------------------------------


def test_a_disk_that_becomes_full_while_recording(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.live()
    record(windows, window, 6)
    live = window.conductor.instrument._live
    assert live is not None and live._run is not None

    def full(frame: Any) -> None:
        raise StorageError(
            "The raw frame could not be written to session: No space left on device "
            "(0.0 MB free there); free some room or choose another place for it."
        )

    monkeypatch.setattr(live._run.recorder, "write_raw", full)
    windows.until(lambda: not window.conductor.now.recording and is_idle(window))
    windows.until(lambda: len(window.banners.texts) == 2)
    screenshot(window, "disk_full")
    assert "No space left on device" in window.banners.texts[0]
    session = only_session(window)
    assert session.read_status()["status"] == "failed"
    kept = json.loads(session.report.read_text())["frames_recorded"]
    assert kept >= 1 and len(pixels(session.raw)) >= kept  # the disk may lag
    assert window.conductor.now.live  # looking goes on
    windows.until_painted(window)


def test_a_folder_that_cannot_be_written(windows: Windows, tmp_path: Path) -> None:
    window = windows.live()
    taken = tmp_path / "taken"
    taken.write_text("a file")
    window._use_folder(taken)
    press(window, "R")
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "taken" in the_error(window)
    assert not window.conductor.now.recording
    windows.until_painted(window)
    press(window, "D")
    press(window, "E")
    windows.until(lambda: window.banners.texts)
    assert "The view could not be written" in the_error(window)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_rights(windows: Windows, tmp_path: Path) -> None:
    window = windows.live()
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    window._use_folder(locked)
    press(window, "R")
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "Permission denied" in the_error(window)
    windows.until_painted(window)


# -- settings ------------------------------------------------------------------------


DAMAGED = ["", "{", '{"split": "maybe"}', "\x00\xff", "[]", '{"geometry": "\u00e9"}']


@pytest.mark.parametrize("content", [*DAMAGED, '{"colours": {"scan": "puce"}}'])
def test_damaged_settings_cost_nothing_but_themselves(
    windows: Windows, tmp_path: Path, content: str
) -> None:
    (tmp_path / "window.json").write_text(content)
    window = windows.live()
    assert not window.panes.is_split
    assert inner(seen(window.panes.restored)).std() > 15


def test_a_frame_of_noise_and_nothing_else_is_shown(windows: Windows) -> None:
    window = windows.open(
        settings=(
            ("Scanner", "Photons_per_us", "0.01"),
            ("Scanner", "ReadNoise_ADU", "0"),
        )
    )
    press(window, "L")
    windows.until_painted(window)
    assert np.isfinite(inner(seen(window.panes.raw))).all()
    assert window.banners.texts == []
