"""`pssr-live restore`, `models` and `doctor`, as a person may use and misuse them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli

from models import copy_model, flip_a_byte, forge
from pssr_live import card
from pssr_live.engines import ladder
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.storage import disk

MODEL = "mito-mf5-x4"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def noisy(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(90, 250, shape).astype(dtype)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noisy(6, 24, 32), photometric="minisblack")
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# -- restore -------------------------------------------------------------------------


def test_a_movie_is_restored(cli: Cli, movie: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ome.tiff"
    told = cli("restore", movie, "-o", target, "-m", MODEL)
    assert told.code == 0
    assert f"Frames restored: 6 -> {target}" in told.out
    assert "Note: The file does not tell its pixel size" in told.out
    assert tifffile.imread(target).shape == (6, 96, 128)


def test_json_is_alone_on_standard_output(
    cli: Cli, movie: Path, tmp_path: Path
) -> None:
    told = cli(
        *("restore", movie, "-o", tmp_path / "o.tif", "--json"),
        *("--pixel-size-um", 3),
    )
    (report,) = told.json["movies"]
    assert (told.code, report["frames"], report["frames_missing"]) == (0, 6, 0)
    assert report["restored_shape"] == [96, 128]
    assert "outside the" in report["warnings"][0]
    assert "Note: The pixel size of 3 um" in told.err


def test_several_movies_go_into_a_folder(cli: Cli, movie: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ome.tif"
    tifffile.imwrite(other, noisy(5, 9, 9), photometric="minisblack")
    out = tmp_path / "new" / "out"
    assert cli("restore", movie, other, "-o", out, "--json").code == 0
    assert names(out) == ["movie_restored.ome.tiff", "other_restored.ome.tiff"]
    told = cli("restore", movie, other, "-o", out)
    told.assert_refused("movie_restored.ome.tiff exists", "--overwrite")
    assert cli("restore", movie, other, "-o", out, "--overwrite").code == 0


def test_a_disk_that_cannot_hold_all_movies_is_known_before_the_first(
    cli: Cli, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.tif"
    other.write_bytes(movie.read_bytes())
    one = 6 * 96 * 128 * 2
    monkeypatch.setattr(disk, "free_bytes", lambda path: int(1.8 * one))
    out = tmp_path / "out"
    told = cli("restore", movie, other, "-o", out)
    told.assert_refused("needs 0.3 MB", "has 0.3 MB free")
    assert not out.exists()
    assert cli("restore", movie, "-o", tmp_path / "one.tif").code == 0


def test_one_bad_movie_stops_all_before_the_first(
    cli: Cli, movie: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"%PDF-1.4")
    told = cli("restore", movie, bad, "-o", tmp_path / "out")
    told.assert_refused(str(bad), "not a TIFF file")
    assert names(tmp_path) == ["bad.tif", "movie.tif"]


def test_movies_of_one_name_would_overwrite_each_other(
    cli: Cli, movie: Path, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    again = tmp_path / "b" / "movie.tif"
    again.write_bytes(movie.read_bytes())
    cli("restore", movie, again, "-o", tmp_path / "out").assert_refused("same name")


def test_a_folder_of_images(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    for n in range(3):
        tifffile.imwrite(folder / f"t{n}.tif", noisy(12, 12) + n)
    (tmp_path / "out").mkdir()
    assert cli("restore", folder, "-o", tmp_path / "out").code == 0
    assert names(tmp_path / "out") == ["scan_restored.ome.tiff"]


def write(path: Path, data: np.ndarray[Any, Any], **more: Any) -> None:
    tifffile.imwrite(path, data, **({"photometric": "minisblack"} | more))


def half(path: Path) -> None:
    write(path, noisy(6, 24, 32))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, ("does not exist",)),
        (lambda p: p.mkdir(), ("holds no .tif or .tiff file",)),
        (lambda p: p.touch(), ("is empty",)),
        (lambda p: p.write_bytes(b"%PDF-1.4" + bytes(99)), ("not a TIFF file",)),
        (lambda p: p.write_bytes(b"II*\0\x08\0\0\0\xff"), ("cannot be read",)),
        (half, ("was cut short",)),
        (
            lambda p: write(p, noisy(9, 9, 3, dtype="uint8"), photometric="rgb"),
            ("is a colour (RGB) image",),
        ),
        (lambda p: write(p, noisy(4, 9, 9).astype("float32")), ("float32 pixels",)),
        (lambda p: write(p, noisy(4, 9, 9).astype("uint32")), ("uint32 pixels",)),
    ],
    ids=["absent", "bare", "empty", "pdf", "stub", "cut", "rgb", "float", "uint32"],
)
def test_a_movie_that_cannot_be_restored(
    cli: Cli, tmp_path: Path, make: Any, words: tuple[str, ...]
) -> None:
    path = tmp_path / "in.tif"
    make(path)
    before = names(tmp_path)
    told = cli("restore", path, "-o", tmp_path / "new" / "out.tif")
    told.assert_refused(str(path), *words)
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-o", "out.png"], ("out.png", "neither an existing folder nor a .tif")),
        (["-o", "movie.tif"], ("movie.tif is the movie itself",)),
        (["-o", "movie.tif", "--overwrite"], ("movie.tif is the movie itself",)),
        (["-o", "taken.tif"], ("taken.tif exists", "--overwrite")),
        (["-o", "taken.tif/out.tif"], ("taken.tif is a file, not a folder",)),
        (
            ["-o", "o.tif", "-m", "nope"],
            ("no model 'nope': give one of", "mito-mf5-x4"),
        ),
        (["-o", "o.tif", "-m", "."], ("no model '.'", "folder with a card.toml")),
        (
            ["-o", "o.tif", "--engine", "warp"],
            ("no engine 'warp': give", "onnx"),
        ),
        (["-o", "o.tif", "--pixel-size-um", "0"], ("--pixel-size-um 0 is no size",)),
        (["-o", "o.tif", "--pixel-size-um", "nan"], ("--pixel-size-um nan is no",)),
        (["-o", "o.tif", "--pixel-size-um", "x"], ("'--pixel-size-um'", "--help`")),
        (["-o", "o.tif", "--modle", "x"], ("No such option: --modle", "--help`")),
        ([], ("Missing option", "--out", "`pssr-live restore --help`")),
    ],
)
def test_bad_options(
    cli: Cli,
    movie: Path,
    given: list[str],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(movie.parent)
    Path("taken.tif").write_text("mine")
    before = movie.read_bytes()
    cli("restore", "movie.tif", *given).assert_refused(*words)
    assert names(movie.parent) == ["movie.tif", "taken.tif"]
    assert (movie.read_bytes(), Path("taken.tif").read_text()) == (before, "mine")


def test_an_altered_model_is_refused(cli: Cli, movie: Path, tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    flip_a_byte(folder / "model.onnx")
    told = cli("restore", movie, "-o", tmp_path / "o.tif", "-m", folder)
    told.assert_refused("model.onnx has sha256", "altered or damaged")
    cli("models", folder).assert_refused("altered or damaged")


def test_a_wrong_scale_is_refused(cli: Cli, movie: Path, tmp_path: Path) -> None:
    folder = copy_model(tmp_path, ("scale = 4", "scale = 2"))
    told = cli("restore", movie, "-o", tmp_path / "o.tif", "-m", folder)
    told.assert_refused("its card says x2")
    assert not (tmp_path / "o.tif").exists()


def test_interpolation_that_nobody_asked_for_is_no_success(
    cli: Cli, movie: Path, tmp_path: Path
) -> None:
    folder = copy_model(tmp_path)
    for file in ("model.onnx", "weights.safetensors"):
        forge(folder / file, b"no network")
    told = cli("restore", movie, "-o", tmp_path / "o.tif", "-m", folder)
    assert told.code == 1
    assert "Note: No engine could run the model" in told.out
    asked = ("restore", movie, "-o", tmp_path / "b.tif", "--engine", "bicubic")
    assert cli(*asked).code == 0


class FailingEngine(OnnxEngine):
    """Passes its self-test and one frame, and then fails."""

    name = "failing"

    def run(self, frames: Any, valid: Any) -> Any:
        self._left = getattr(self, "_left", 2) - 1
        if self._left < 0:
            raise RuntimeError("the device is gone")
        return super().run(frames, valid)


def test_an_engine_that_fails_on_the_way_is_replaced(
    cli: Cli, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rungs = [FailingEngine, OnnxEngine, BicubicEngine]
    monkeypatch.setattr(ladder, "engine_classes", lambda: list(rungs))
    told = cli("restore", movie, "-o", tmp_path / "o.tif", "--json")
    (report,) = told.json["movies"]
    assert (told.code, report["engine"]["name"]) == (0, "onnxruntime")
    assert report["engine"]["refused"] == {"failing": "the device is gone"}


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
from pssr_live.__main__ import main
sys.argv = ["pssr-live", *sys.argv[1:]]
main()
"""


