"""What is whole in a file of ours after any of its bytes were lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from pssr_live.errors import StorageError
from pssr_live.storage.bigtiff import DIRECTORY_BYTES
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.mending import holds_frames, reopen
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.unfinished import is_empty, survey

SHAPE = (20, 33)
PIXEL_BYTES = 2 * 20 * 33
PAGE_BYTES = DIRECTORY_BYTES + 1328  # rounded up to 16
COUNT = 9


def written(path: Path, kind: str = "raw") -> int:
    """Write pages as far as a kill lets; return where the first begins."""
    layout = RunLayout(tuple({"t": t} for t in range(COUNT)))
    file = PageFile.create(path, layout, SHAPE, "uint16", kind=kind)
    for n in range(COUNT):
        file.write(n, np.full(SHAPE, n + 1, np.uint16))
    file.leave()
    return (
        path.stat().st_size - (COUNT - 1) * PAGE_BYTES - DIRECTORY_BYTES - PIXEL_BYTES
    )


def harm(path: Path, start: int, end: int, filling: bytes = b"\0") -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(filling * (end - start))


def left_over(path: Path) -> set[int]:
    """Return the frames that are there, by us and, once mended, by others."""
    with open_movie(path) as movie:
        there = {frame.ordinal for frame in movie.frames()}
        assert all((f.pixels == f.ordinal + 1).all() for f in movie.frames())
    file = reopen(path)
    assert file is not None
    file.close()
    with open_movie(path) as movie:
        assert {frame.ordinal for frame in movie.frames()} == there
    stack = tifffile.imread(path).reshape(-1, *SHAPE)
    assert {n for n, page in enumerate(stack) if (page == n + 1).all()} == there
    assert not any(page.any() for n, page in enumerate(stack) if n not in there)
    return there


def test_every_length_of_a_file_keeps_the_pages_before(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    start = written(path)
    whole = path.read_bytes()
    for length in range(start, len(whole), 97):
        path.write_bytes(whole[:length])
        kept = (
            length - start + PAGE_BYTES - DIRECTORY_BYTES - PIXEL_BYTES
        ) // PAGE_BYTES
        assert holds_frames(path) == bool(kept)
        if kept:
            assert left_over(path) == set(range(kept))


@pytest.mark.parametrize("filling", [b"\0", b"\xa5"])
def test_a_page_in_the_midst_takes_no_other_with_it(
    tmp_path: Path, filling: bytes
) -> None:
    path = tmp_path / "a.ome.tiff"
    start = written(path)
    harm(path, start + 3 * PAGE_BYTES, start + 3 * PAGE_BYTES + 100, filling)
    assert left_over(path) == set(range(COUNT)) - {3}


def test_a_page_that_zeros_follow_has_lost_its_end_if_it_ends_in_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.ome.tiff"
    start = written(path)
    whole = path.read_bytes()
    for sector in range((start + PAGE_BYTES) // 512 * 512 + 512, len(whole), 512):
        path.write_bytes(whole)
        harm(path, sector, len(whole))
        last = (len(whole) - sector) // PAGE_BYTES == 0
        kept = (
            sector - start + PAGE_BYTES - DIRECTORY_BYTES - PIXEL_BYTES
        ) // PAGE_BYTES
        if not last:  # nothing tells zeros at the end of the last raw page from black
            assert left_over(path) == set(range(kept))


def test_a_lost_link_loses_no_page(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    written(path)
    found = survey(path)
    assert found is not None
    link_at = found.pages.link_at(4)
    harm(path, link_at, link_at + 8)
    assert left_over(path) == set(range(COUNT))


def test_what_was_cut_off_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    start = written(path)
    harm(path, start + 7 * PAGE_BYTES, start + 7 * PAGE_BYTES + 100)
    harm(path, start + 8 * PAGE_BYTES, start + 8 * PAGE_BYTES + 100)
    file = reopen(path)
    assert file is not None
    file.write(7, np.full(SHAPE, 8, np.uint16))
    file.leave()
    assert left_over(path) == set(range(8))


def test_a_restored_page_in_doubt_counts_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    written(path, "restored")
    size = path.stat().st_size
    harm(path, size - 600, size)
    assert left_over(path) == set(range(COUNT - 1))


def test_files_of_others_are_neither_empty_nor_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    for bigtiff in (False, True):
        tifffile.imwrite(path, np.ones((5, 20, 33), np.uint16), bigtiff=bigtiff)
        assert not is_empty(path) and survey(path) is None
        with pytest.raises(StorageError, match="not written by pssr-live"):
            reopen(path)
