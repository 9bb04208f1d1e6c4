"""Movies that a calibration must not take for repeats, and files that it must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli

from pssr_live.calibration.dark import check_dark
from pssr_live.calibration.stack import check_frames, read_frames
from pssr_live.calibration.transfer import Transfer
from pssr_live.errors import SettingsError
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def frames(*shape: int) -> np.ndarray[Any, Any]:
    levels = np.random.default_rng(1).poisson(30, (*shape, 64, 64))
    return (10 * levels).astype(np.uint16)


@pytest.mark.parametrize(
    ("axes", "said"),
    [("TCYX", "has 2 channels"), ("TZYX", "has 2 planes"), ("CTYX", "has 4 channels")],
)
def test_only_time_gives_repeats(
    cli: Cli, tmp_path: Path, axes: str, said: str
) -> None:
    path = tmp_path / "s.ome.tif"
    tifffile.imwrite(path, frames(4, 2), ome=True, metadata={"axes": axes})
    told = cli("calibrate", "--repeats", path, "-o", tmp_path / "out")
    told.assert_refused(said, "save one by itself")
    assert not (tmp_path / "out").exists()


def test_positions_are_no_repeats(tmp_path: Path) -> None:
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as out:
        for p in range(3):
            out.write(frames(2) + p, metadata={"axes": "TYX"})
    with pytest.raises(SettingsError, match="has 3 positions, and a fit needs"):
        read_frames(path)


def test_one_channel_by_itself_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    about = {"axes": "TZCYX"}
    tifffile.imwrite(path, frames(4, 1, 1), imagej=True, metadata=about)
    assert read_frames(path).frames.shape == (4, 64, 64)


def test_a_movie_without_a_frame_is_refused(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "empty.ome.tiff"
    layout = RunLayout(tuple({"t": t} for t in range(5)))
    with PageFile.create(path, layout, (64, 64), "uint16") as pages:
        pages.close({}, pad_to=5)
    told = cli("calibrate", "--repeats", path, "-o", tmp_path / "out")
    told.assert_refused("empty.ome.tiff holds none of its 5 frames")


def test_the_value_of_the_flat_frame_is_said() -> None:
    some = frames(4)
    some[2] = 777
    with pytest.raises(SettingsError, match="a frame with the value 777 in all"):
        check_frames(some, "X")
    levels = np.array([100.0, 200.0])
    fit = Transfer(10, 100, 5, np.zeros(3), 1, levels, levels)
    with pytest.raises(SettingsError, match="dark frame has the value 777 in all"):
        check_dark(some, frames(4), fit)


def test_a_picture_of_ones_own_is_not_replaced_unasked(
    cli: Cli, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "s.tif", frames(4), photometric="minisblack")
    mine = tmp_path / "calibration.png"
    mine.write_text("mine")
    told = cli("calibrate", "--repeats", tmp_path / "s.tif", "-o", tmp_path)
    told.assert_refused("holds a calibration.png already", "--overwrite")
    assert mine.read_text() == "mine"


def test_a_stack_that_fiji_calls_slices_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, frames(4), imagej=True, metadata={"axes": "ZYX"})
    assert read_frames(path).frames.shape == (4, 64, 64)