def test_a_disk_that_fills_up_leaves_nothing(movie: Path, tmp_path: Path) -> None:
    words = ["restore", str(movie), "-o", str(tmp_path / "new" / "out.tif")]
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *words], capture_output=True, text=True
    )
    assert told.returncode == 2
    assert told.stderr.startswith("Error: Frame 1 could not be written to ")
    assert told.stderr.count("\n") == 1
    assert names(tmp_path) == ["movie.tif"]


# -- models, doctor, help ------------------------------------------------------------


def test_models_are_listed_and_shown(cli: Cli) -> None:
    told = cli("models")
    assert told.code == 0
    assert "mito-mf5-x4-live" in told.out  # whole, however narrow the terminal
    assert set(cli("models", "--json").json) >= {"mito-mf5-x4", "mito-mf5-x4-live"}
    page = cli("models", MODEL)
    figures = next(iter(card.load_model(MODEL).card.metrics.values()))
    assert f"restored: {figures['psnr_db']:.2f} dB, SSIM 0." in page.out
    assert "5 frames, 2 of them later" in page.out and "_db" not in page.out
    assert "1 frames" not in cli("models", "em-sf-x4").out
    assert (page.code, "network sha256" in page.out) == (0, True)
    assert cli("models", MODEL, "--json").json["scale"] == 4
    cli("models", "nope", "--json").assert_refused("There is no model 'nope'")


