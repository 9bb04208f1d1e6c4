"""Names and places of images: as values, in OME-XML, and in files of others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile

from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.ome_xml import ome_xml
from pssr_live.storage.pages import PageFile
from pssr_live.storage.provenance import (
    PageFacts,
    Provenance,
    layout_from_json,
    layout_to_json,
    provenance_json,
)
from pssr_live.storage.sites import NOWHERE, Site, SitesTold, StagePoint

FACTS = PageFacts((4, 6), "uint16", 0.25, "raw")
Told = tuple[int, int, int, float | None, float | None, float | None]


def loops(*sites: Site, **sizes: int) -> RunLayout:
    turns = itertools.product(*(range(size) for size in sizes.values()))
    indices = tuple(dict(zip(sizes, at, strict=True)) for at in turns)
    return RunLayout(indices, sites=sites)


def named(*names: str) -> tuple[Site, ...]:
    return tuple(Site((("p", p),), name) for p, name in enumerate(names))


def planes(image: Any) -> list[Told]:
    """Return what the Plane elements of an image tell: t, c, z, and the stage."""
    for plane in image.pixels.planes:
        for axis in "xyz":
            if getattr(plane, f"position_{axis}") is not None:
                assert getattr(plane, f"position_{axis}_unit").value == "µm"
    return [
        (p.the_t, p.the_c, p.the_z, p.position_x, p.position_y, p.position_z)
        for p in image.pixels.planes
    ]


def parsed(layout: RunLayout) -> list[Any]:
    text = ome_xml(FACTS, layout, Provenance())
    assert text.isascii()
    return ome_types.from_xml(text).images


# -- names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sites", "sizes", "names"),
    [
        (named("a", "", "c"), {"p": 3}, ["a", "p1", "c"]),
        (named("a"), {"p": 1, "t": 2}, ["a"]),
        (named(""), {"p": 1, "t": 2}, ["image"]),
        (named("a", "a", "b"), {"p": 3}, ["a p0", "a p1", "b"]),
        (named("p1", ""), {"p": 2}, ["p1", "p1 (2)"]),
        (named('a "b" <&>\x00', " \U0001f52c\n\u4e2d "), {"p": 2}, None),
        (named("\x00", "\ud800", "\t"), {"p": 3}, ["p0", "p1", "p2"]),
    ],
)
def test_images_are_called_as_their_positions(
    sites: tuple[Site, ...], sizes: dict[str, int], names: list[str] | None
) -> None:
    found = [image.name for image in parsed(loops(*sites, **sizes))]
    assert found == (names or ['a "b" <&>', "\U0001f52c \u4e2d"])


def test_what_else_tells_images_apart_stands_behind_the_name() -> None:
    sites = tuple(
        Site((("p", p), ("g", g)), name)
        for p, name in enumerate(["cell 3", "", "a", "a"])
        for g in range(2)
    )
    assert [image.name for image in parsed(loops(*sites, p=4, g=2))] == [
        *("cell 3 g0", "cell 3 g1"),
        *("p1 g0", "p1 g1"),
        *("a p2 g0", "a p2 g1"),
        *("a p3 g0", "a p3 g1"),
    ]


# -- places --------------------------------------------------------------------------


def test_each_plane_has_its_height_and_no_frame_more() -> None:
    site = Site((("p", 1),), "", (1.5,), (-2.0,), (3.0, 3.5))
    images = parsed(loops(site, t=50, p=2, c=3, z=2))
    assert planes(images[0]) == []
    assert planes(images[1]) == [(0, 0, 0, 1.5, -2.0, 3.0), (0, 0, 1, 1.5, -2.0, 3.5)]


def test_where_planes_agree_the_first_is_enough() -> None:
    assert planes(parsed(loops(Site((), "", (1.0,), (2.0,)), t=3, z=4))[0]) == [
        (0, 0, 0, 1.0, 2.0, None)
    ]


def test_a_plane_without_a_first_frame_tells_of_the_next() -> None:
    indices = tuple({"t": t, "c": c, "z": 0} for t in range(2) for c in range(2))
    indices += ({"t": 1, "c": 1, "z": 1}, {"t": 0, "c": 1, "z": 1})
    layout = RunLayout(indices, sites=(Site((), z_um=(5.0, 6.0)),))
    assert planes(parsed(layout)[0]) == [
        (0, 0, 0, None, None, 5.0),
        (0, 1, 1, None, None, 6.0),
    ]


def test_frames_laid_out_in_time_have_the_place_of_the_first() -> None:
    indices = ({"p": 1}, {"p": 0}, {"p": 1})
    sites = (Site((("p", 0),), "a", (0.0,)), Site((("p", 1),), "b", (1.0,)))
    [image] = parsed(RunLayout(indices, sites=sites))
    assert (image.name, planes(image)) == ("image", [(0, 0, 0, 1.0, None, None)])


def test_the_first_frame_of_a_plane_tells_its_place() -> None:
    told = SitesTold()
    nan, inf = float("nan"), float("inf")
    told.take({"t": 0, "c": 0, "z": 1}, StagePoint(nan, None, inf))
    told.take({"t": 1, "c": 0, "z": 1}, StagePoint(1, 2, 4))
    told.take({"t": 0, "c": 1, "z": 1}, StagePoint(0.1 + 0.2, -0.0, 5))
    told.take({"t": 0, "c": 2, "z": 1}, StagePoint(9, 9, 9))
    told.take({"t": 0, "c": 2, "z": 2}, StagePoint(0.3, 0, 6), "late")
    [site] = told.sites()
    assert site == Site((), "late", (0.3,), (0.0,), (None, 5.0, 6.0))
    assert site.stage_at(2) == (0.3, 0.0, 6.0)
    assert site.stage_at(9) == (0.3, 0.0, None)
    assert str(site.y_um) == "(0.0,)"


def test_what_nobody_knows_takes_no_room() -> None:
    told = SitesTold()
    told.take({"t": 0})
    assert told.sites() == ()
    assert loops(t=3).stage_at(1) == NOWHERE
    assert "sites" not in provenance_json(FACTS, loops(t=3))
    assert "<Plane" not in ome_xml(FACTS, loops(t=3), Provenance())


def test_sites_come_back_from_json() -> None:
    layout = loops(
        Site((("p", 0), ("g", 1)), "\ud800 \x00\U0001f52c", (0.1,), (), (None, 1.25)),
        Site((("p", 1), ("cam", 0)), y_um=(3.0,)),
        *(Site((("p", p),), f"cell {p}", (p + 0.5,), (2.0,)) for p in range(2, 9)),
        t=2,
    )
    assert layout_from_json(layout_to_json(layout)) == layout
    said = layout_to_json(layout)
    del said["sites"]  # as files of before have none
    assert layout_from_json(said) == loops(t=2)


def test_the_text_of_a_long_run_stays_short() -> None:
    site = Site((), "cell 3", (1.5,), (2.5,), (3.5,))
    short, long = loops(site, t=2), loops(site, t=10_000)
    lengths = [len(ome_xml(FACTS, one, Provenance())) for one in (short, long)]
    assert lengths[1] - lengths[0] < 20


def test_the_room_kept_for_the_text_holds_the_places(tmp_path: Path) -> None:
    """The last text, written on a full disk, goes where it was planned."""
    sites = [Site((("p", p),), f"\u4e2d\U0001f52c {p}", (p / 3,)) for p in range(20)]
    path = tmp_path / "a.ome.tiff"
    layout = loops(*sites, t=3, p=20)
    with PageFile.create(path, layout, (4, 4), "uint16") as file:
        for n in range(60):
            file.write(n, np.full((4, 4), n, np.uint16))
        before = path.stat().st_size
    assert path.stat().st_size == before
    with open_movie(path) as movie:
        assert movie.layout == layout


# -- files of others -----------------------------------------------------------------

MOVIE = np.random.default_rng(0).integers(90, 250, (2, 2, 3, 8, 8)).astype(np.uint16)


def foreign(path: Path, *positions: dict[str, Any]) -> Path:
    """Write an OME-TIFF as another program does: an image for each dict."""
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for about in positions:
            tiff.write(MOVIE, metadata={"axes": "TCZYX"} | about)
    return path


def stage(unit: str, x: float, y: float, z_step: float) -> dict[str, Any]:
    """Return Plane metadata as tifffile wants them: for all planes, in the file."""
    turns = [(t, c, z) for t in range(2) for c in range(2) for z in range(3)]
    return {
        "Plane": {
            "PositionX": [x + t for t, _, _ in turns],
            "PositionY": [y for _ in turns],
            "PositionZ": [z * z_step for _, _, z in turns],
            **{f"Position{axis}Unit": [unit] * len(turns) for axis in "XYZ"},
        }
    }


def restored_images(source: Path, restorer: Restorer) -> list[Any]:
    target = source.parent / "restored.ome.tiff"
    restore_file(source, target, restorer)
    with open_movie(source) as one, open_movie(target) as other:
        assert one.layout == other.layout
    return ome_types.from_tiff(target).images


def test_a_file_of_another_program_keeps_its_places(
    tmp_path: Path, centred: Restorer
) -> None:
    source = foreign(
        tmp_path / "a.ome.tif",
        {"Name": "tile \u00b5"} | stage("mm", 1.5, -0.25, 0.001),
        {"Name": "tile 2"} | stage("\u00b5m", 7.0, 8.0, 0.0),
    )
    first, second = restored_images(source, centred)
    assert (first.name, second.name) == ("tile \u00b5", "tile 2")
    assert planes(first) == [(0, 0, z, 1500.0, -250.0, float(z)) for z in range(3)]
    assert planes(second) == [(0, 0, 0, 7.0, 8.0, 0.0)]


def test_one_image_alone_keeps_its_name(tmp_path: Path, centred: Restorer) -> None:
    source = foreign(tmp_path / "a.ome.tif", {"Name": "cell 3"})
    [image] = restored_images(source, centred)
    assert (image.name, planes(image)) == ("cell 3", [])


@pytest.mark.parametrize("unit", ["reference frame", "furlong", ""])
def test_a_place_without_a_unit_of_length_is_none(tmp_path: Path, unit: str) -> None:
    source = foreign(tmp_path / "a.ome.tif", {"Name": "a"} | stage(unit, 1, 2, 3))
    with open_movie(source) as movie:
        assert movie.layout.sites == (Site((), "a"),)


def test_places_that_are_none_leave_the_file_readable(tmp_path: Path) -> None:
    source = foreign(tmp_path / "a.ome.tif", {"Name": "a"} | stage("\u00b5m", 4, 5, 0))
    text = tifffile.tiffcomment(source)
    spoilt = text.replace('PositionX="4"', 'PositionX="abc"')
    spoilt = spoilt.replace('PositionY="5"', 'PositionY="inf"')
    spoilt = spoilt.replace('TheZ="1"', 'TheZ="one"').replace('TheZ="2"', 'TheZ="99"')
    tifffile.tiffcomment(source, spoilt.encode())
    with open_movie(source) as movie:
        [site] = movie.layout.sites
        assert [site.stage_at(z) for z in range(3)] == [
            (None, None, 0.0),
            NOWHERE,
            NOWHERE,
        ]
        np.testing.assert_array_equal(movie.frame(0).pixels, MOVIE[0, 0, 0])


def test_where_images_have_no_series_nobody_knows_which_is_which(
    tmp_path: Path,
) -> None:
    source = foreign(tmp_path / "a.ome.tif", {"Name": "a"}, {"Name": "b"})
    text = tifffile.tiffcomment(source)
    empty = text[text.index("<Image ") : text.index("<TiffData")] + "</Pixels></Image>"
    at = text.index("<Image ")
    tifffile.tiffcomment(source, (text[:at] + empty + text[at:]).encode())
    with open_movie(source) as movie:
        assert movie.layout.sites == ()
