"""Movies of other programs that hold less than they say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli

from pssr_live.errors import StorageError
from pssr_live.storage.movie import open_movie

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
IMAGEJ = "ImageJ=1.54f\nimages=8\nframes=8\n"
GREY = {"photometric": "minisblack"}


def noise(frames: int = 8) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).poisson(200, (frames, 24, 28)).astype("uint16")


def write(path: Path, **how: Any) -> None:
    tifffile.imwrite(path, noise(), **(GREY | how))


def pages(path: Path, frames: int = 8, first: str = "") -> None:
    with tifffile.TiffWriter(path) as out:
        for n, plane in enumerate(noise(8)[:frames]):
            text = first if n == 0 and first else None
            out.write(plane, metadata=None, contiguous=False, description=text, **GREY)


def one_page_and_a_tail(path: Path) -> None:
    pages(path, 1, IMAGEJ)
    with tifffile.TiffFile(path) as tiff:
        begin = tiff.pages[0].dataoffsets[0]
    path.write_bytes(path.read_bytes()[:begin] + noise().tobytes())


def ome(*files: str) -> str:
    """Return the text of the first of some files, each with an equal part of 8."""
    each = 8 // len(files)
    places = "".join(
        f'<TiffData FirstT="{t}" IFD="{t % each}" PlaneCount="1">'
        f'<UUID FileName="{files[t // each]}">urn:uuid:{t // each}</UUID></TiffData>'
        for t in range(8)
    )
    return (
        f'<?xml version="1.0"?><OME xmlns="{OME}" UUID="urn:uuid:0">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        'Type="uint16" SizeX="28" SizeY="24" SizeC="1" SizeT="8" SizeZ="1">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{places}'
        "</Pixels></Image></OME>"
    )


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: write(p, imagej=True),
        lambda p: write(p, ome=True, metadata={"axes": "TYX"}),
        lambda p: write(p, compression="zlib"),
        write,
        pages,
        one_page_and_a_tail,
        lambda p: pages(p, first=ome("a.tif")),
    ],
    ids=["imagej", "ome", "compressed", "shaped", "plain", "tail", "ome first"],
)
@pytest.mark.parametrize("part", [0.3, 0.5, 0.8])
def test_a_movie_that_was_cut_is_refused(
    tmp_path: Path, make: Any, part: float
) -> None:
    path = tmp_path / "a.tif"
    make(path)
    with open_movie(path) as movie:
        assert (len(movie), movie.missing, movie.doubt) == (8, frozenset(), "")
    os.truncate(path, int(part * path.stat().st_size))
    with pytest.raises(StorageError, match="was cut short, copy or save it again"):
        open_movie(path)


def test_a_text_that_promises_more_is_told(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "split.tif"
    pages(path, 1, IMAGEJ)
    told = cli("restore", path, "-o", tmp_path / "o.tif")
    assert told.code == 0
    assert f"Note: {path} says that it holds 8 images, and 1 could be" in told.out


def test_a_movie_of_several_files_is_read_from_any_of_them(tmp_path: Path) -> None:
    names = ("0.ome.tif", "1.ome.tif")
    for n, name in enumerate(names):
        text = ome(*names).replace('UUID="urn:uuid:0"', f'UUID="urn:uuid:{n}"')
        with tifffile.TiffWriter(tmp_path / name) as out:
            for k, plane in enumerate(noise()[4 * n : 4 * n + 4]):
                said = None if k else text
                out.write(
                    plane, metadata=None, contiguous=False, description=said, **GREY
                )
    for name in names:  # warnings are errors here
        with open_movie(tmp_path / name) as movie:
            found = np.stack([frame.pixels for frame in movie.frames()])
        np.testing.assert_array_equal(found, noise())


def test_a_movie_whose_second_file_is_gone(cli: Cli, tmp_path: Path) -> None:
    pages(tmp_path / "0.ome.tif", 4, ome("0.ome.tif", "1.ome.tif"))
    target = tmp_path / "o.tif"
    told = cli("restore", tmp_path / "0.ome.tif", "-o", target)
    assert told.code == 0
    assert "0.ome.tif lacks 4 of its 8 frames: their places are marked" in told.out
    with open_movie(target) as restored:
        assert restored.missing == {4, 5, 6, 7}


def test_a_movie_that_was_ended_early_is_told_too(cli: Cli, tmp_path: Path) -> None:
    pages(tmp_path / "0.ome.tif", 5, ome("0.ome.tif"))
    told = cli("restore", tmp_path / "0.ome.tif", "-o", tmp_path / "o.tif", "--json")
    (report,) = told.json["movies"]
    assert (report["frames"], report["frames_missing"]) == (5, 3)
    assert "lacks 3 of its 8 frames" in report["warnings"][0]
