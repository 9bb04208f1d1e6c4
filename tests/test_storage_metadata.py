"""Sizes and intervals that programs write into TIFF files, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pssr_live.storage.movie import open_movie
from pssr_live.storage.strict_json import strict

MOVIE = np.arange(3 * 5 * 7, dtype=np.uint16).reshape(3, 5, 7)


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


def test_strict_json_has_no_number_that_is_none() -> None:
    inf = float("inf")
    assert strict({"a": (inf, 1.5, {"b": -inf})}) == {"a": [None, 1.5, {"b": None}]}
    assert strict([float("nan"), "inf", 3, True]) == [None, "inf", 3, True]
