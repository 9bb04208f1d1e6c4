"""Plans: edited by hand or loaded from a file, run, recorded and restored."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_windows import Windows, is_idle, press, screenshot
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QWidget
from useq import MDAEvent, MDASequence

from pssr_live.app.message import Kind
from pssr_live.app.plan_dialog import PlanDialog
from pssr_live.app.plan_form import PlanForm, form_of, sequence_of
from pssr_live.app.window import MainWindow
from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.scanners.sequence import read_sequence
from pssr_live.storage.session import SessionFolder

FORMS = [
    (PlanForm(), 60),
    (PlanForm(loops=1), 1),
    (PlanForm(loops=5, interval_s=2.5), 5),
    (PlanForm(loops=2, z_range_um=4, z_step_um=1), 10),
    (PlanForm(loops=3, channels=(("Channel", "DAPI"), ("Channel", "FITC"))), 6),
    (PlanForm(loops=2, positions_um=((1, 2, None), (3, 4, 5.5))), 4),
    (PlanForm(loops=2, z_range_um=2, z_step_um=0.5, channels=(("C", "a"),)), 10),
]


@pytest.mark.parametrize(("form", "frames"), FORMS)
def test_a_form_is_a_sequence_and_back(form: PlanForm, frames: int) -> None:
    sequence = sequence_of(form)
    assert form.frames == frames == len(list(sequence))
    assert form_of(sequence) == form


def test_what_a_form_does_not_show_stays(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "time_plan: {interval: 0, loops: 4}\n"
        "setup: {properties: [[Scanner, Dwell_us, 2.0]]}\n"
        "metadata: {mine: 1}\n"
    )
    loaded = read_sequence(file)
    again = sequence_of(PlanForm(loops=7), loaded)
    assert len(list(again)) == 7
    assert again.setup == loaded.setup and again.metadata == loaded.metadata


def test_what_a_form_cannot_show_is_not_pretended() -> None:
    grid = MDASequence(
        time_plan={"interval": 0, "loops": 2},  # type: ignore[arg-type]
        grid_plan={"rows": 2, "columns": 2, "fov_width": 1, "fov_height": 1},  # type: ignore[arg-type]
    )
    two_phases = MDASequence(
        time_plan=[{"interval": 0, "loops": 2}, {"interval": 5, "loops": 2}]  # type: ignore[arg-type]
    )
    assert form_of(two_phases) is None
    kept = form_of(grid)
    assert kept is None or list(sequence_of(kept, grid)) == list(grid)


LOADED = [
    "time_plan: {interval: 0.0333, loops: 101}",
    "time_plan: {interval: 0.0004, loops: 101}",
    "time_plan: {interval: 20000000, loops: 2}",
    "time_plan: {interval: 0, loops: 2000000}",
    "z_plan: {range: 4, step: 0.1255}",
    "z_plan: {range: 4, step: 0.5, go_up: false}",
    "stage_positions: [{x: 12345.6781, y: -1234567.8}]",
    "stage_positions: [{x: 5, y: 6, name: A1}, {x: 5, y: 6, name: A2}]",
    "stage_positions: [{x: 5, z: 6}]",
    "channels: [{group: Channel, config: DAPY}, {group: Channel, config: FITC}]",
    "channels: [{config: FITC, camera: Two, z_offset: 3, exposure: 50}]",
]


@pytest.mark.parametrize("text", LOADED)
def test_a_plan_runs_as_it_was_loaded(
    dialogs: Callable[[], PlanDialog], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    dialog = dialogs()
    dialog.load_file(file)
    assert dialog.run.isEnabled()
    assert dialog.sequence() == read_sequence(file)


def test_only_what_is_edited_changes(
    dialogs: Callable[[], PlanDialog], tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "time_plan: {interval: 0.0333, loops: 101}\n"
        "channels: [{config: DAPY, z_offset: 3}, {config: FITC, exposure: 50}]\n"
        "stage_positions: [{x: 5, y: 6, name: A1}, {x: 7, y: 8, name: B2}]\n"
    )
    dialog = dialogs()
    dialog.load_file(file)
    assert "interval: as in the plan, not as rounded" in dialog.said.text()
    dialog.loops.setValue(7)
    items = [dialog.channels.item(n) for n in range(dialog.channels.count())]
    assert "Channel: DAPY, not here" in [item.text() for item in items]
    items[0].setCheckState(Qt.CheckState.Checked)
    dialog.positions.setText("7, 8; 9, 10")
    made = dialog.sequence()
    assert made.time_plan.interval.total_seconds() == 0.0333  # type: ignore[union-attr]
    assert [(c.config, c.z_offset, c.exposure) for c in made.channels] == [
        ("DAPY", 3.0, None),
        ("FITC", 0.0, 50.0),
        ("DAPI", 0.0, None),
    ]
    assert [p.name for p in made.stage_positions] == ["B2", None]
    assert dialog.said.text().startswith(f"{len(list(made))} frames")


def test_a_long_plan_is_shown_at_once(
    dialogs: Callable[[], PlanDialog], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"interval": 0, "loops": 300_000}
    dialog, events, counted = dialogs(), MDASequence.__iter__, itertools.count()

    def count(sequence: MDASequence) -> Iterator[MDAEvent]:
        for event in events(sequence):
            next(counted)
            yield event

    monkeypatch.setattr(MDASequence, "__iter__", count)
    dialog.show_sequence(MDASequence(time_plan=long))  # type: ignore[arg-type]
    assert dialog.said.text() == "300000 frames"
    dialog.show_sequence(MDASequence(time_plan=[long, long]))  # type: ignore[arg-type]
    assert dialog.said.text().startswith("More than 20000 events")
    assert not dialog.z_range.isEnabled() and not dialog.positions.isEnabled()
    assert 20_000 <= next(counted) < 25_000  # of 900,000


@pytest.mark.parametrize("stack", [(2, 0.7), (4, 0.13), (10, 3), (1, 0.3), (5, 2)])
def test_planes_are_counted_as_they_run(stack: tuple[float, float]) -> None:
    form = PlanForm(loops=1, z_range_um=stack[0], z_step_um=stack[1])
    assert form.frames == len(list(sequence_of(form)))


@pytest.mark.parametrize("step", [-1, 0])
def test_a_stack_without_a_way_is_not_pretended(step: float) -> None:
    stack = MDASequence(z_plan={"range": 4, "step": step})  # type: ignore[arg-type]
    assert form_of(stack) is None


@pytest.fixture
def dialogs(qtbot: QtBot) -> Callable[[], PlanDialog]:
    """Return what makes a dialog for a microscope with a stage and a focus drive."""
    window = QWidget()
    qtbot.addWidget(window)
    presets = {"Channel": ("DAPI", "FITC")}
    return lambda: PlanDialog(window, None, presets, has_stage=True, has_focus=True)


def the_plan(window: MainWindow) -> PlanDialog:
    (dialog,) = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert isinstance(dialog, PlanDialog)
    return dialog


def the_report(window: MainWindow) -> tuple[SessionFolder, dict[str, Any]]:
    (path,) = window.conductor.folder.iterdir()
    session = SessionFolder(path)
    return session, json.loads(session.report.read_text())


def test_edit_and_run(windows: Windows) -> None:
    window = windows.live()
    press(window, "P")
    dialog = the_plan(window)
    dialog.loops.setValue(12)
    assert dialog.said.text() == "12 frames"
    assert not dialog.z_range.isEnabled() and not dialog.positions.isEnabled()
    items = [dialog.channels.item(n).text() for n in range(dialog.channels.count())]
    assert items and all(text.startswith("Specimen: ") for text in items)  # no density
    screenshot(dialog, "plan")
    window.panel.session.notes.setPlainText("plan A")
    windows.click(dialog.run)
    windows.until(lambda: window.conductor.now.running)
    assert not window.panel.run.record.isEnabled()
    windows.until(lambda: not window.conductor.now.running and is_idle(window))
    session, report = the_report(window)
    assert report["status"] == "success"
    assert report["frames_recorded"] == report["frames_restored"] == 12
    assert report["scan"]["dose_ratio"] == 16
    assert session.notes.read_text() == "plan A\n"
    windows.until(lambda: window.banners.kinds == [Kind.INFO])
    assert "12 frames saved in" in window.banners.texts[0]
    assert window.conductor.now.picture
    press(window, "L")
    windows.until_painted(window)


def test_a_plan_can_be_stopped_and_keeps_what_it_has(windows: Windows) -> None:
    window = windows.open()
    window.panel.reference.every.setValue(10)
    window.conductor.reference_every = 10
    window.conductor.run_plan(sequence_of(PlanForm(loops=2000)))
    windows.until(lambda: window.conductor.instrument.tally().acquired >= 15)
    press(window, "X")
    windows.until(lambda: not window.conductor.now.running and is_idle(window))
    _, report = the_report(window)
    assert report["status"] == "aborted" and 15 <= report["frames_recorded"] < 2000
    assert report["frames_restored"] == report["frames_recorded"]
    assert report["quality"]["references"]["list"]
    windows.until(lambda: window.banners.kinds == [Kind.WARNING])


def test_a_plan_is_loaded_from_a_file(windows: Windows, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("time_plan: {interval: 0.1, loops: 9}\n")
    window = windows.open()
    press(window, "P")
    dialog = the_plan(window)
    dialog.load_file(file)
    assert (dialog.loops.value(), dialog.interval.value()) == (9, 0.1)
    file.write_text("time_plan: {interval: 0.1, loops: 9}\nzplan: 3\n")
    dialog.load_file(file)
    assert "'zplan', which means nothing" in dialog.said.text()
    assert not dialog.run.isEnabled()
    dialog.loops.setValue(3)
    assert dialog.run.isEnabled()
    dialog.close()


@pytest.mark.parametrize("text", ["1", "1, 2; x, 3", "1, 2, 3, 4", "1; 2", "nan, 1"])
def test_places_that_are_none(windows: Windows, text: str) -> None:
    window = windows.open()
    press(window, "P")
    dialog = the_plan(window)
    dialog.positions.setText(text)
    assert "is no place" in dialog.said.text() and not dialog.run.isEnabled()
    with pytest.raises(PssrLiveError, match="is no place"):
        dialog.sequence()
    dialog.close()


@pytest.mark.parametrize("text", ["1,5; 2,5", "1, 2; 3,5", "1,5, 2,5", "-0,5; 1"])
def test_a_decimal_comma_is_no_other_place(windows: Windows, text: str) -> None:
    window = windows.open()
    press(window, "P")
    dialog = the_plan(window)
    dialog.positions.setText(text)
    assert "decimals with a point" in dialog.said.text()
    assert not dialog.run.isEnabled()
    with pytest.raises(PssrLiveError, match="decimal comma"):
        dialog.sequence()
    dialog.close()


def test_a_form_tells_what_makes_its_frames() -> None:
    told = [form.in_words for form, _ in FORMS]
    assert told == [
        "60 frames",
        "1 frame",
        "5 frames",
        "10 frames: 2 time points × 5 planes",
        "6 frames: 3 time points × 2 channels",
        "4 frames: 2 time points × 2 positions",
        "10 frames: 2 time points × 5 planes",
    ]


def test_a_plan_that_the_microscope_cannot_run(windows: Windows) -> None:
    window = windows.open()
    form = PlanForm(loops=2, channels=(("Channel", "DAPI"),))
    window.conductor.run_plan(sequence_of(form))
    windows.until(lambda: window.banners.texts and is_idle(window))
    assert "no preset 'DAPI' in the group 'Channel'" in window.banners.texts[0]
    assert not window.conductor.now.running
    assert not any(window.conductor.folder.glob("*"))
    press(window, "L")
    windows.until_painted(window)


def test_a_plan_makes_sense_or_is_refused() -> None:
    with pytest.raises(ScannerError, match="makes no sense"):
        sequence_of(PlanForm(loops=0))
