"""Restorations that were stopped or killed, and are gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli import Cli

from pssr_live.calibration.values import read_scan_noise
from pssr_live.errors import StorageError
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.simulated import calibration_file
from pssr_live.storage.movie import open_movie

MODEL = "mito-mf5-x4"


class Killed(BaseException):
    """Ends a restoration, and is known to nobody."""


@pytest.fixture(scope="module")
def restorer() -> Iterator[Restorer]:
    one = Restorer(MODEL)
    yield one
    one.close()


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    path = tmp_path / "in.ome.tif"
    rng = np.random.default_rng(1)
    data = rng.integers(90, 250, (5, 2, 2, 12, 16)).astype("uint16")
    data[3] *= 30  # a map of intensities of its own, which must be found again
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "TZCYX"})
    return path


def stopped(
    movie: Path, target: Path, restorer: Restorer, after: int, by: BaseException
) -> None:
    """Restore some frames; `by` ends it. What stands beside the target stays."""
    copy = target.with_name("killed")

    def show(done: int, total: int) -> None:
        if done == after:
            shutil.copyfile(f"{target}.part", copy)
            raise by

    with pytest.raises(type(by)):
        restore_file(movie, target, restorer, pixel_size_um=0.2, progress=show)
    if copy.exists():  # as it was at that moment, and not as an orderly end leaves it
        copy.replace(f"{target}.part")


def pages(path: Path) -> np.ndarray:
    with open_movie(path) as movie:
        assert movie.missing == frozenset()
        return np.stack([frame.pixels for frame in movie.frames()])


@pytest.mark.parametrize("after", [1, 2, 7, 19, 20])
@pytest.mark.parametrize("axis", ["t", "z"])
def test_what_was_killed_ends_as_if_it_had_not_been(
    movie: Path, tmp_path: Path, after: int, axis: str
) -> None:
    restorer = Restorer(MODEL, axis=axis)
    restore_file(movie, tmp_path / "whole.tif", restorer, pixel_size_um=0.2)
    target = tmp_path / "out.tif"
    stopped(movie, target, restorer, after, Killed())
    done: list[tuple[int, int]] = []
    report = restore_file(
        movie,
        target,
        restorer,
        pixel_size_um=0.2,
        resume=True,
        progress=lambda *at: done.append(at),
    )
    assert report["frames"] == 20
    assert done == [(n, 20) for n in range(after + 1, 21)]
    np.testing.assert_array_equal(pages(target), pages(tmp_path / "whole.tif"))
    assert target.read_bytes() == (tmp_path / "whole.tif").read_bytes()
    assert sorted(p.name for p in tmp_path.glob("out*")) == ["out.tif"]


def test_pictures_from_before_a_kill_are_held_against_their_scans_too(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    noise = read_scan_noise(calibration_file("mito"))
    held = Restorer(MODEL, noise=noise)
    whole = restore_file(movie, tmp_path / "whole.tif", held, pixel_size_um=0.2)
    target = tmp_path / "out.tif"
    stopped(movie, target, restorer, 7, Killed())  # without a calibration
    report = restore_file(movie, target, held, pixel_size_um=0.2, resume=True)
    held.close()
    assert report["consistency"] == whole["consistency"]
    assert report["consistency"]["frames"] == 20
    assert report["warnings"] == whole["warnings"]
    assert target.read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_a_part_that_a_power_cut_zeroed_is_done_again(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    restore_file(movie, tmp_path / "whole.tif", restorer, pixel_size_um=0.2)
    target = tmp_path / "out.tif"
    stopped(movie, target, restorer, 12, Killed())
    part = Path(f"{target}.part")
    with part.open("r+b") as file:
        file.seek(part.stat().st_size // 2)
        file.write(bytes(part.stat().st_size // 2))
    restore_file(movie, target, restorer, pixel_size_um=0.2, resume=True)
    np.testing.assert_array_equal(pages(target), pages(tmp_path / "whole.tif"))


def test_a_kill_before_it_got_its_name_costs_nothing(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    target, part = tmp_path / "out.tif", tmp_path / "out.tif.part"
    restore_file(movie, target, restorer)
    before = target.read_bytes()
    target.replace(part)
    done: list[int] = []
    report = restore_file(
        movie, target, restorer, resume=True, progress=lambda n, of: done.append(n)
    )
    assert (report["frames"], done, part.exists()) == (20, [], False)
    assert target.read_bytes() == before


@pytest.mark.parametrize("after", [0, 4])
def test_nothing_left_is_a_beginning(
    movie: Path, tmp_path: Path, restorer: Restorer, after: int
) -> None:
    part = tmp_path / "out.tif.part"
    part.write_bytes(bytes(after))
    report = restore_file(movie, tmp_path / "out.tif", restorer, resume=True)
    assert (report["frames"], part.exists()) == (20, False)


def test_a_ctrl_c_leaves_what_is_done_and_other_ends_nothing(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    target = tmp_path / "out.tif"

    def end(error: BaseException) -> None:
        def show(done: int, total: int) -> None:
            raise error

        with pytest.raises(type(error)):
            restore_file(movie, target, restorer, progress=show)

    end(RuntimeError())
    assert list(tmp_path.glob("out*")) == []
    end(KeyboardInterrupt())
    assert [p.name for p in tmp_path.glob("out*")] == ["out.tif.part"]
    with pytest.raises(StorageError, match="pass --resume to go on with it, or"):
        restore_file(movie, target, restorer)


def test_nobody_goes_on_with_something_else(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    target = tmp_path / "out.tif"
    stopped(movie, target, restorer, 4, Killed())
    part = Path(f"{target}.part")
    before = part.read_bytes()
    other = tmp_path / "other.ome.tif"
    shutil.copyfile(movie, other)
    for source, by, size, words in (
        (other, restorer, 0.2, "its source is in.ome.tif"),
        (movie, Restorer(MODEL, engine="bicubic"), 0.2, "its engine is onnx"),
        (movie, Restorer("mito-mf5-x4-live"), 0.2, "'mito-mf5-x4', "),
        (movie, restorer, 0.3, "its pixel_size_um is 0.05"),
    ):
        with pytest.raises(StorageError, match="begun with another movie") as refused:
            restore_file(source, target, by, pixel_size_um=size, resume=True)
        assert words in str(refused.value)
        assert part.read_bytes() == before


def test_two_never_write_one_file(
    movie: Path, tmp_path: Path, restorer: Restorer
) -> None:
    pytest.importorskip("fcntl")  # Windows lets nobody remove a file that is open
    target = tmp_path / "out.tif"
    refused = []

    def meddle(done: int, total: int) -> None:
        for how in ({"resume": True}, {"overwrite": True}):
            with pytest.raises(StorageError, match="is being written at this moment"):
                restore_file(movie, target, restorer, **how)
            refused.append(how)

    restore_file(movie, target, restorer, progress=meddle)
    assert len(refused) == 40


def test_several_movies_go_on_where_they_stopped(
    movie: Path,
    tmp_path: Path,
    restorer: Restorer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli = Cli(monkeypatch, capsys)
    other = tmp_path / "other.ome.tif"
    shutil.copyfile(movie, other)
    out = tmp_path / "out"
    assert cli("restore", movie, "-o", tmp_path / "alone.tif", "-m", MODEL).code == 0
    out.mkdir()
    made = out / "in_restored.ome.tiff"
    (tmp_path / "alone.tif").replace(made)
    before = made.stat().st_mtime_ns
    told = cli("restore", movie, other, "-o", out, "-m", MODEL, "--resume")
    assert told.code == 0
    assert f"Restored before: 20 -> {made}" in told.out
    assert f"Frames restored: 20 -> {out / 'other_restored.ome.tiff'}" in told.out
    assert made.stat().st_mtime_ns == before
    told = cli("restore", movie, other, "-o", out, "--resume", "--json")
    assert [one["restored_before"] for one in told.json["movies"]] == [True, True]
    told = cli("restore", movie, "-o", out, "-m", "mito-mf5-x4-live", "--resume")
    told.assert_refused(f"{made} exists and is not the movie", "--overwrite")
    told = cli("restore", movie, "-o", movie, "--resume")
    told.assert_refused("is the movie itself")
    told = cli("restore", movie, "-o", out, "--resume", "--overwrite")
    told.assert_refused("give one of the two")
