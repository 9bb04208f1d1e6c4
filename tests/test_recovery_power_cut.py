"""A power cut, unlike a kill, takes recorded frames: what is left, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli import Cli
from killed_sessions import TWO_CHANNELS, UNPLANNED, assert_whole, frames, killed

from pssr_live.errors import PssrLiveError
from pssr_live.offline import restore_file
from pssr_live.recovery import recover
from pssr_live.restorer import Restorer
from pssr_live.storage.bigtiff import DIRECTORY_BYTES
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.session import SessionFolder

COUNT = 14
Harm = Callable[[Path, int], None]


def page_bytes(path: Path) -> int:
    with open_movie(path) as movie:
        return DIRECTORY_BYTES + 2 * movie.shape[0] * movie.shape[1]


def cut(path: Path, pages: int) -> None:
    """Cut a file in the midst of its last `pages` pages."""
    size = path.stat().st_size - pages * page_bytes(path) + page_bytes(path) // 2
    with path.open("r+b") as file:
        file.truncate(size)


def cut_between(path: Path, pages: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - pages * page_bytes(path))


def zero(path: Path, pages: int) -> None:
    """Zero the end of a file from a block of the disk on, in the midst of a page."""
    size = path.stat().st_size
    whole = size - pages * page_bytes(path) + DIRECTORY_BYTES
    start = -(-whole // 512) * 512
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(size - start))


def as_before(path: Path, came: list[np.ndarray], missing: set[int]) -> None:
    with open_movie(path) as movie:
        assert movie.missing == missing
        for frame in movie.frames():
            assert np.array_equal(frame.pixels, came[frame.ordinal])
    assert len(tifffile.imread(path).reshape(-1, *movie.shape)) == COUNT


@pytest.mark.parametrize("harm", [cut, cut_between, zero])
@pytest.mark.parametrize("layout", [TWO_CHANNELS, UNPLANNED])
@pytest.mark.parametrize("lost", [2, 5])
def test_lost_raw_frames_are_counted_and_all_others_kept(
    tmp_path: Path, causal: Restorer, harm: Harm, layout: object, lost: int
) -> None:
    came = frames(TWO_CHANNELS, COUNT)
    made = [one.pixels for one in causal.restore(came)]
    folder = killed(tmp_path / "run", causal, layout, came, 11)
    harm(folder.raw, lost)
    restore_file(folder.raw, tmp_path / "before.ome.tiff", causal)  # of what is whole
    report = recover(folder.path)
    missing = set(range(COUNT - lost, COUNT))
    assert report["frames_acquired"] == COUNT
    assert report["frames_lost"] == lost
    assert report["frames_recorded"] == COUNT - lost
    assert f"no longer whole in raw.ome.tiff: {lost}. " in report["warnings"][0]
    as_before(folder.raw, [frame.pixels for frame in came], missing)
    # The pictures that were restored before are worth more than their places.
    as_before(folder.restored, made, missing - set(range(11)))
    with pytest.raises(PssrLiveError, match="there is nothing to mend"):
        recover(folder.path)


@pytest.mark.parametrize("harm", [cut, cut_between, zero])
@pytest.mark.parametrize("lost", [1, 4])
def test_lost_pictures_are_restored_again(
    tmp_path: Path, causal: Restorer, harm: Harm, lost: int
) -> None:
    came = frames(TWO_CHANNELS, COUNT)
    folder = killed(tmp_path / "run", causal, TWO_CHANNELS, came, COUNT)
    harm(folder.restored, lost)
    report = recover(folder.path)
    assert report["frames_recorded"] == report["frames_restored"] == COUNT
    assert report["frames_restored_now"] == lost
    assert report["frames_lost"] == 0 and report["warnings"] == []
    assert_whole(folder, causal, COUNT)


def test_a_second_attempt_goes_on_from_the_first(
    tmp_path: Path, causal: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed(
        tmp_path / "run", causal, TWO_CHANNELS, frames(TWO_CHANNELS, COUNT), COUNT
    )
    cut(folder.restored, 6)
    cut(folder.raw, 2)

    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PageFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recover(folder.path)
    monkeypatch.undo()
    report = recover(folder.path)
    assert report["frames_restored_now"] == 4
    assert report["frames_lost"] == 2
    assert "raw.ome.tiff: 2. " in report["warnings"][0]
    assert_whole(folder, causal, COUNT)


def test_a_restored_file_without_a_whole_page_is_made_anew(
    tmp_path: Path, causal: Restorer
) -> None:
    for left in (0, 5, 16, 300, 5000):
        folder = killed(
            tmp_path / f"run{left}", causal, UNPLANNED, frames(UNPLANNED, 4), 4
        )
        with folder.restored.open("r+b") as file:
            file.truncate(left)
        assert recover(folder.path)["frames_restored_now"] == 4
        assert_whole(folder, causal, 4)


def test_a_foreign_restored_file_is_not_replaced(
    tmp_path: Path, causal: Restorer
) -> None:
    folder = killed(tmp_path / "run", causal, UNPLANNED, frames(UNPLANNED, 4), 0)
    tifffile.imwrite(folder.restored, np.ones((4, 96, 96), np.uint16))
    before = folder.restored.read_bytes()
    with pytest.raises(PssrLiveError, match="not written by pssr-live"):
        recover(folder.path, causal.card.name)
    assert folder.restored.read_bytes() == before


@pytest.mark.parametrize("left", [None, 0, 16, 300])
def test_a_raw_file_that_is_gone_is_asked_for(
    tmp_path: Path,
    causal: Restorer,
    left: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = killed(tmp_path / "run", causal, UNPLANNED, frames(UNPLANNED, 5), 3)
    raw = folder.raw.read_bytes()
    folder.raw.unlink()
    if left is not None:
        folder.raw.write_bytes(raw[:left])
    before = contents(folder)
    cli = Cli(monkeypatch, capsys)
    cli("recover", folder.path).assert_refused("raw.ome.tiff", "5 recorded", "put it")
    assert contents(folder) == before
    folder.raw.write_bytes(raw)
    assert recover(folder.path)["frames_recorded"] == 5
    assert_whole(folder, causal, 5)


def contents(folder: SessionFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}
