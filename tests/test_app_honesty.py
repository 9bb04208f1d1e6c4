"""What the window says of a picture is true of that picture, and of no other."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from app_windows import Windows, has_restored, is_idle, press
from failing import Failing
from killed_sessions import MODEL, UNPLANNED, frames, killed
from movies import scanned_movie
from PIL import Image
from test_app_movies import drop

from pssr_live.app.export import export_view
from pssr_live.app.feed import Pair
from pssr_live.app.message import Kind
from pssr_live.app.panes import COMPUTED
from pssr_live.app.picture import Display, picture_of
from pssr_live.app.trust import Colour
from pssr_live.app.window import MainWindow
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.frame import Frame
from pssr_live.intensity import FloatArray
from pssr_live.offline import restore_file
from pssr_live.recovery import recover
from pssr_live.restorer import Restorer
from pssr_live.scanners.simulated import simulated_config

AMBER = (255, 176, 59)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    return scanned_movie(tmp_path / "cell.ome.tiff")


def opened(windows: Windows, window: MainWindow, movie: Path) -> None:
    """Drop a movie and wait until it lies on the desk."""
    drop(window, movie)
    windows.until(lambda: window.movies.facts and window.movies.facts.path == movie)
    windows.until(lambda: window.panes.picture is not None and is_idle(window))


def restored(windows: Windows, window: MainWindow) -> None:
    """Press G and wait until the restored movie is shown."""
    press(window, "G")
    windows.until(lambda: window.conductor.now.restored and has_restored(window))


def checked(windows: Windows) -> MainWindow:
    """Return a window whose pictures a reference has just agreed with."""
    window = windows.live()
    windows.until_painted(window, 8)
    press(window, "T")
    windows.until(lambda: window.strip.light.light.colour is Colour.GREEN)
    windows.until(lambda: is_idle(window))
    return window


def is_unchecked(window: MainWindow) -> bool:
    """Whether no reference speaks any more; the calibration may, of each scan."""
    return window.strip.light.light.words in ("not checked", "fits the scan")


# -- the light -----------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("dwell", 0.5), ("photons", 2.0)])
def test_a_check_ends_with_the_setting_that_was_checked(
    windows: Windows, name: str, value: float
) -> None:
    window = checked(windows)
    getattr(window.conductor, f"set_{name}")(value)
    windows.until(lambda: is_unchecked(window))
    assert "Proves the picture" in window.panel.reference.said.text()


def test_a_check_ends_with_the_microscope(windows: Windows, tmp_path: Path) -> None:
    window = checked(windows)
    other = tmp_path / "other.cfg"
    other.write_text(simulated_config().read_text())
    window.conductor.connect_microscope(other, None)
    windows.until(lambda: window.conductor.now.connected and is_idle(window))
    press(window, "L")
    windows.until_painted(window)
    windows.until(lambda: is_unchecked(window))


def test_no_check_holds_for_a_movie(windows: Windows, movie: Path) -> None:
    window = checked(windows)
    opened(windows, window, movie)
    restored(windows, window)
    windows.until(lambda: is_unchecked(window))
    assert "no reference can check a movie" in window.strip.light.light.why


# -- what made it --------------------------------------------------------------------


def test_a_movie_that_was_only_interpolated_says_so(
    windows: Windows, movie: Path, two_engines: None
) -> None:
    window = windows.live()  # whose engine goes on restoring
    opened(windows, window, movie)
    Failing.fails = True
    restored(windows, window)
    assert window.gauges.restores
    assert window.panes.restored.overlay.plate == "NOT RESTORED"
    assert window.panes.restored.overlay.title.startswith("INTERPOLATED")
    windows.until(lambda: window.strip.light.light.colour is Colour.RED)
    assert window.strip.light.light.words == "not restored"
    assert "bicubic on cpu" in window.strip.engine.text()
    Failing.fails = False
    press(window, "L")
    windows.until(lambda: window.panes.restored.overlay.plate == "COMPUTED")
    windows.until(lambda: "failing on cpu" in window.strip.engine.text())


def test_a_restored_file_is_no_raw_scan(
    windows: Windows, movie: Path, tmp_path: Path, causal: Restorer
) -> None:
    made = tmp_path / "made.ome.tiff"
    restore_file(movie, made, causal)
    window = windows.open()
    opened(windows, window, made)
    windows.until(lambda: window.panes.raw.overlay.title == "RESTORED FILE   256 × 256")
    assert window.panes.raw.overlay.plate == "COMPUTED"
    press(window, "V")
    assert window.panes.restored.overlay.title.startswith("RESTORED FILE  |")
    assert window.panes.restored.overlay.plate == "COMPUTED"
    press(window, "G")
    windows.until(lambda: window.banners.texts)
    assert window.banners.texts == [
        "made.ome.tiff is restored already: open the raw movie instead."
    ]
    opened(windows, window, movie)
    windows.until(lambda: window.panes.raw.overlay.title == "RAW SCAN   64 × 64")
    assert window.panes.raw.overlay.plate == ""


@pytest.mark.parametrize(
    ("engine", "is_burnt"), [("", False), ("onnxruntime", True), ("bicubic", True)]
)
def test_an_exported_file_of_restored_frames_is_marked(
    tmp_path: Path, engine: str, is_burnt: bool
) -> None:
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    shown = picture_of({"scan": Pair(Frame(pixels, 0), None, engine)}, Display())
    assert shown.is_computed == bool(engine)
    assert shown.frames_restore == (engine != "bicubic")
    export_view(tmp_path / "view.png", shown, Display())
    with Image.open(tmp_path / "view.png") as image:
        exported = np.asarray(image.convert("RGB")).astype(int)
    amber = np.all(abs(exported - AMBER) < 6, axis=2)
    assert (amber.sum() > 500) == is_burnt


# -- numbers -------------------------------------------------------------------------


def test_a_movie_is_not_measured_by_the_cameras_range(
    windows: Windows, tmp_path: Path
) -> None:
    path = tmp_path / "bright.tif"
    pixels = np.random.default_rng(0).integers(1000, 9000, (64, 64)).astype(np.uint16)
    tifffile.imwrite(path, pixels)
    window = windows.open()
    state = window.conductor.scanner
    assert state is not None
    twelve = replace(state, bit_depth=12)
    window.conductor._scanner_read(twelve)
    assert window.displays.display.bit_depth == 12
    opened(windows, window, path)
    (row,) = window.displays.rows.values()
    windows.until(lambda: row.saturated.text() == "")
    window.conductor._scanner_read(replace(twelve, bit_depth=10))
    assert window.displays.display.bit_depth is None
    window.movies.put_away()
    assert window.displays.display.bit_depth == 10


@pytest.mark.parametrize(("size_um", "unit"), [(None, "px"), (0.5, "µm")])
def test_places_are_in_the_unit_that_is_known(
    windows: Windows, size_um: float | None, unit: str
) -> None:
    window = windows.open()
    frame = Frame(np.full((8, 8), 7, np.uint16), 0, pixel_size_um=size_um)
    window.panes.put(picture_of({"scan": Pair(frame)}, Display()))
    window.panes.raw.hovered.emit((2.0, 1.0))
    assert window.panes.raw.overlay.value == f"2.00, 1.00 {unit}    7"


def test_a_mended_session_tells_which_frames_were_interpolated(
    windows: Windows, tmp_path: Path
) -> None:
    came = frames(UNPLANNED, 6)
    bicubic = Restorer(MODEL, "bicubic")
    folder = killed(tmp_path / "run", bicubic, UNPLANNED, came, 3)
    bicubic.close()
    assert recover(folder.path)["engine"]["name"] != "bicubic"
    window = windows.open()
    drop(window, folder.restored)
    windows.until(lambda: window.movies.facts)
    for t in range(6):
        wanted = "INTERPOLATED FILE" if t < 3 else "RESTORED FILE"
        windows.until(lambda t=t: window.panes.picture and _time(window) == t)
        assert window.panes.raw.overlay.title.startswith(wanted)
        assert window.panes.raw.overlay.plate == ("NOT RESTORED" if t < 3 else COMPUTED)
        press(window, "Right")


# -- movies that fail ----------------------------------------------------------------


def test_a_movie_that_cannot_be_read_leaves_the_one_before(
    windows: Windows, movie: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tif"
    pixels = np.random.default_rng(0).integers(0, 9000, (3, 64, 64)).astype(np.uint16)
    tifffile.imwrite(broken, pixels, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(broken) as file:
        start = file.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    content = bytearray(broken.read_bytes())
    content[start : start + 200] = b"\xff" * 200
    broken.write_bytes(content)
    window = windows.open()
    opened(windows, window, movie)
    drop(window, broken)
    windows.until(lambda: window.banners.texts)
    assert "broken.tif cannot be read" in window.banners.texts[0]
    press(window, "D")
    press(window, "Right")
    windows.until(lambda: _time(window) == 1)
    restored(windows, window)
    assert Kind.ERROR not in window.banners.kinds


def _time(window: MainWindow) -> int:
    picture = window.panes.picture
    assert picture is not None
    (pair,) = picture.scene.values()
    return pair.frame.index["t"]


def test_a_restored_movie_is_saved_under_a_name_that_fits(
    windows: Windows, movie: Path, tmp_path: Path
) -> None:
    window = windows.open()
    opened(windows, window, movie)
    restored(windows, window)
    for name in ("view.png", "view"):
        press(window, "D")
        window.movies.save(tmp_path / name)
        windows.until(lambda: window.banners.texts)
        assert "end it with .ome.tiff" in window.banners.texts[0]
        assert not (tmp_path / name).exists()


class Slow(Failing):
    """Can be held, so that it can be cancelled."""

    name = "slow"
    go_on = threading.Event()

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        assert self.go_on.wait(60)
        return super().run(frames, valid)


def test_what_was_restored_before_a_cancelled_try_can_be_saved(
    windows: Windows, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[Any] = [Slow, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: engines)
    Slow.go_on.set()
    window = windows.open()
    opened(windows, window, movie)
    restored(windows, window)
    Slow.go_on.clear()
    press(window, "G")
    windows.until(lambda: window.conductor.now.restoring)
    press(window, "G")
    Slow.go_on.set()
    windows.until(lambda: not window.conductor.now.restoring)
    windows.until(lambda: "was cancelled" in window.banners.texts[-1])
    assert has_restored(window) and window.timeline.save.isEnabled()
