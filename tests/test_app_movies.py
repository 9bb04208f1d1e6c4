"""A movie is dropped on the window: looked through, restored, saved."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_windows import Windows, has_restored, inner, is_idle, press, screenshot, seen
from frames import make_frame
from movies import scanned_movie
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QFileDialog
from sessions import pixels

from pssr_live.app import asking
from pssr_live.app.message import Kind
from pssr_live.app.window import MainWindow
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder


def drop(window: MainWindow, *paths: Path) -> None:
    """Let a file, or several, fall on the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    window.dropEvent(
        QDropEvent(
            QPointF(100, 100),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    return scanned_movie(tmp_path / "cell.ome.tiff")


def test_drop_look_restore_and_save(
    windows: Windows,
    movie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    causal: Restorer,
) -> None:
    window = windows.live()
    drop(window, movie)
    windows.until(lambda: window.conductor.now.movie and window.timeline.isVisible())
    windows.until(lambda: not window.conductor.now.live and is_idle(window))
    windows.until(lambda: "64 × 64" in window.panes.raw.overlay.title)
    assert window.panes.restored.overlay.empty == "not restored yet"
    assert window.panes.picture.field_um == pytest.approx((25.6, 25.6))
    first = inner(seen(window.panes.raw))
    press(window, "Right")
    windows.until(lambda: _time(window) == 1)
    windows.until(lambda: not np.array_equal(first, inner(seen(window.panes.raw))))
    press(window, "G")
    windows.until(lambda: window.conductor.now.restored and has_restored(window))
    assert _time(window) == 1  # it stays where it was
    assert window.panes.restored.overlay.plate == "COMPUTED"
    assert window.panes.restored.overlay.title == "RESTORED   256 × 256"
    screenshot(window, "offline")
    target = tmp_path / "mine.ome.tiff"
    monkeypatch.setattr(asking, "restored_movie", lambda parent, source: target)
    windows.click(window.timeline.save)
    windows.until(lambda: target.exists() and str(target) in window.banners.texts[-1])
    wanted = tmp_path / "wanted.ome.tiff"
    restore_file(movie, wanted, causal)
    for mine, theirs in zip(pixels(target), pixels(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    shown = window.panes.picture.scene["scan"].restored.pixels
    np.testing.assert_array_equal(shown, pixels(target)[1])
    press(window, "L")  # back to the microscope
    windows.until(lambda: window.conductor.now.live and not window.conductor.now.movie)
    windows.until(lambda: "128 × 128" in window.panes.raw.overlay.title)
    assert not window.timeline.isVisible()


def _ordinal(window: MainWindow) -> int | None:
    if window.panes.picture is None:
        return None
    (pair,) = window.panes.picture.scene.values()
    return pair.frame.ordinal


def _time(window: MainWindow) -> int:
    (pair,) = window.panes.picture.scene.values()
    return pair.frame.index["t"]  # type: ignore[no-any-return]


def test_of_several_files_none_is_taken_silently(windows: Windows, movie: Path) -> None:
    window = windows.open()
    drop(window, movie, movie.with_name("other.tif"))
    (said,) = window.banners.texts
    assert said.startswith("2 files were dropped") and not window.conductor.now.movie
    drop(window, movie)
    windows.until(lambda: window.conductor.now.movie)


def test_advice_names_what_the_window_has(windows: Windows, tmp_path: Path) -> None:
    import tifffile

    path = tmp_path / "no_size.tif"
    tifffile.imwrite(path, np.stack([make_frame(n).pixels for n in range(6)]))
    window = windows.open()
    drop(window, path)
    windows.until(lambda: window.timeline.restore.isEnabled())
    press(window, "G")
    windows.until(lambda: window.conductor.now.restored)
    windows.until(lambda: any("pixel size" in said for said in window.banners.texts))
    assert not [said for said in window.banners.texts if "--" in said or "`" in said]


def test_a_restoration_can_be_cancelled(
    windows: Windows, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.open()
    drop(window, movie)
    windows.until(lambda: window.timeline.restore.isEnabled())
    run, runs, go_on = OnnxEngine.run, itertools.count(), threading.Event()

    def run_and_wait(engine: OnnxEngine, *given: Any) -> Any:
        assert next(runs) < 3 or go_on.wait(60)
        return run(engine, *given)

    monkeypatch.setattr(OnnxEngine, "run", run_and_wait)
    windows.click(window.timeline.restore)
    windows.until(lambda: window.banners._waiting.isVisible())
    assert window.timeline.restore.text() == "Cancel"
    windows.click(window.timeline.restore)
    go_on.set()
    windows.until(lambda: not window.conductor.now.restoring)
    assert window.banners.texts == ["The restoration was cancelled."]
    assert not window.timeline.save.isEnabled()
    assert not window.banners._waiting.isVisible()


def test_channels_are_shown_in_colours_and_merged(
    windows: Windows, tmp_path: Path
) -> None:
    import tifffile

    one = tifffile.imread(scanned_movie(tmp_path / "one.ome.tiff", frames=3))
    path = tmp_path / "two.ome.tiff"
    both = np.stack([one, one[:, ::-1]], axis=1)
    meta: dict[str, Any] = {"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, both, ome=True, metadata=meta)
    window = windows.open()
    drop(window, path)
    windows.until(lambda: list(window.displays.rows) == ["DAPI", "GFP"])

    def shares() -> tuple[float, float]:
        """Return how much of the pane is green, and how much magenta."""
        pane = seen(window.panes.raw)[80:-80, 80:-80].reshape(-1, 3)
        green = pane[:, 1] - pane[:, [0, 2]].max(axis=1)
        magenta = pane[:, [0, 2]].min(axis=1) - pane[:, 1]
        return (green > 60).mean(), (magenta > 60).mean()

    windows.until(lambda: min(shares()) > 0.02)
    screenshot(window, "merge")
    press(window, "1")
    windows.until(lambda: not window.displays.rows["DAPI"].eye.isChecked())
    windows.until(lambda: shares()[0] == 0 and shares()[1] > 0.02)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "paper.pdf"),
        ("empty.tif", b"", "empty.tif"),
        ("cut.tif", b"II*\x00\x08\x00\x00\x00", "cut.tif"),
        ("gone.tif", None, "does not exist"),
    ],
)
def test_what_is_no_movie(
    windows: Windows, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    window = windows.live()
    record_started = windows.folder / name
    if content is not None:
        record_started.write_bytes(content)
    drop(window, record_started)
    windows.until(lambda: window.banners.texts)
    assert window.banners.kinds == [Kind.ERROR]
    assert words in window.banners.texts[0] and window.banners.texts[0].endswith(".")
    assert not window.conductor.now.movie
    press(window, "L")
    windows.until_painted(window)


def test_a_recording_is_not_disturbed_by_a_dropped_movie(
    windows: Windows, movie: Path
) -> None:
    window = windows.live()
    press(window, "R")
    windows.until(lambda: window.conductor.now.recording)
    drop(window, movie)
    assert "is not opened while recording" in window.banners.texts[0]
    assert window.conductor.now.recording
    windows.until_painted(window)


def test_a_movie_is_chosen_in_the_systems_dialog(
    windows: Windows, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.open()
    answer = lambda *given: (str(movie), "")  # noqa: E731
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    press(window, "O")
    windows.until(lambda: window.conductor.now.movie)
    windows.click(window.timeline.close_movie)
    windows.until(lambda: not window.conductor.now.movie)
    assert window.panes.picture is None
    assert window.panes.raw.overlay.empty == "Press L for live"


def test_a_lost_frame_shows_no_other(windows: Windows, tmp_path: Path) -> None:
    layout = RunLayout(tuple({"t": t} for t in range(3)))
    folder = SessionFolder.create(tmp_path / "session")
    recorder = SessionRecorder(folder, layout, 4)
    recorder.write_raw(make_frame(1, {"t": 1}))
    recorder.close({}, 3)
    window = windows.live()
    drop(window, folder.raw)
    windows.until(lambda: window.movies.facts)
    for t, is_there in ((0, False), (1, True), (2, False)):
        windows.until(lambda there=is_there: bool(window.panes.picture) is there)
        empty = "" if is_there else "This frame is missing"
        windows.until(lambda empty=empty: window.panes.raw.overlay.empty == empty)
        assert window.timeline.at["t"] == t
        press(window, "Right")
    press(window, "L")
    windows.until_painted(window)


def test_each_tile_of_a_grid_is_a_position(windows: Windows, tmp_path: Path) -> None:
    turns = itertools.product(range(2), range(3), range(2))
    layout = RunLayout(tuple(dict(zip("pgt", at, strict=True)) for at in turns))
    folder = SessionFolder.create(tmp_path / "session")
    recorder = SessionRecorder(folder, layout, 4)
    for n in range(len(layout)):
        recorder.write_raw(make_frame(n, dict(layout.index_of(n))))
    recorder.close({}, len(layout))
    window = windows.open()
    drop(window, folder.raw)
    windows.until(lambda: window.movies.facts)
    assert window.movies.facts.lengths == {"t": 2, "z": 1, "p": 6}
    for position, t in itertools.product(range(6), range(2)):
        window.movies.show({"t": t, "p": position})
        windows.until(lambda n=2 * position + t: _ordinal(window) == n)


def test_a_scan_is_not_shown_as_a_moment_of_the_movie(
    windows: Windows, movie: Path
) -> None:
    window = windows.open()
    drop(window, movie)
    windows.until(lambda: "64 × 64" in window.panes.raw.overlay.title)
    windows.until(lambda: window.conductor.now.movie)
    press(window, "S")
    windows.until(lambda: "128 × 128" in window.panes.raw.overlay.title)
    assert not window.conductor.now.movie and window.movies.facts is None


def test_live_ends_the_opening_of_a_slow_movie(
    windows: Windows, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = windows.open()
    is_asked, may_open = threading.Event(), threading.Event()

    def slow(path: Path) -> Movie:
        is_asked.set()
        assert may_open.wait(20)
        return open_movie(path)

    monkeypatch.setattr("pssr_live.app.movie_desk.open_movie", slow)
    drop(window, movie)
    windows.until(is_asked.is_set)
    press(window, "L")
    windows.until_painted(window)
    may_open.set()
    windows.until(lambda: window.movies._reader.is_idle)
    windows.until_painted(window)
    assert window.conductor.now.live and not window.conductor.now.movie
    assert window.movies.facts is None and not window.timeline.isVisible()
    assert set(window.panes.picture.scene) == {"scan"}


def test_a_movie_stays_in_step_while_the_view_changes(windows: Windows) -> None:
    window = windows.live()
    for key in ("V", "F", "V", "F", "BracketLeft", "BracketRight", "C", "1"):
        press(window, key)
        windows.until_painted(window, 1)
    assert has_restored(window) and window.banners.texts == []
