"""Failed references never harm a run, and the scanner is put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymmcore_plus.mda import MDAEngine
from reference_runs import lines, record, state
from sessions import (
    LIVE,
    SIDE,
    assert_live_equals_offline,
    come_late,
    fail_snap,
    small_scanner,
    timelapse,
)
from useq import MDAEvent

from pssr_live.errors import ScannerError, StorageError
from pssr_live.evaluation.session_references import score_references
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.references.plan import is_reference
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import SimulatedScanner
from pssr_live.storage.pages import PageFile


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


Fault = Callable[[ScanCore, pytest.MonkeyPatch], None]


def snap_fails(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    snap = core.snapImage

    def fail_when_dense() -> None:
        if core.getProperty("Scanner", "Resolution") != SIDE:
            raise RuntimeError("the beam is gone")
        snap()

    monkeypatch.setattr(core, "snapImage", fail_when_dense)


def density_refused(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (("Scanner", "Resolution", 77),)
    where = "pssr_live.scanners.references.scan.full_density"
    monkeypatch.setattr(where, lambda core, scale: known)


def wrong_shape(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (("Scanner", "Resolution", 128),)
    where = "pssr_live.scanners.references.scan.full_density"
    monkeypatch.setattr(where, lambda core, scale: known)


def roi_refused(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(scanner: SimulatedScanner, *roi: int) -> None:
        raise ScannerError("This scanner has no ROI.")

    monkeypatch.setattr(SimulatedScanner, "set_roi", refuse)


def roi_ignored(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedScanner, "set_roi", lambda scanner, *roi: None)


def stage_fails(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = MDAEngine.setup_event

    def fail(engine: MDAEngine, event: MDAEvent) -> None:
        if is_reference(event):
            raise RuntimeError("the stage is stuck")
        setup(engine, event)

    monkeypatch.setattr(MDAEngine, "setup_event", fail)


def disk_fails(core: ScanCore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = PageFile.write

    def fail(file: PageFile, *args: Any, **more: Any) -> None:
        if file.path.name == "reference.ome.tiff":
            raise StorageError("The disk is full.")
        write(file, *args, **more)

    monkeypatch.setattr(PageFile, "write", fail)


@pytest.mark.parametrize("interval_s", [0.0, 0.001], ids=["sequenced", "snapped"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (snap_fails, "the beam is gone"),
        (density_refused, "Resolution cannot be 77"),
        (wrong_shape, "The reference came as"),
        (roi_refused, "This scanner has no ROI"),
        (roi_ignored, "The reference came as"),
        (stage_fails, "the stage is stuck"),
        (disk_fails, "The disk is full"),
    ],
)
def test_a_failed_reference_harms_nothing(
    core: ScanCore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    reason: str,
    interval_s: float,
) -> None:
    before = state(core)
    fault(core, monkeypatch)
    report = record(core, tmp_path / "s", timelapse(10, interval_s))
    assert state(core) == before
    assert (report["status"], report["frames_restored"]) == ("success", 10)
    assert any(reason in said for said in report["warnings"])
    noted = lines(tmp_path / "s", "reference_failed")
    assert [line["ordinal"] for line in noted] == [3, 7]
    assert all(reason in line["reason"] for line in noted)
    assert report["quality"]["references"]["list"] == []
    assert_live_equals_offline(tmp_path / "s", LIVE)


def test_a_frame_may_come_long_after_its_reference(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_late(monkeypatch, t=3, seconds=2.5)
    report = record(core, tmp_path / "s", timelapse(5, 0.001))
    assert [s["ordinal"] for s in report["quality"]["references"]["list"]] == [3]


def test_a_reference_whose_frame_was_lost_is_told(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_snap(core, monkeypatch, 3)
    report = record(core, tmp_path / "s", timelapse(5, 0.001))
    assert (report["status"], report["frames_lost"]) == ("partial", 1)
    assert any("{'t': 3} never came" in said for said in report["warnings"])
    assert report["quality"]["references"]["list"] == []


def test_a_scanner_that_stays_dense_ends_the_run(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, stuck = SimulatedScanner._change, []

    def stick(scanner: SimulatedScanner, **changes: Any) -> None:
        if stuck:
            raise ScannerError("The scanner does not answer.")
        change(scanner, **changes)
        stuck.extend([1] if changes.get("resolution") == 256 else [])

    monkeypatch.setattr(SimulatedScanner, "_change", stick)
    with (
        pytest.raises(ScannerError, match="did not return to its coarse scan"),
        LiveRestoration(
            LIVE, tmp_path / "s", core=core, reference_every=4, reference_tile=1.0
        ) as live,
    ):
        core.mda.run(timelapse(10), output=live)
    assert (live.report["status"], live.report["frames_restored"]) == ("failed", 4)
    assert "did not return" in live.report["reason"]


def test_a_cancelled_run_puts_the_scanner_back(core: ScanCore, tmp_path: Path) -> None:
    before = state(core)

    def cancel(event: MDAEvent) -> None:
        if is_reference(event):
            core.mda.cancel()

    core.mda.events.eventStarted.connect(cancel)
    report = record(core, tmp_path / "s")
    assert state(core) == before
    assert (report["status"], report["frames_acquired"]) == ("aborted", 4)
    assert lines(tmp_path / "s", "reference_failed")[0]["ordinal"] == 3


def test_an_empty_field_has_no_score(core: ScanCore, tmp_path: Path) -> None:
    for name in ("Photons_per_us", "Gain_ADU"):
        core.setProperty("Scanner", name, 0.01)
    core.setProperty("Scanner", "ReadNoise_ADU", 0)
    report = record(core, tmp_path / "s", timelapse(4))
    assert report["status"] == "success"
    assert report["scan"]["references_taken"] == 1
    assert len(lines(tmp_path / "s", "reference_unscored")) == 1
    assert any("the same value in all pixels" in said for said in report["warnings"])
    assert score_references(tmp_path / "s")["list"] == []
