"""What a run will do and cost, before it does; and the account of it afterwards."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Cli
from sessions import LIVE, timelapse
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError, StorageError
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.frame_clock import FrameClock
from pssr_live.scanners.profiles import load_profile
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.session_plan import SessionPlan, plan_session
from pssr_live.scanners.simulated import simulated_config

SCAN = """
time_plan: {interval: 0, loops: 6}
setup: {properties: [[Scanner, RealTime, "Off"]]}
"""


@pytest.fixture(scope="module")
def scanner() -> Iterator[ScanCore]:
    core = open_core(simulated_config())
    yield core
    close_core(core)


@pytest.fixture(scope="module")
def demo_camera() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    yield core
    close_core(core)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def plan_of(
    core: ScanCore,
    restorer: Restorer,
    sequence: MDASequence,
    profile: str | None = "simulated",
) -> SessionPlan:
    known = None if profile is None else load_profile(profile)
    return plan_session(core, sequence, restorer, Path(), known)


# -- planning ------------------------------------------------------------------------


def test_a_region_is_scanned_at_the_density_too(
    scanner: ScanCore, causal: Restorer
) -> None:
    scanner.setROI(128, 64, 256, 128)
    plan = plan_of(scanner, causal, timelapse(3))
    assert tuple(scanner.getROI()) == (128, 64, 256, 128)
    scanner.clearROI()
    assert (plan.shape, plan.restored_shape) == ((32, 64), (128, 256))
    whole = plan_of(scanner, causal, timelapse(3))
    assert whole.sequence.setup is not None and whole.sequence.setup.roi is None
    assert (whole.shape, whole.pixel_size_um) == ((128, 128), plan.pixel_size_um)


def test_the_region_of_a_setup_comes_first(scanner: ScanCore, causal: Restorer) -> None:
    scanner.setROI(128, 64, 256, 128)
    own = timelapse(3, setup=MDAEvent(roi=(8, 8, 16, 24)))
    plan = plan_of(scanner, causal, own)
    scanner.clearROI()
    assert plan.shape == (24, 16)


def test_a_region_that_binning_keeps_is_left_alone(
    demo_camera: ScanCore, causal: Restorer
) -> None:
    demo_camera.setROI(128, 64, 256, 128)
    plan = plan_of(demo_camera, causal, timelapse(3), "democamera")
    demo_camera.clearROI()
    assert plan.shape == (32, 64)


def test_a_plan_tells_frames_time_dose_and_room(
    scanner: ScanCore, causal: Restorer, tmp_path: Path
) -> None:
    plan = plan_of(scanner, causal, timelapse(100))
    assert (plan.frames, plan.shape, plan.restored_shape) == (
        100,
        (128, 128),
        (512, 512),
    )
    assert plan.expected_s == pytest.approx(2.9184)
    assert plan.raw_bytes == pytest.approx(100 * 128 * 128 * 2, rel=0.02)
    assert plan.restored_bytes == pytest.approx(100 * 512 * 512 * 2, rel=0.02)
    assert plan.free_bytes == pytest.approx(shutil.disk_usage(".").free, rel=0.1)
    assert (plan.pixel_size_um, plan.warnings) == (0.2, ())
    assert plan.engine["restores"] and plan.model["name"] == LIVE
    report = plan.report()
    scan = report["scan"]
    assert (scan["density"], scan["dose_ratio"], scan["dwell_us"]) == (0.0625, 16, 1)
    assert scan["time_ratio"] == pytest.approx(313.344 / 29.184)
    assert scan["frame_time_is"] == scan["full_frame_time_is"] == "modelled"
    assert json.loads(json.dumps(report))["frames"] == 100


def test_a_preset_in_the_setup_counts_for_the_plan_and_is_put_back(
    demo_camera: ScanCore, causal: Restorer
) -> None:
    before = demo_camera.getProperty("Objective", "Label")
    assert demo_camera.getPixelSizeUm() == 1
    setup = MDAEvent(channel={"group": "Objective", "config": "20X"})
    corner = {"width": 300, "height": 300}  # one field at 10x, and four at 20x
    sequence = MDASequence(grid_plan=corner, setup=setup)
    plan = plan_of(demo_camera, causal, sequence, None)
    assert (plan.pixel_size_um, plan.frames) == (0.5, 4)
    assert demo_camera.getProperty("Objective", "Label") == before


def test_the_time_of_positions_that_wait_by_themselves_adds_up(
    demo_camera: ScanCore, causal: Restorer
) -> None:
    own = {"time_plan": {"interval": 60, "loops": 3}}
    places = [{"x": x, "y": 0, "sequence": own} for x in (0, 1)]
    sequence = MDASequence(stage_positions=places, channels=["DAPI"])
    plan = plan_of(demo_camera, causal, sequence, "democamera")
    assert plan.expected_s == pytest.approx(2 * 120, abs=1)


def test_planning_scans_nothing_and_leaves_everything(
    scanner: ScanCore, causal: Restorer
) -> None:
    device: Any = scanner.camera()
    before = device.settings, device.frames_scanned
    plan_of(
        scanner, causal, timelapse(5, setup={"properties": [["Scanner", "Zoom", 2]]})
    )
    assert (device.settings, device.frames_scanned) == before


@pytest.mark.parametrize(
    ("setup", "key", "value"),
    [
        ([["Scanner", "Dwell_us", 4]], "dwell_us", 4),
        ([["Scanner", "FrameAverages", 3]], "frame_time_ms", 3 * 29.184),
        ([["Scanner", "Zoom", 2]], "pixel_size_um", 0.1),
        ([["Scanner", "Resolution", 128]], "density", 0.0625),
    ],
)
def test_the_setup_of_the_sequence_counts(
    scanner: ScanCore, causal: Restorer, setup: list[Any], key: str, value: float
) -> None:
    plan = plan_of(scanner, causal, timelapse(2, setup={"properties": setup}))
    assert plan.report()["scan"][key] == pytest.approx(value)


def test_a_roi_of_the_setup_counts(scanner: ScanCore, causal: Restorer) -> None:
    plan = plan_of(scanner, causal, timelapse(2, setup={"roi": [0, 0, 64, 32]}))
    assert plan.shape == (32, 64)
    assert plan.scan is not None
    assert plan.scan.low.time_ms == pytest.approx(32 * (64 + 100) / 1000)
    assert plan.scan.full.samples == 16 * plan.scan.low.samples
    assert scanner.getROI() == [0, 0, 512, 512]


@pytest.mark.parametrize(
    ("sequence", "profile", "expected_s"),
    [
        (timelapse(4, 2.0), "simulated", 6 + 0.029184),
        (timelapse(3, 0.001), "simulated", 3 * 0.029184),
    ],
)
def test_pauses_are_part_of_the_time(
    scanner: ScanCore,
    causal: Restorer,
    sequence: MDASequence,
    profile: str,
    expected_s: float,
) -> None:
    plan = plan_of(scanner, causal, sequence, profile)
    assert plan.expected_s == pytest.approx(expected_s)


def test_a_camera_saves_nothing_and_the_plan_says_so(
    demo_camera: ScanCore, causal: Restorer
) -> None:
    sequence = timelapse(
        2,
        channels=[{"config": "DAPI", "exposure": 40}, {"config": "FITC"}],
    )
    plan = plan_of(demo_camera, causal, sequence, "democamera")
    assert (plan.frames, plan.shape) == (4, (128, 128))
    assert plan.expected_s == pytest.approx(2 * (0.04 + 0.01))
    assert plan.scan is not None
    assert plan.report()["scan"]["dose_ratio"] == 1
    assert plan.warnings[0].startswith("The pixel size of 4 um is outside")
    assert demo_camera.getProperty("Camera", "Binning") == "1"


def test_a_plan_without_a_profile(scanner: ScanCore, causal: Restorer) -> None:
    plan = plan_of(scanner, causal, timelapse(3), None)
    assert (plan.scan, plan.expected_s, plan.shape) == (None, None, (512, 512))
    assert plan.warnings  # full density is outside of what the model was made for


# -- refusing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "words", "message"),
    [
        ("openscan", {}, "is for the camera 'OSc-LSM', and .* is 'Scanner': give an"),
        (
            "simulated",
            {"setup": {"properties": [["Scanner", "Resolution", 256]]}},
            "sets Scanner-Resolution to 256, and the model .* was made for 128",
        ),
        (
            "simulated",
            {"setup": {"properties": [["Scanner", "Dwell_us", 1000]]}},
            "cannot set Scanner-Dwell_us to 1000: .* from 0.1 to 100",
        ),
        (
            "simulated",
            {"setup": {"roi": [900, 900, 5, 5]}},
            "cannot set the ROI to .*900, 900, 5, 5.* holds nothing of",
        ),
        ("simulated", {"channels": ["DAPI"]}, "no preset 'DAPI'"),
    ],
)
def test_what_cannot_succeed_is_refused(
    scanner: ScanCore,
    causal: Restorer,
    profile: str,
    words: dict[str, Any],
    message: str,
) -> None:
    device: Any = scanner.camera()
    before = device.settings
    with pytest.raises(ScannerError, match=message) as caught:
        plan_of(scanner, causal, timelapse(2, **words), profile)
    assert "\n" not in str(caught.value)
    assert device.settings == before


def test_a_disk_that_is_too_small(
    scanner: ScanCore, causal: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 20_000_000))
    message = "needs 55.8 MB and the disk of .* has 20.0 MB free"
    with pytest.raises(StorageError, match=message):
        plan_of(scanner, causal, timelapse(100))
    assert scanner.getProperty("Scanner", "Resolution") == 512


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("getBytesPerPixel", "The microscope does not answer: no reply; check the"),
        ("getXYStageDevice", "The microscope does not answer: no reply; check the"),
        ("waitForDevice", "'simulated' cannot set Scanner-Resolution to 128: no reply"),
    ],
)
def test_a_device_that_throws(
    scanner: ScanCore,
    causal: Restorer,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    message: str,
) -> None:
    device: Any = scanner.camera()
    before = device.settings

    def fail(*words: object) -> None:
        raise RuntimeError("no reply")

    monkeypatch.setattr(scanner, method, fail)
    with pytest.raises(ScannerError, match=message):
        plan_of(scanner, causal, timelapse(2))
    assert device.settings == before


# -- the clock -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticks", "expected_ms"),
    [
        ("", None),
        ("e0", None),
        ("e0 f40", 40),
        ("e0 f40 e1000 f1030 e2000 f2080", 40),
        ("e0 f500 f530 f560", 30),
        ("e0 f500 f530 e9000 f9500 f9550", 40),
    ],
)
def test_the_time_of_a_frame_has_no_pauses_in_it(
    ticks: str, expected_ms: float | None
) -> None:
    times_s = iter(float(tick[1:]) / 1000 for tick in ticks.split())
    clock = FrameClock(lambda: next(times_s))
    for tick in ticks.split():
        clock.event() if tick[0] == "e" else clock.frame()
    assert clock.frame_time_ms == (expected_ms and pytest.approx(expected_ms))


# -- the command ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--axis", "z"], "cannot follow the axis 'z'"),
        (["--reference-every", "often"], "'often' is no number of frames"),
        (["--reference-every", "0"], "every 0 frames makes no sense"),
        (["--reference-every", "5", "--reference-tile", "3"], "no part of the field"),
        (["--out", "."], "is not empty; choose another folder"),
        (["--out", "scan.yaml"], "is a file; choose a folder"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    said: str,
) -> None:
    (tmp_path / "scan.yaml").write_text(SCAN)
    monkeypatch.chdir(tmp_path)
    cli("run", "scan.yaml", "--dry-run", *asked).assert_refused(said)


def test_a_dry_run_prints_the_plan_and_leaves_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scan.yaml").write_text(SCAN)
    told = cli("run", "scan.yaml", "-p", "simulated", "--dry-run")
    assert (told.code, told.err) == (0, "")
    for words in ("6 of 128 x 128", "10.7x", "16.0x", "Scanner-Resolution=128"):
        assert words in told.out
    told = cli("run", "scan.yaml", "-p", "simulated", "--dry-run", "--json")
    assert (told.json["frames"], told.json["scan"]["dose_ratio"]) == (6, 16)
    cli("run", "scan.yaml", "-p", "openscan", "--dry-run").assert_refused("OSc-LSM")
    cli("run", "scan.yaml").assert_refused("--out session_01")
    assert [p.name for p in tmp_path.iterdir()] == ["scan.yaml"]


def test_a_run_with_a_profile_gives_account(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "scan.yaml").write_text(SCAN)
    words = ["run", tmp_path / "scan.yaml", "-p", "simulated", "-o"]
    told = cli(*words, tmp_path / "s")
    assert told.code == 0
    assert told.out.index("by the profile") < told.out.index("success")
    assert told.out.index("success") < told.out.index("modelled")
    report = json.loads((tmp_path / "s" / "report.json").read_text())
    scan = report["scan"]
    assert scan["frame_time_is"] == "measured"
    assert scan["frame_time_ms"] > 0
    assert scan["time_ratio"] == scan["full_frame_time_ms"] / scan["frame_time_ms"]
    assert (scan["pixel_size_um"], scan["profile"]) == (0.2, "simulated")


def test_an_example_of_a_python_camera_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "examples")
    import python_scanner

    python_scanner.main(str(tmp_path / "s"))
    assert capsys.readouterr().out == "success 16 times less dose\n"
    report = json.loads((tmp_path / "s" / "report.json").read_text())
    assert (report["frames_restored"], report["scan"]["profile"]) == (5, "vendor-sem")


def test_frames_quicker_than_the_profile_allows_are_doubted(scanner: ScanCore) -> None:
    scan = plan_of(scanner, Restorer(LIVE, "bicubic"), timelapse(2)).scan
    assert scan is not None
    [said] = scan.doubt(scan.low.time_ms / 2)
    assert "14.6 ms and must take 29.2 ms by the profile 'simulated'" in said
    for usual_ms in (None, 0.9 * scan.low.time_ms, 9 * scan.low.time_ms):
        assert scan.doubt(usual_ms) == []
