"""What can be wrong with a recipe or its images, named before training starts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from cli import Cli
from recipes import image, laboratory, learned, write_recipe

from pssr_live.calibration.values import Calibration, Measured, Source
from pssr_live.errors import SettingsError
from pssr_live.training.scans.degradations import BOUNDS, ranges_of
from pssr_live.training.scans.ranges import Ranges


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training__minuts": 3}, ["training.minuts", "the nearest is 'minutes'"]),
        ({"data__valdate": []}, ["data.valdate", "the nearest is 'validate'"]),
        ({"network__xyz": 1}, ["network.xyz", "those known are kind, frames"]),
        ({"sumary": "x"}, ["sumary", "the nearest is 'summary'"]),
        ({"crappifier__photon": 4}, ["crappifier.photon", "the nearest is 'photons'"]),
        ({"crappifier__photons": [9, 1]}, ["crappifier.photons", "[9, 1]"]),
        ({"crappifier__photons": "few"}, ["crappifier.photons", "'few'"]),
        ({"crappifier__photons": []}, ["crappifier.photons", "got []"]),
        ({"crappifier__photons": [-5, -1]}, ["crappifier.photons", "between 0.01"]),
        ({"crappifier__gain": 0}, ["crappifier.gain", "between 0.001 and 1000"]),
        ({"crappifier__jitter_px": [0, 1e9]}, ["jitter_px", "between 0 and 50"]),
        ({"crappifier__sharp_share": 2}, ["sharp_share", "between 0 and 1"]),
        ({"crappifier__calibration": "no.toml"}, ["no.toml", "calibrate"]),
        ({"crappifier__calibration": 3}, ["crappifier.calibration is 3"]),
        ({"name": "My Model"}, ["name", "My Model"]),
        ({"summary": None}, ["summary", "missing"]),
        ({"network__scale": 3}, ["network.scale", "got 3"]),
        ({"network__lookahead": 1}, ["lookahead 1 is not less than frames, 1"]),
        ({"training__minutes": 2}, ["minutes and steps are both given"]),
        ({"training__loss": "l3"}, ["training.loss", "'l3'"]),
        ({"training__batch": 2.5}, ["training.batch", "2.5"]),
        ({"data__train": []}, ["names no images to learn from"]),
        ({"data__validate": []}, ["names no images to judge on"]),
        ({"data__train": ["nowhere"]}, ["training entry 'nowhere'", "names no file"]),
        ({"data__train": ["empty"]}, ["'empty'", "holds no TIFF file"]),
        ({"data__train": ["*.czi"]}, ["'*.czi'", "names no file"]),
        ({"training__crop": 100}, ["200 x 200 pixels", "smaller crop"]),
        ({"data__validate": ["good/1.tif"]}, ["good/1.tif is also a training source"]),
        ({"data__validate": ["copy.tif"]}, ["copy.tif", "same pixels as"]),
        ({"data__train": ["flat.tif"]}, ["Nothing is left of the 1", "1 constant"]),
        ({"data__train": ["white.tif"]}, ["Nothing is left", "1 saturated"]),
        ({"data__train": ["nan.tif"]}, ["Nothing is left", "NaN"]),
        ({"data__train": ["colour.tif"]}, ["colour.tif", "colour (RGB)"]),
        ({"data__channel": 2}, ["no channel 2"]),
        ({"data__pixel_size_um": None}, ["data.pixel_size_um"]),
        ({"data__clips": 10**9}, ["lower data.clips"]),
        ({"training__begins_from": "mito"}, ["no model", "mito-mf5-x4"]),
        ({"training__begins_from": "em-sf-x4"}, ["enlarges x4", "at 1 and x2"]),
        ({"training__device": "gpu"}, ["1 GPU", 'training.device = "cpu"']),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_recipes(
    cli: Cli,
    tmp_path: Path,
    changes: dict[str, Any],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    recipe = laboratory(tmp_path, **changes)
    (tmp_path / "empty").mkdir()
    white, nan = image(5), image(6).astype(np.float32)
    white[:50], nan[0, 0] = 65535, np.nan
    for name, pixels in {
        "copy": image(1),
        "flat": np.full((120, 120), 3, np.uint8),
        "white": white,
        "nan": nan,
        "colour": np.zeros((120, 120, 3), np.uint8),
    }.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    before = sorted(tmp_path.rglob("*"))
    cli("train", recipe).assert_refused(*said)
    left = set(tmp_path.rglob("*")) - set(before)
    assert not any(path.suffix in (".npy", ".safetensors") for path in left)


def test_bad_words(cli: Cli, tmp_path: Path) -> None:
    recipe = laboratory(tmp_path)
    cli("train").assert_refused("no recipe", "--smoke")
    cli("train", tmp_path / "no.toml").assert_refused("no.toml", "No such file")
    cli("train", recipe, "--resume", "--overwrite").assert_refused("one of the two")
    cli("train", recipe, "-o", recipe).assert_refused("recipe.toml")
    cli("train", recipe, "-o", recipe / "run").assert_refused("recipe.toml")
    cli("train", recipe, "-o", tmp_path).assert_refused("holds other things")
    recipe.write_text("name = ")
    cli("train", recipe).assert_refused("cannot be read")


def test_a_typo_does_not_cost_the_training_that_is_there(
    cli: Cli, tmp_path: Path
) -> None:
    recipe = laboratory(tmp_path)
    learned(recipe, tmp_path / "recipe_run")
    kept = (tmp_path / "recipe_run" / "last.safetensors").read_bytes()
    recipe.write_text(recipe.read_text().replace('"good"', '"god"'))
    cli("train", recipe, "--overwrite").assert_refused("'god'")
    assert (tmp_path / "recipe_run" / "last.safetensors").read_bytes() == kept


def test_short_movies_and_bad_images_are_notes(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, network__frames=5)
    film = np.stack([image(n).astype(np.float32) for n in range(20, 23)])
    about = {"axes": "TYX"}
    tifffile.imwrite(tmp_path / "good" / "a.ome.tif", film, ome=True, metadata=about)
    tifffile.imwrite(tmp_path / "good" / "flat.tif", np.ones((120, 120), np.uint8))
    notes = " ".join(learned(recipe, tmp_path / "run"))
    assert "1 training movies have fewer frames than the window" in notes
    assert "1 training images or files were skipped: 1 constant" in notes
    assert "float32 and uint16: each is levelled on its own" in notes


def test_each_range_has_bounds_that_hold_its_default() -> None:
    for name, value in asdict(Ranges()).items():
        assert (name in BOUNDS) == isinstance(value, tuple)
        low, high = BOUNDS.get(name, (0, 1))
        assert all(low <= end <= high for end in np.atleast_1d(value))


def test_clips_that_cannot_be_made_do_not_cost_the_training_that_is_there(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = laboratory(tmp_path), tmp_path / "recipe_run"

    def broken(*given: Any) -> Any:
        raise SettingsError("No clips today.")

    def fail() -> set[str]:
        with monkeypatch.context() as patched:
            patched.setattr("pssr_live.training.films.pool.make_clips", broken)
            write_recipe(recipe, data__clips=9)
            cli("train", recipe, "--overwrite").assert_refused("No clips today")
        return {path.name for path in run.iterdir()}

    assert fail() == set()
    write_recipe(recipe)
    learned(recipe, run)  # nothing that the first try left is in the way
    there = {path.name for path in run.iterdir()}
    assert fail() == there


def test_a_recipe_of_a_windows_editor_in_a_folder_with_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "exp [1]"
    folder.mkdir()
    recipe = laboratory(folder, data__train=["good/*.tif"])
    recipe.write_bytes(b"\xef\xbb\xbf" + recipe.read_bytes())
    assert learned(recipe, tmp_path / "run") == []


def test_a_pair_of_another_scale_tells_nothing_about_this_one(tmp_path: Path) -> None:
    source = Source(kind="pair", files=("a", "b"), frames=1, shape_px=(9, 9), scale=2)
    Calibration(source=source).write(tmp_path / "pair.toml")
    table = {"calibration": "pair.toml"}
    assert ranges_of(table, 2, tmp_path) == Ranges()
    with pytest.raises(SettingsError, match="is from a pair of scale 2 and"):
        ranges_of(table, 4, tmp_path)


def test_a_calibration_of_other_pixels_is_a_note(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, crappifier__calibration="repeats.toml")
    for size_um, noted in ((0.1, 0), (0.05, 1)):  # the recipe's are of 2 x 0.05 um
        source = Source(
            kind="repeats",
            files=("a",),
            frames=8,
            shape_px=(64, 64),
            pixel_size_um=size_um,
        )
        jitter = Measured(value=0.2, uncertainty=0.01)
        calibration = Calibration(source=source, line_jitter_px=jitter)
        calibration.write(tmp_path / "repeats.toml")
        notes = learned(recipe, tmp_path / str(size_um))
        assert len(notes) == noted
    nothing = Calibration(source=source, not_identifiable={"offset_adu": "dark"})
    nothing.write(tmp_path / "repeats.toml")
    useless = learned(recipe, tmp_path / "useless")
    assert "narrows no range" in useless[1] and "(offset_adu)" in useless[1]
    assert "frames of 0.05 um pixels" in notes[0] and "0.1 um" in notes[0]


def test_a_table_overrides_ranges(tmp_path: Path) -> None:
    ranges = ranges_of({"photons": [10, 20], "blur_px": 0.5}, 4, tmp_path)
    assert ranges.photons == (10.0, 20.0)
    assert ranges.blur_px == (0.5, 0.5)
    assert ranges_of({}, 4, tmp_path) == Ranges()
