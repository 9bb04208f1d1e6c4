"""References: scans at full density in a run, on the real core and to the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli import Cli
from pymmcore_plus.mda import MDAEngine
from reference_runs import lines, record, state
from sessions import LIVE, SIDE, assert_live_equals_offline, small_scanner, timelapse
from useq import MDAEvent

from pssr_live.errors import PssrLiveError, ScannerError, StorageError
from pssr_live.evaluation.session_references import score_references
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.references.file import ReferenceFile
from pssr_live.scanners.references.scan import ReferenceScan, full_density
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import scanner_of
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder

SCALE = 4


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


# -- what a run leaves ---------------------------------------------------------------


@pytest.mark.parametrize("sequenced", [True, False], ids=["sequenced", "snapped"])
def test_references_are_beside_the_run(
    core: ScanCore, tmp_path: Path, sequenced: bool
) -> None:
    core.mda.set_engine(MDAEngine(core, use_hardware_sequencing=sequenced))
    before, shown, started = state(core), [], []
    core.mda.events.frameReady.connect(lambda image: shown.append(image.shape))
    core.mda.events.eventStarted.connect(lambda event: started.append(type(event)))
    report = record(core, tmp_path / "s")
    assert state(core) == before
    assert shown == [(SIDE, SIDE)] * 10
    # blocks of the hardware around the references
    assert ("SequencedEvent" in {t.__name__ for t in started}) == sequenced
    assert (report["status"], report["warnings"]) == ("success", [])
    assert_live_equals_offline(tmp_path / "s", LIVE)

    scanner = scanner_of(core)
    taken = lines(tmp_path / "s", "reference")
    assert [line["ordinal"] for line in taken] == [3, 7]
    assert [line["index"] for line in taken] == [{"t": 3}, {"t": 7}]
    assert [line["rectangle"] for line in taken] == [[16, 16, 32, 32]] * 2
    records = [scanner.record(n).settings for n in range(scanner.frames_scanned)]
    dense = [n for n, settings in enumerate(records) if settings.resolution != SIDE]
    assert dense == [4, 9]
    images = tifffile.imread(tmp_path / "s" / "reference.ome.tiff")
    assert images.shape == (2, 128, 128)
    for number, image in zip(dense, images, strict=True):
        truth = scanner.truth(number, 4 * SIDE)
        assert np.corrcoef(image.ravel(), truth.ravel())[0, 1] > 0.8
    with open_movie(tmp_path / "s" / "reference.ome.tiff") as movie:
        assert movie.pixel_size_um == records[0].pixel_size_um / 4
        assert movie.provenance["kind"] == "reference"
        said = movie.provenance["details"]["references"]
    assert [(one["reference"], one["ordinal"]) for one in said] == [(0, 3), (1, 7)]


def test_live_scores_are_those_of_the_files(core: ScanCore, tmp_path: Path) -> None:
    report = record(core, tmp_path / "s", timelapse(12), reference_tile=1.0)
    told = report["quality"]["references"]
    assert told == score_references(tmp_path / "s")
    saved = json.loads((tmp_path / "s" / "report.json").read_text())
    assert saved["quality"]["references"] == told
    # Of deferred frames the scores come later.
    diary = {n["ordinal"]: n for n in lines(tmp_path / "s", "reference_scored")}
    assert [diary[s["ordinal"]]["psnr_db"] for s in told["list"]] == [
        s["psnr_db"] for s in told["list"]
    ]
    assert len(diary) == len(told["list"])
    assert [score["ordinal"] for score in told["list"]] == [3, 7, 11]
    psnrs = [score["psnr_db"] for score in told["list"]]
    assert told["worst"]["psnr_db"] == min(psnrs)
    assert told["mean"]["psnr_db"] == pytest.approx(np.mean(psnrs))
    for score in told["list"]:  # and they see what restoration gains
        assert score["psnr_db"] > score["bicubic_psnr_db"]
        assert score["rsp"] > score["bicubic_rsp"]
        assert score["rse_adu"] < score["bicubic_rse_adu"]


def test_deferred_frames_are_scored_too(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pssr_live.pipeline.MOST_WAITING", 0)  # all but the last
    report = record(core, tmp_path / "s")
    assert report["frames_deferred"] > 0
    assert [s["ordinal"] for s in report["quality"]["references"]["list"]] == [3, 7]
    assert report["quality"]["references"] == score_references(tmp_path / "s")


def test_a_killed_run_keeps_its_references(tmp_path: Path) -> None:
    path = tmp_path / "reference.ome.tiff"
    file = ReferenceFile(path)
    images = np.arange(2 * 8 * 8, dtype=np.uint16).reshape(2, 8, 8)
    for t, image in enumerate(images):
        scan = ReferenceScan(image, (0, 0, 2, 2), 0.05, 1.0)
        assert file.write(scan, {"t": 4 * t + 3, "c": 1}) == t
    # as a crash leaves it: not closed
    np.testing.assert_array_equal(tifffile.imread(path, key=slice(None)), images)
    with open_movie(path) as movie:
        assert (len(movie), movie.pixel_size_um) == (2, 0.05)
        np.testing.assert_array_equal(movie.frame(1).pixels, images[1])
    file.close([])


@pytest.mark.parametrize("tile", [0.25, 1.0])
def test_the_account_is_what_the_scanner_did(
    core: ScanCore, tmp_path: Path, tile: float
) -> None:
    report = record(core, tmp_path / "s", reference_tile=tile)
    scanner = scanner_of(core)
    doses = {False: 0.0, True: 0.0}
    for number in range(scanner.frames_scanned):
        settings = scanner.record(number).settings
        doses[settings.resolution != SIDE] += settings.timing.dose_us
    share = doses[True] / sum(doses.values())
    assert report["scan"]["reference_dose_share"] == pytest.approx(share)
    assert 0 < report["scan"]["reference_time_share"] < 1
    assert report["scan"]["references_taken"] == 2


def test_a_dwell_of_its_own_counts(core: ScanCore, tmp_path: Path) -> None:
    density = [("Scanner", "Resolution", 256), ("Scanner", "Dwell_us", 3.0)]
    before = state(core)
    report = record(core, tmp_path / "s", reference_density=density, reference_tile=1.0)
    assert state(core) == before
    low, high = 10, 2 * 16 * 3
    assert report["scan"]["reference_dose_share"] == pytest.approx(high / (low + high))


def test_auto_takes_two_percent(core: ScanCore, tmp_path: Path) -> None:
    core.setProperty("Scanner", "Resolution", 32)
    report = record(
        core,
        tmp_path / "s",
        timelapse(101),
        reference_every="auto",
        reference_tile=1 / 16,
    )
    assert report["scan"]["references_taken"] == 2
    assert report["scan"]["reference_dose_share"] <= 0.02


def test_a_reference_of_a_region_shows_that_region(
    core: ScanCore, tmp_path: Path
) -> None:
    core.setROI(8, 16, 48, 40)
    before = state(core)
    report = record(core, tmp_path / "s", reference_tile=(4, 2, 40, 36))
    assert state(core) == before
    assert report["scan"]["references_taken"] == 2
    scanner = scanner_of(core)
    assert scanner.record(4).settings.roi == (4 * 12, 4 * 18, 160, 144)
    score = report["quality"]["references"]["list"][0]
    assert score["correlation"] > 0.7 and abs(score["shift_x_px"]) < 2


def test_references_belong_to_the_right_series(core: ScanCore, tmp_path: Path) -> None:
    core.defineConfig("Channel", "dim", "Scanner", "Gain_ADU", 20)
    core.defineConfig("Channel", "bright", "Scanner", "Gain_ADU", 60)
    sequence = timelapse(10, channels=["dim", "bright"], stage_positions=[{}, {}])
    report = record(core, tmp_path / "s", sequence, reference_every=5)
    assert (report["status"], report["warnings"]) == ("success", [])
    assert report["scan"]["references_taken"] == 8
    planned = [dict(e.index) for e in sequence]
    taken = lines(tmp_path / "s", "reference")
    assert sorted(line["index"]["t"] for line in taken) == [4] * 4 + [9] * 4
    with (
        open_movie(tmp_path / "s" / "raw.ome.tiff") as raw,
        open_movie(tmp_path / "s" / "reference.ome.tiff") as references,
    ):
        for line in taken:
            assert planned[line["ordinal"]] == line["index"]
            scan = raw.frame(line["ordinal"])
            image = references.frame(line["reference"])
            series = dict(image.index) | {"t": 0}
            assert series == dict(scan.index) | {"t": 0}
            ratio = (image.pixels.mean() - 100) / (
                scan.pixels[16:48, 16:48].mean() - 100
            )
            assert 0.85 < ratio < 1.15  # the channels differ by a factor of 3
        assert len(references) == 8 and not references.missing
    assert report["quality"]["references"] == score_references(tmp_path / "s")


def test_single_events_carry_their_references(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(
        LIVE, tmp_path / "s", core=core, reference_every=4, reference_tile=0.25
    ) as live:
        core.mda.run(live.with_references(iter(timelapse(8))), output=live)
        assert not [s for s in live.reference_scores if s["ordinal"] not in (3, 7)]
    assert live.report["scan"]["references_taken"] == 2
    assert [score["ordinal"] for score in live.reference_scores] == [3, 7]


def test_a_fed_plan_has_its_references(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(
        LIVE, tmp_path / "s", core=core, reference_every=4, reference_tile=0.25
    ) as live:
        core.mda.run(live.feed(timelapse(8), burst=3), output=live)
    assert (live.report["frames_acquired"], live.report["warnings"]) == (8, [])
    assert [score["ordinal"] for score in live.reference_scores] == [3, 7]
    assert live.report["quality"]["references"] == score_references(tmp_path / "s")


def test_a_run_too_short_says_so(core: ScanCore, tmp_path: Path) -> None:
    report = record(core, tmp_path / "s", timelapse(3))
    assert report["status"] == "success"
    assert report["warnings"][0].startswith("No reference was taken")
    assert report["quality"]["references"] == {"mean": None, "worst": None, "list": []}
    assert not (tmp_path / "s" / "reference.ome.tiff").exists()
    with pytest.raises(StorageError, match="has no references"):
        score_references(tmp_path / "s")


def test_an_engine_of_ones_own_stays_in_force(core: ScanCore, tmp_path: Path) -> None:
    class Counting(MDAEngine):
        events = 0

        def setup_event(self, event: MDAEvent) -> None:
            self.events += 1
            super().setup_event(event)

    mine = Counting(core, use_hardware_sequencing=False)
    core.register_mda_engine(mine)
    report = record(core, tmp_path / "s")
    assert report["scan"]["references_taken"] == 2
    assert (core.mda.engine, mine.events) == (mine, 12)
    assert "pssr_live_references" not in vars(mine)


@pytest.mark.parametrize("roi", [(0, 0, 128, 128), (16, 8, 64, 48)])
def test_any_camera_whose_density_is_named(
    tmp_path: Path, roi: tuple[int, int, int, int]
) -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    for name, value in {"Binning": 4, "PixelType": "16bit"}.items():
        core.setProperty("Camera", name, value)
    core.setExposure(2)
    core.setROI(*roi)
    with LiveRestoration(
        LIVE,
        tmp_path / "s",
        core=core,
        engine="bicubic",
        reference_every=4,
        reference_tile=0.25,
        reference_density=[("Camera", "Binning", 1)],
    ) as live:
        core.mda.run(timelapse(10, channels=["DAPI"]), output=live)
    assert live.report["status"] == "success"
    assert live.report["scan"]["references_failed"] == 0
    assert tuple(core.getROI()) == roi
    assert (core.getProperty("Camera", "Binning"), core.getExposure()) == ("4", 2.0)
    with open_movie(tmp_path / "s" / "reference.ome.tiff") as references:
        assert references.shape == (2 * roi[3], 2 * roi[2])
        assert (len(references), references.pixel_size_um) == (2, 1.0)
        assert references.provenance["details"]["references"][1]["ordinal"] == 7
    close_core(core)


def test_no_reference_without_being_asked(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        with pytest.raises(ScannerError, match="There are no references to take"):
            live.with_references(timelapse(3))
        core.mda.run(timelapse(3), output=live)
    assert not {"quality", "scan"} & live.report.keys()
    assert not SessionFolder(tmp_path / "s").reference.exists()


def test_an_unknown_scanner_is_named(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert full_density(core, SCALE) == (("Scanner", "Resolution", 4 * SIDE),)
    monkeypatch.setattr(core, "hasProperty", lambda *what: False)
    with pytest.raises(PssrLiveError, match="not known what makes Scanner scan more"):
        full_density(core, SCALE)


# -- the command ---------------------------------------------------------------------


def test_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cli = Cli(monkeypatch, capsys)
    path, out = tmp_path / "scan.yaml", tmp_path / "s"
    path.write_text(
        "time_plan: {interval: 0, loops: 4}\n"
        'setup: {properties: [[Scanner, Resolution, 64], [Scanner, RealTime, "Off"]]}'
    )
    words = ("run", path, "--out", out, "--reference-every")
    told = cli(*words, "2", "--reference-tile", "0.25", "--json")
    assert told.code == 0, told
    report = json.loads(told.out)
    assert report["scan"]["references_taken"] == 2
    told = cli("evaluate", out, "--json")
    assert told.code == 0, told
    assert json.loads(told.out) == report["quality"]["references"]
    assert "2 scored: PSNR" in cli("evaluate", out).out
    path.write_text(
        "time_plan: {interval: 0, loops: 4}\n"
        'setup: {properties: [[Scanner, RealTime, "Off"]]}'
    )
    told = cli(*words, "2", "--overwrite", "--profile", "simulated")
    assert "References are not counted in this plan" in told.out
    said = re.sub(r"[\s\u2502]+", " ", told.out)
    assert re.search(r"dose saved .*x at .*; \d+\.\dx with the references", said)
    told = cli(*words, "often", "--overwrite")
    assert (told.code, "give one, or auto" in told.err) == (2, True)
    told = cli("evaluate", tmp_path)
    assert (told.code, "give --truth and --out" in told.err) == (2, True)