def test_a_broken_model_does_not_hide_the_others(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip_a_byte(copy_model(tmp_path) / "model.onnx")
    sound = card.shipped_models() / MODEL
    shelf = {"model": tmp_path / "model", MODEL: sound}
    for command in ("models", "doctor"):
        # Taken from sys.modules: as attributes, the commands hide their modules.
        module = sys.modules[f"pssr_live.commands.{command}"]
        monkeypatch.setattr(module, "model_folders", lambda: shelf)
    told = cli("models", "--json")
    assert (told.code, told.json[MODEL]["scale"]) == (1, 4)
    assert "altered or damaged" in told.json["model"]["error"]
    assert "Note: The model file" in cli("models").out
    doctor = cli("doctor", "--json")
    assert doctor.code == 1
    assert doctor.json["models"]["model"]["engine"] == "none"
    assert doctor.json["models"][MODEL]["engine"] == "onnxruntime"


def test_doctor_says_what_works(cli: Cli) -> None:
    told = cli("doctor", "--json")
    assert told.code == 0
    assert told.json["models"][MODEL]["self_test_error"] < 1e-3
    assert told.json["packages"]["numpy"]
    states = {said["name"]: said["state"] for said in told.json["engines"]}
    assert states["onnxruntime"] == states["bicubic"] == "works"
    assert all(
        said["reason"] for said in told.json["engines"] if said["state"] == "refused"
    )
    unknown = cli("doctor", "-m", "nosuch")
    assert unknown.code == 1
    assert "There is no model 'nosuch'" in unknown.out
    shown = cli("doctor")
    assert (shown.code, "mito-mf5-x4-live" in shown.out) == (0, True)


@pytest.mark.parametrize("command", ["demo", "run", "restore", "models", "doctor"])
def test_help_shows_an_example(cli: Cli, command: str) -> None:
    told = cli(command, "--help")
    assert told.code == 0
    assert f"Example: pssr-live {command}" in told.out


def test_no_words_at_all_give_help(cli: Cli) -> None:
    told = cli()
    assert told.code == 0
    assert "restore" in told.out


def test_unknown_commands_are_refused(cli: Cli) -> None:
    cli("rstore").assert_refused("No such command 'rstore'", "`pssr-live --help`")


def test_doctor_without_onnxruntime_says_why() -> None:
    """As on a Windows that lacks a system library: it is there, and does not import."""
    code = (
        "import sys; sys.modules['onnxruntime'] = sys.modules['torch'] = None\n"
        "from pssr_live.__main__ import main; main()"
    )
    command = [sys.executable, "-c", code, "doctor"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1, told.stderr
    said = " ".join(told.stdout.split())
    assert "onnxruntime is refused: onnxruntime cannot be imported" in said
    assert "`pip install --force-reinstall onnxruntime` mends it." in said
    assert "No model can be used here." in said
