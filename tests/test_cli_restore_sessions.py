"""`pssr-live restore` of a session: with the model it had, and into its own folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli import Cli
from sessions import LIVE, small_scanner, timelapse

from models import copy_model, flip_a_byte
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.storage.movie import open_movie

OTHER = "em-sf-x4"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def record(save: Path, model: str | Path) -> Path:
    with small_scanner() as core, LiveRestoration(model, save, core=core) as live:
        core.mda.run(timelapse(2), output=live)
    return save


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model in a folder of its own, as after training, of a name on no shelf."""
    return copy_model(tmp_path, (f'name = "{OTHER}"', 'name = "my-em"'), name=OTHER)


def test_a_session_is_restored_again_with_the_folder_it_had(
    cli: Cli, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save = record(tmp_path / "s", trained.relative_to(tmp_path))
    monkeypatch.chdir("/")
    told = cli("restore", save, "-o", tmp_path / "again.tif", "--json")
    assert (told.code, told.json["movies"][0]["model"]["name"]) == (0, "my-em")


def test_another_model_never_takes_the_place_of_the_recorded_one(
    cli: Cli, trained: Path, tmp_path: Path
) -> None:
    save = record(tmp_path / "s", trained)
    again = ("restore", save, "-o", tmp_path / "again.tif")
    flip_a_byte(trained / "model.onnx")
    cli(*again).assert_refused("the model my-em, from", "as it was: pass -m")
    moved = copy_model(
        tmp_path / "new", (f'name = "{OTHER}"', 'name = "my-em"'), name=OTHER
    )
    shutil.rmtree(trained)
    cli(*again).assert_refused(str(save / "raw.ome.tiff"), str(trained), "pass -m")
    assert not (tmp_path / "again.tif").exists()
    assert cli(*again, "-m", moved).code == 0


def test_a_model_that_only_has_the_recorded_name_is_not_taken(
    cli: Cli, tmp_path: Path
) -> None:
    own = copy_model(tmp_path, name=OTHER)
    card = own / "card.toml"
    card.write_text(card.read_text("utf-8").replace(OTHER, LIVE), "utf-8")
    save = record(tmp_path / "s", own)
    shutil.rmtree(own)
    told = cli("restore", save, "-o", tmp_path / "again.tif")
    told.assert_refused(f"the model {LIVE}, from {own}, which cannot be found")


def test_of_an_installed_model_the_name_is_enough(tmp_path: Path) -> None:
    save = record(tmp_path / "s", LIVE)
    with open_movie(save) as raw:
        details = raw.provenance["details"]
    assert (details["model"], "model_folder" in details) == (LIVE, False)


def test_a_session_takes_a_restoration_beside_its_own(cli: Cli, tmp_path: Path) -> None:
    save = record(tmp_path / "s", LIVE)
    before = (save / "raw.ome.tiff").read_bytes()
    assert cli("restore", save, "-o", save / "again.ome.tiff").code == 0
    with open_movie(save / "again.ome.tiff") as again:
        assert len(again) == 2
    told = cli("restore", save, "-o", save / "raw.ome.tiff", "--overwrite")
    told.assert_refused("raw.ome.tiff is the movie itself")
    assert (save / "raw.ome.tiff").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["raw.ome.tiff", "reference.ome.tiff", "rescans-2.ome.tiff"]
)
def test_what_another_session_acquired_is_no_target(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    one, other = (record(tmp_path / at, LIVE) for at in ("one", "other"))
    before = {path: path.read_bytes() for path in other.iterdir()}
    told = cli("restore", one, "-o", other / name, "--overwrite")
    told.assert_refused(f"{other / name} is where a session keeps what it acquired")
    assert {path: path.read_bytes() for path in other.iterdir()} == before


def test_interpolation_that_was_asked_for_is_called_so(
    cli: Cli, tmp_path: Path
) -> None:
    save = record(tmp_path / "s", LIVE)
    told = cli("restore", save, "-o", tmp_path / "b.tif", "--engine", "bicubic")
    assert told.code == 0
    assert "Note: Interpolation was asked for" in told.out
    assert "No engine could run" not in told.out
