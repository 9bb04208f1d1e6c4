"""`pssr-live crappify`, as a person may use and misuse it; recipes in TOML."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli
from sessions import pixels

from pssr_live.commands.crappify import crappify as command
from pssr_live.commands.targets import stem
from pssr_live.crappifier import PRESETS, crappify, preset
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile

RECIPE = """
name = "ours"
white = 300

[[steps]]
kind = "motion"
y_px = 1.0

[[steps]]
kind = "scan"
mode = "line"

[[steps]]
kind = "photons"
photons = 40
"""


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def frames(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(90, 250, shape).astype(dtype)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "good.tif"
    about = {"axes": "TYX", "PhysicalSizeX": 0.05, "PhysicalSizeY": 0.05}
    tifffile.imwrite(path, frames(3, 34, 49), ome=True, metadata=about)
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_a_movie_is_crappified(cli: Cli, movie: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "scan.ome.tiff"
    told = cli("crappify", movie, "-o", target, "--seed", 5, "--truth", "--preview")
    assert told.code == 0, told
    assert f"Frames scanned: 3 -> {target}" in told.out
    assert "Note: The images were cropped from 34 x 49 to 32 x 48 pixels" in told.out
    files = ["scan.ome.tiff", "scan_preview.png", "scan_truth.ome.tiff"]
    assert names(target.parent) == files
    scan = np.stack([p for p in pixels(target) if p is not None])
    wanted = crappify(frames(3, 34, 49), preset("confocal"), seed=5)
    np.testing.assert_array_equal(scan, wanted)
    truth = np.stack([p for p in pixels(target.parent / files[2]) if p is not None])
    np.testing.assert_array_equal(truth, frames(3, 34, 49)[:, :32, :48])
    with open_movie(target) as low, open_movie(target.parent / files[2]) as high:
        assert low.pixel_size_um == pytest.approx(0.2)
        assert high.pixel_size_um == pytest.approx(0.05)
        how = low.provenance["details"]["crappifier"]
    assert (how["seed"], how["scale"], how["white"]) == (5, 4, 255)
    assert how["recipe"] == preset("confocal").model_dump(mode="json")


def test_a_recipe_and_json(cli: Cli, movie: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "chain.toml"
    recipe.write_text(RECIPE)
    target = tmp_path / "scan.tif"
    told = cli(
        *("crappify", movie, "-o", target, "--recipe", recipe, "--scale", 2, "--json")
    )
    (report,) = told.json["movies"]
    assert (told.code, report["frames"], report["frames_missing"]) == (0, 3, 0)
    assert report["scan_shape"] == [17, 24]
    assert report["pixel_size_um"] == pytest.approx(0.1)
    assert report["crappifier"]["recipe"]["name"] == "ours"
    assert report["crappifier"]["white"] == 300
    assert report["truth"] is None and report["preview"] is None


def test_levels_that_leave_no_light_are_noted(cli: Cli, tmp_path: Path) -> None:
    plain = frames(2, 2, 34, 49)
    hot, two = plain.copy(), plain.copy()
    hot[:, :, 3, 4], two[:, 0] = 65535, 40 * plain[:, 0]
    signed = plain.astype(np.int32) - 32768
    below = "100% of the pixels are below black, 0, and were scanned as if there was no"
    for name, movie, said in (
        ("plain", plain, None),
        ("hot", hot, "Bright pixels of channel 0 are at 249"),
        ("two", two, "Bright pixels of channel 1 are at 249"),
        ("signed", signed.astype(np.int16), below),
    ):
        path = tmp_path / f"{name}.ome.tif"
        tifffile.imwrite(path, movie, ome=True, metadata={"axes": "TCYX"})
        told = cli("crappify", path, "-o", tmp_path / f"{name}.tiff", "--json")
        warnings = " ".join(told.json["movies"][0]["warnings"])
        assert (said or "") in warnings
        assert (said is None) == ("black" not in warnings and "Bright" not in warnings)


def test_several_movies_and_missing_frames(
    cli: Cli, movie: Path, tmp_path: Path
) -> None:
    holes = tmp_path / "holes.ome.tiff"
    with open_movie(movie) as source:
        layout = source.layout
    with PageFile.create(holes, layout, (8, 8), "uint8") as pages:
        pages.write(0, frames(8, 8, dtype="uint8"))
        pages.write(2, frames(8, 8, dtype="uint8"))
    out = tmp_path / "out"
    assert cli("crappify", movie, holes, "-o", out, "--preset", "sem").code == 0
    files = ["good_crappified.ome.tiff", "holes_crappified.ome.tiff"]
    assert names(out) == files
    assert [page is None for page in pixels(out / files[1])] == [False, True, False]
    again = ("crappify", movie, holes, "-o", out)
    cli(*again).assert_refused(f"{files[0]} exists", "--overwrite")
    assert cli(*again, "--overwrite").code == 0


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_offered(cli: Cli, movie: Path, name: str) -> None:
    target = movie.parent / "o.tif"
    assert cli("crappify", movie, "-o", target, "--preset", name).code == 0
    assert target.exists()
    assert name in cli("crappify", "--help").out.replace("\n", "")


def test_the_example_of_the_help_works(
    cli: Cli, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(movie.parent)
    example = (command.__doc__ or "").partition("Example: `pssr-live ")[2]
    assert cli(*shlex.split(example.partition("`")[0])).code == 0
    assert names(movie.parent) == ["good.tif", "scan.ome.tiff", "scan_truth.ome.tiff"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "confocl"], ["no preset 'confocl'", "'confocal'"]),
        (["--preset", "x"], ["no preset 'x'", "confocal, sem, em_AG_D"]),
        (["--scale", 5], ["scale of 5", "1, 2, 3, 4, 8"]),
        (["--scale", "x"], ["--scale", "--help"]),
        (["--seed", -2], ["seed -2 is below 0"]),
        (["--corner-aligned"], ["'confocal'", "em_AG_D or fluo_SP_AG_D"]),
        (["--recipe", "none.toml"], ["none.toml cannot be read", "No such file"]),
        (["--recipe", "a.toml", "--preset", "sem"], ["without --preset"]),
        (["-o", "picture.png"], ["picture.png", ".tif"]),
        (["-o", "good.tif"], ["the movie itself"]),
    ],
)
def test_bad_settings(
    cli: Cli,
    movie: Path,
    words: list[Any],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(movie.parent)
    cli("crappify", movie, "-o", "new/o.tif", *words).assert_refused(*said)
    assert names(movie.parent) == ["good.tif"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (frames(3, 30), ["3 x 30 pixels", "scale 4"]),
        (frames(20, 20, dtype="float32"), ["float32", "uint8, uint16, int16"]),
    ],
)
def test_bad_movies_stop_all(
    cli: Cli, movie: Path, data: np.ndarray[Any, Any], said: list[str]
) -> None:
    bad = movie.parent / "bad.tif"
    tifffile.imwrite(bad, data)
    out = movie.parent / "out"
    cli("crappify", movie, bad, "-o", out, "--truth").assert_refused(*said)
    cli("crappify", movie, movie.parent / "no.tif", "-o", out).assert_refused("no.tif")
    assert names(movie.parent) == ["bad.tif", "good.tif"]


def test_a_scan_never_replaces_the_movie_of_another_job(cli: Cli, movie: Path) -> None:
    other = movie.with_name("good_crappified.ome.tiff")
    tifffile.imwrite(other, frames(8, 8))
    words = ("crappify", movie, other, "-o", movie.parent, "--overwrite")
    cli(*words).assert_refused("good_crappified.ome.tiff is the movie itself")


def test_what_fails_half_way_leaves_nothing(
    cli: Cli, movie: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    words = ("crappify", movie, "-o", movie.parent / "new" / "o.tif", "--truth")
    cli(*words, "--preview").assert_refused("No space left")
    assert names(movie.parent) == ["good.tif"]


@pytest.mark.parametrize("way", ["link/o.ome.tiff", "fold/../fold/o.ome.tiff"])
def test_no_way_leads_into_the_folder_of_the_movie(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fold = tmp_path / "fold"
    fold.mkdir()
    tifffile.imwrite(fold / "t0.tif", frames(16, 16))
    (tmp_path / "link").symlink_to(fold)
    cli("crappify", "fold", "-o", way).assert_refused("one of the images of the movie")
    assert names(fold) == ["t0.tif"]


def test_links_keep_the_names_that_they_were_given(cli: Cli, tmp_path: Path) -> None:
    days = []
    for n in (1, 2):
        (tmp_path / f"{n}").mkdir()
        tifffile.imwrite(tmp_path / f"{n}" / "img.tif", frames(16, 16))
        days.append(tmp_path / f"day{n}.tif")
        days[-1].symlink_to(tmp_path / f"{n}" / "img.tif")
    out = tmp_path / "out"
    assert cli("crappify", *days, "-o", out).code == 0
    assert names(out) == ["day1_crappified.ome.tiff", "day2_crappified.ome.tiff"]


def test_a_folder_named_by_dots_has_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert stem(tmp_path / "in" / "..") == tmp_path.name
    assert stem(Path()) == Path().resolve().name


def test_a_movie_of_infinite_pixels_has_a_preview(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "good.ome.tif"
    about = {"axes": "TYX", "PhysicalSizeX": float("inf")}
    tifffile.imwrite(path, frames(2, 16, 16), ome=True, metadata=about)
    assert cli("crappify", path, "-o", tmp_path / "o.tif", "--preview").code == 0
    assert (tmp_path / "o_preview.png").exists()
