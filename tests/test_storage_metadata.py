"""Sizes and intervals that programs write into TIFF files, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli

from pssr_live.storage.movie import open_movie
from pssr_live.storage.strict_json import strict

MOVIE = np.arange(3 * 5 * 7, dtype=np.uint16).reshape(3, 5, 7)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.mark.parametrize("interval", ["abc", "", "nan", "inf", "-2", "1 s"])
def test_an_interval_that_is_none_is_not_known(tmp_path: Path, interval: Any) -> None:
    path = tmp_path / "a.tif"
    about = {"axes": "TYX", "finterval": interval}
    tifffile.imwrite(path, MOVIE, imagej=True, metadata=about)
    with open_movie(path) as movie:
        assert len(movie) == 3
        assert movie.layout.interval_s is None


def test_an_interval_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    about = {"axes": "TYX", "finterval": 250.0, "tunit": "ms"}
    tifffile.imwrite(path, MOVIE, imagej=True, metadata=about)
    with open_movie(path) as movie:
        assert movie.layout.interval_s == pytest.approx(0.25)


@pytest.mark.parametrize("size", ["INF", "nan", "-0.1", "0", "wide"])
def test_a_pixel_size_that_is_none_is_not_known(tmp_path: Path, size: str) -> None:
    path = tmp_path / "a.ome.tif"
    about = {"axes": "TYX", "PhysicalSizeX": 98.5, "TimeIncrement": 98.5}
    tifffile.imwrite(path, MOVIE, ome=True, metadata=about)
    whole = path.read_bytes()
    assert whole.count(b'"98.5"') == 2
    path.write_bytes(whole.replace(b'"98.5"', f'"{size}"'.ljust(6).encode()))
    with open_movie(path) as movie:
        assert (movie.pixel_size_um, movie.layout.interval_s) == (None, None)
        np.testing.assert_array_equal(movie.frame(2).pixels, MOVIE[2])


@pytest.mark.parametrize(
    "how",
    [
        {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeZ": 2.5}},
        {
            "ome": True,
            "metadata": {"axes": "ZYX", "PhysicalSizeZ": 2500}
            | {"PhysicalSizeZUnit": "nm"},
        },
        {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2.5, "unit": "um"}},
    ],
    ids=["OME", "OME in nm", "ImageJ"],
)
def test_the_step_between_planes_is_kept(
    tmp_path: Path, how: dict[str, Any], cli: Cli
) -> None:
    path, out = tmp_path / "a.tif", tmp_path / "b.ome.tif"
    tifffile.imwrite(path, MOVIE, **how)
    assert cli("restore", path, "-o", out, "--engine", "bicubic").code == 0
    for one in (path, out):
        with open_movie(one) as movie:
            assert movie.layout.z_step_um == pytest.approx(2.5)


OBLONG = [
    {"ome": True, "metadata": {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.4}},
    {"imagej": True, "metadata": {"unit": "um"}, "resolution": (5, 2.5)},
    {"resolution": (5e4, 2.5e4), "resolutionunit": "CENTIMETER"},
]


@pytest.mark.parametrize("how", OBLONG, ids=["OME", "ImageJ", "TIFF"])
def test_pixels_that_are_not_square_are_not_called_square(
    tmp_path: Path, how: dict[str, Any], cli: Cli
) -> None:
    path, out = tmp_path / "a.tif", tmp_path / "b.ome.tif"
    tifffile.imwrite(path, MOVIE, photometric="minisblack", **how)
    told = cli("restore", path, "-o", out, "--engine", "bicubic")
    assert "pixels of 0.2 x 0.4 um, and models know square ones" in told.out
    assert "does not tell" not in told.out
    with tifffile.TiffFile(out) as file:
        assert "PhysicalSize" not in str(file.ome_metadata)


def test_one_side_of_a_pixel_is_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    about = {"axes": "TYX", "PhysicalSizeX": 0.2}
    tifffile.imwrite(path, MOVIE, ome=True, metadata=about)
    with open_movie(path) as movie:
        assert (movie.pixel_size_um, movie.oblong) == (0.2, "")


def test_strict_json_has_no_number_that_is_none() -> None:
    inf = float("inf")
    assert strict({"a": (inf, 1.5, {"b": -inf})}) == {"a": [None, 1.5, {"b": None}]}
    assert strict([float("nan"), "inf", 3, True]) == [None, "inf", 3, True]


FEI = "[Scan]\nPixelWidth={}\nPixelHeight=4.2e-009\n[EScan]\nDwell=1e-06\n"
ZEISS = "0\r\n0\r\n0\r\n\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = {}\r\n"


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (34682, FEI.format("4.2e-009"), 0.0042),
        (34682, FEI.format("unknown"), None),
        (34682, "[User]\nDate=1\n", None),
        (34118, ZEISS.format("7.25 nm"), 0.00725),
        (34118, ZEISS.format("7.25 parsec"), None),
        (34118, "0\r\n0\r\n0\r\n\r\nAP_MAG\r\nMag = 10.0 K X\r\n", None),
        (51123, '{"PixelSizeUm": 0.108, "FrameIndex": 0}', 0.108),
        (51123, '{"PixelSizeUm": 0.0}', None),
        (51123, "[1]", None),
    ],
)
def test_makers_write_the_pixel_size_in_tags_of_their_own(
    tmp_path: Path, tag: int, text: str, expected: float | None
) -> None:
    path = tmp_path / "a.tif"
    pixels = np.zeros((9, 8), "uint16")
    tifffile.imwrite(path, pixels, metadata=None, extratags=[(tag, 2, 0, text, True)])
    with open_movie(path) as movie:
        assert movie.pixel_size_um == pytest.approx(expected)
        assert movie.frame(0).pixels.shape == (9, 8)
