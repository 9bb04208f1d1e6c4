"""`pssr-live run` and `demo`: exit codes, files and words, whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import Cli

from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import SessionFolder

SCAN = """
time_plan: {interval: 0, loops: 4}
setup: {properties: [[Scanner, Resolution, 64], [Scanner, RealTime, "Off"]]}
"""
FILES = [
    "frames.jsonl",
    "preview.png",
    "raw.ome.tiff",
    "report.json",
    "restored.ome.tiff",
    "status.json",
]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.yaml"
    path.write_text(SCAN)
    return path


def child(words: Sequence[object], code: str = "") -> list[str]:
    """Return a command line for `pssr-live <words>`, after running `code`."""
    start = f"{code}\nfrom pssr_live.__main__ import main\nmain()"
    return [sys.executable, "-c", start, *map(str, words)]


# -- run -----------------------------------------------------------------------------


def test_a_sequence_is_acquired_and_restored(
    cli: Cli, scan: Path, tmp_path: Path
) -> None:
    told = cli("run", scan, "--out", tmp_path / "s")
    assert told.code == 0
    assert "4 acquired, 4 restored" in told.out
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == FILES
    raw = tmp_path / "s" / "raw.ome.tiff"
    again = tmp_path / "again.tif"
    assert cli("restore", raw, "-o", again).code == 0
    with (
        open_movie(tmp_path / "s" / "restored.ome.tiff") as one,
        open_movie(again) as b,
    ):
        for n in range(4):
            np.testing.assert_array_equal(one.frame(n).pixels, b.frame(n).pixels)
    restored = tmp_path / "s" / "restored.ome.tiff"
    cli("restore", restored, "-o", tmp_path / "twice.tif").assert_refused("already")


def test_the_report_is_json_and_alone(cli: Cli, scan: Path, tmp_path: Path) -> None:
    told = cli("run", scan, "-o", tmp_path / "s", "--json")
    assert (told.code, told.json["status"]) == (0, "success")
    assert told.json == json.loads((tmp_path / "s" / "report.json").read_text())


def test_a_session_is_not_overwritten_unasked(
    cli: Cli, scan: Path, tmp_path: Path
) -> None:
    save = tmp_path / "s"
    save.mkdir()
    (save / "notes.txt").write_text("mine")
    cli("run", scan, "-o", save).assert_refused("is not empty", "--overwrite")
    assert [p.name for p in save.iterdir()] == ["notes.txt"]
    assert cli("run", scan, "-o", save, "--overwrite").code == 0
    assert (save / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        (None, [], ("cannot be read", "give a .yaml file")),
        ("", [], ("holds nothing", "time_plan")),
        ("chanels: [A]", [], ("'chanels', which means nothing",)),
        ("time_plan: {interval: 0, loops: 0}", [], ("time_plan.loops", "'0'")),
        (
            "time_plan: {interval: 0, duration: 10}",
            ["--dry-run"],
            ("time_plan", "no end or no step", "above 0"),
        ),
        ("{time_plan: {interval: 0, loops: 2}, channels: [A]}", [], ("preset 'A'",)),
        (
            "{time_plan: {interval: 0, loops: 2}, setup: {properties: "
            "[[Scanner, Resolution, 77]]}}",
            [],
            ("Scanner-Resolution", "77", "choose one of: 32, 64"),
        ),
        (SCAN, ["-c", "nope.cfg"], ("no configuration nope.cfg",)),
        (SCAN, ["-c", "garbage.cfg"], ("garbage.cfg", "line 1", "correct that")),
        (SCAN, ["-c", "empty.cfg"], ("has no camera",)),
        (SCAN, ["-c", "MMConfig_demo.cfg"], ("the device 'Scanner'", "Camera")),
        (SCAN, ["-m", "nope"], ("There is no model 'nope'",)),
        (SCAN, ["--engine", "warp"], ("There is no engine 'warp'",)),
        (SCAN, ["-o", "empty.cfg"], ("empty.cfg is a file; choose a folder",)),
    ],
)
def test_bad_input_leaves_nothing(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sequence: str | None,
    options: list[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("garbage.cfg").write_text("Garbage,x\n")
    Path("empty.cfg").touch()
    if sequence is not None:
        Path("scan.yaml").write_text(sequence)
    before = sorted(Path().iterdir())
    cli("run", "scan.yaml", "--out", "s", *options).assert_refused(*words)
    assert sorted(Path().iterdir()) == before


LOSE_ONE = """
from pssr_live.scanners import core as cores
open_core = cores.open_core
def open_faulty(config):
    core = open_core(config)
    snap, count = core.snapImage, iter(range(99))
    def snap_or_fail():
        if next(count) == 1:
            raise RuntimeError("the shutter is stuck")
        snap()
    core.snapImage = snap_or_fail
    return core
