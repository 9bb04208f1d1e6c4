"""Folders of images, as programs and disks leave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from pssr_live.restorer import Restorer
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.numbering import gaps_of, indices_of, natural_key

MICROMANAGER = "img_channel{c:03}_position{p:03}_time{t:09}_z{z:03}"


def turns(**sizes: int) -> list[dict[str, int]]:
    places = np.ndindex(*sizes.values())
    return [dict(zip(sizes, map(int, at), strict=True)) for at in places]


def opened(folder: Path, *names: str) -> Movie:
    for n, name in enumerate(names):
        tifffile.imwrite(folder / f"{name}.tif", np.full((9, 9), n, "uint16"))
    return open_movie(folder)


def test_natural_order_knows_numbers_from_words() -> None:
    names = ["b", "a10", "a9", "10", "9", "A1"]
    assert sorted(names, key=natural_key) == ["A1", "a9", "a10", "b", "9", "10"]


@pytest.mark.parametrize(
    ("pattern", "sizes"),
    [
        (MICROMANAGER, {"c": 2, "p": 2, "t": 3, "z": 2}),
        ("cell_t{t:03}_c{c}", {"t": 3, "c": 2}),
        ("Exp 7_T={t}_Z={z}_C={c}", {"t": 2, "z": 3, "c": 2}),
        ("a_t{t:02}_z{z:02}_ch{c:02}", {"t": 2, "z": 3, "c": 2}),
        ("run{t}_xy{p}", {"t": 3, "p": 2}),
        ("c{c}_z{z}", {"c": 2, "z": 4}),
    ],
)
def test_numbers_tell_channels_planes_and_positions(
    pattern: str, sizes: dict[str, int]
) -> None:
    places = turns(**sizes)
    names = [pattern.format_map(place) for place in places]
    expected = [place | {"t": place.get("t", 0)} for place in places]
    assert indices_of(names) == expected
    assert gaps_of(names, expected) == frozenset()


@pytest.mark.parametrize(
    "names",
    [
        ["c0001", "c0002", "c0003"],
        ["z1", "z2", "z3"],
        ["20240501_120001_c1", "20240501_120003_c1", "20240501_120104_c1"],
        ["p1_17h01", "p2_17h03", "p3_17h04"],  # two numbers that count the same
        ["scan_c_001", "scan_c_002", "scan_c_003"],
        ["gfp_1", "gfp_2", "rfp_1"],
        ["one"],
    ],
)
def test_other_numbers_are_time(names: list[str]) -> None:
    assert indices_of(names) == turns(t=len(names))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["t1", "t2", "t3", "t7", "t8"], {3}),
        (["t0", "t2", "t4", "t6"], set()),
        (["t0", "t30", "t59", "t90", "t121"], set()),  # seconds, not quite even
        (["a_5_1", "a_6_2", "a_9_3"], set()),  # nobody knows which one counts
    ],
)
def test_gaps_in_the_numbers(names: list[str], expected: set[int]) -> None:
    assert gaps_of(names, turns(t=len(names))) == expected


def test_no_window_reaches_across_a_gap(tmp_path: Path) -> None:
    with opened(tmp_path, "t1", "t2", "t3", "t7", "t8") as movie:
        assert movie.gaps == {3}
        assert "skip others once, first before t7.tif" in movie.doubt
        made = {
            r.frame.ordinal: r.sources
            for r in Restorer("mito-mf5-x4", engine="bicubic").restore(movie.frames())
        }
    assert (made[2], made[3]) == ((0, 1, 2), (3, 4))


def test_channels_do_not_mix_and_their_gaps_are_their_own(tmp_path: Path) -> None:
    names = [f"a_c{c}_t{t}" for c in (1, 2) for t in (1, 2, 3, 4, 5)]
    with opened(tmp_path, *names[:8], *names[9:]) as movie:
        assert [f.index for f in movie.frames()] == [*turns(c=2, t=5)[:9]]
        assert movie.gaps == {8}


def test_other_names_are_told(tmp_path: Path) -> None:
    with opened(tmp_path, "a_gfp_1", "a_rfp_1") as movie:
        assert "(a_gfp_1.tif, a_rfp_1.tif), and all are taken as one" in movie.doubt


def test_what_a_mac_leaves_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "._a1.tif").write_bytes(b"\0\5\x16\7" + bytes(99))
    (tmp_path / "thumbs.tif").mkdir()
    with opened(tmp_path, "a1", "a2") as movie:
        assert (len(movie), movie.doubt) == (2, "")