cores.open_core = open_faulty
"""


def test_a_lost_frame_is_exit_code_1(scan: Path, tmp_path: Path) -> None:
    scan.write_text(SCAN.replace("interval: 0", "interval: 0.01"))
    words = ["run", scan, "-o", tmp_path / "s"]
    told = subprocess.run(child(words, LOSE_ONE), capture_output=True, text=True)
    assert told.returncode == 1
    assert "1 frame never arrived" in told.stdout.replace("\n", "")
    assert "Note: Micro-Manager: Failed to snap image. the shutter" in told.stdout
    assert told.stderr == ""
    with open_movie(tmp_path / "s" / "restored.ome.tiff") as movie:
        assert (len(movie), movie.missing) == (4, {1})


FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
"""


def test_a_disk_that_fills_up_ends_the_run(scan: Path, tmp_path: Path) -> None:
    scan.write_text(SCAN.replace("loops: 4", "loops: 400"))
    words = ["run", scan, "-o", tmp_path / "s", "--engine", "bicubic"]
    told = subprocess.run(child(words, FULL_DISK), capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("Error: Frame ")
    assert "Traceback" not in told.stderr
    folder = SessionFolder(tmp_path / "s")
    status = folder.read_status()
    assert (status["status"], status["acquired"] < 400) == ("failed", True)
    with open_movie(folder.raw) as movie:
        assert len(movie) > 0
        assert movie.frame(0).pixels.any()


def interrupt(words: Sequence[object], when: Path, times: int = 1) -> tuple[int, str]:
    """Press Ctrl-C once a file exists; return exit code and standard error."""
    running = subprocess.Popen(
        child(words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    ends = time.monotonic() + 200
    while not when.exists() and running.poll() is None:
        assert time.monotonic() < ends
        time.sleep(0.02)
    for _ in range(times):
        running.send_signal(signal.SIGINT)
        time.sleep(0.1)
    _, said = running.communicate(timeout=200)
    return running.returncode, said


def test_ctrl_c_ends_a_run_with_valid_files(scan: Path, tmp_path: Path) -> None:
    scan.write_text(SCAN.replace("loops: 4", "loops: 3000").replace('"Off"', '"On"'))
    save = tmp_path / "s"
    code, said = interrupt(["run", scan, "-o", save], save / "restored.ome.tiff")
    assert (code, said) == (1, "")
    folder = SessionFolder(save)
    status = folder.read_status()
    assert status["status"] == "aborted"
    assert sorted(p.name for p in save.iterdir()) == FILES
    with open_movie(folder.raw) as raw, open_movie(folder.restored) as restored:
        assert len(raw) == len(restored) == status["acquired"] > 0
        assert not restored.missing


def test_ctrl_c_while_waiting_between_frames(scan: Path, tmp_path: Path) -> None:
    scan.write_text(SCAN.replace("interval: 0", "interval: 3600"))
    save = tmp_path / "s"
    code, said = interrupt(["run", scan, "-o", save], save / "restored.ome.tiff")
    assert (code, said) == (1, "")
    assert SessionFolder(save).read_status()["acquired"] == 1


# -- demo ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Path]]:
    """Three demo runs in fresh processes, the last one without --json."""
    runs = []
    for n in range(3):
        folder = tmp_path_factory.mktemp("demo") / "s"
        words = ["demo", "--headless", "--frames", 8, "--seed", n + 2, "-o", folder]
        command = child(words if n == 2 else [*words, "--json"])
        runs.append((subprocess.run(command, capture_output=True, text=True), folder))
    return runs


def test_every_demo_ends_with_exit_code_0(demos: list[tuple[Any, Path]]) -> None:
    assert [(told.returncode, told.stderr) for told, _ in demos] == [(0, "")] * 3


def test_a_demo_reports(demos: list[tuple[Any, Path]]) -> None:
    for told, folder in demos[:2]:
        report = json.loads(told.stdout)
        assert report == json.loads((folder / "report.json").read_text())
        assert report["status"] == "success"
        assert [report[f"frames_{w}"] for w in ("acquired", "restored", "lost")] == [
            8,
            8,
            0,
        ]
        scan = report["scan"]
        assert scan["dose_ratio"] == 16
        assert scan["full_frame_time_ms"] > scan["nominal_full_frame_time_ms"] > 313
        assert scan["time_ratio"] == scan["full_frame_time_ms"] / scan["frame_time_ms"]
        assert len(report["quality"]["psnr_db_by_frame"]) == 8
    told, folder = demos[2]
    assert "time saved" in told.stdout and "16.0x at 1 us" in told.stdout
    assert sorted(p.name for p in folder.iterdir()) == FILES


def test_a_demo_beats_bicubic_by_6_db_on_cells_never_trained_on(
    demos: list[tuple[Any, Path]],
) -> None:
    """The bar of the project; needs the trained model."""
    for told, _ in demos[:2]:
        quality = json.loads(told.stdout)["quality"]
        assert quality["psnr_db"] >= quality["bicubic_psnr_db"] + 6
        assert quality["ssim"] > quality["bicubic_ssim"]


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_demos(cli: Cli, tmp_path: Path, frames: int) -> None:
    told = cli("demo", "--headless", "--frames", frames, "-o", tmp_path / "s", "--json")
    assert (told.code, told.json["frames_restored"]) == (0, frames)
    # From one frame there is no next to measure the time by.
    assert told.json["scan"]["frame_time_is"] == {1: "modelled", 2: "measured"}[frames]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--frames", "0"], ("demo of 0 frames", "give 1 or more")),
        (["--frames", "-1"], ("demo of -1 frames",)),
        (["--frames", "1000000000"], ("1000000000 frames", "give 100000 or fewer")),
        (["--frames", "x"], ("'--frames'", "`pssr-live demo --help`")),
        (["--seed", "-1"], ("no cell number -1",)),
        (["--sample", "yeast"], ("'--sample'", "mito")),
        (["--resolution", "512"], ("'--resolution'", "'512'", "'128'")),
        (["--model", "nope"], ("There is no model 'nope'",)),
        (["--engine", "warp"], ("There is no engine 'warp'",)),
        (["--out", "full"], ("full is not empty", "--overwrite")),
        (["--out", "full/mine.txt"], ("mine.txt is a file",)),
    ],
)
def test_bad_options_of_the_demo(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    told = cli("demo", "--headless", "--frames", 2, "--out", "s", *options)
    told.assert_refused(*words)
    assert [str(p) for p in Path().rglob("*")] == ["full", "full/mine.txt"]


def test_ctrl_c_in_a_demo(tmp_path: Path) -> None:
    save = tmp_path / "s"
    words = ["demo", "--headless", "--frames", 5000, "-o", save]
    code, said = interrupt(words, save / "restored.ome.tiff")
    assert (code, said) == (1, "")
    assert SessionFolder(save).read_status()["status"] == "aborted"


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


@pytest.mark.parametrize("command", ["demo", "run"])
def test_without_scipy_the_extra_is_named(
    scan: Path, tmp_path: Path, command: str
) -> None:
    words = ["demo", "--headless"] if command == "demo" else ["run", scan]
    block = BLOCK.format(blocked=["scipy"])
    told = subprocess.run(
        child([*words, "-o", tmp_path / "s"], block), capture_output=True, text=True
    )
    assert told.returncode == 2
    assert told.stderr == (
        "Error: The package scipy is not installed: run "
        '`pip install "pssr-live[demo]"`.\n'
    )
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("command", ["demo", "live"])
def test_without_qt_the_extra_is_named(tmp_path: Path, command: str) -> None:
    block = BLOCK.format(blocked=["qtpy"])
    told = subprocess.run(
        child([command, "-o", tmp_path / "s"], block), capture_output=True, text=True
    )
    assert told.returncode == 2
    assert told.stderr == (
        "Error: The package qtpy is not installed: run "
        '`pip install "pssr-live[gui]"`.\n'
    )


def test_the_simulated_scanner_needs_no_device_adapters(
    scan: Path, tmp_path: Path
) -> None:
    block = BLOCK.format(blocked=["mm_test_adapters", "torch"])
    told = subprocess.run(
        child(["run", scan, "-o", tmp_path / "s"], block),
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")
