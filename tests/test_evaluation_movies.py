"""`pssr-live evaluate` on movies of every kind: which frames belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli import Cli
from fields import smooth_field

from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile

TIMES, CHANNELS, SIDE = 3, 2, 64

Array = np.ndarray[Any, Any]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


@pytest.fixture
def truth() -> Array:
    """Return fields that differ in every frame, (T, C, Y, X)."""
    rng = np.random.default_rng(4)
    fields = [smooth_field(SIDE, 2.5, rng) for _ in range(TIMES * CHANNELS)]
    levels = 500 + 100 * np.stack(fields)
    return levels.reshape(TIMES, CHANNELS, SIDE, SIDE).round().astype(np.uint16)


def noisy(truth: Array) -> Array:
    rng = np.random.default_rng(5)
    return (truth + rng.normal(0, 5, truth.shape)).round().astype(np.uint16)


def write(path: Path, movie: Array, axes: str = "", **about: Any) -> Path:
    if axes:
        tifffile.imwrite(path, movie, ome=True, metadata={"axes": axes, **about})
    else:
        tifffile.imwrite(path, movie, photometric="minisblack")
    return path


def by_channel(movie: Array) -> Array:
    return movie.transpose(1, 0, 2, 3)


def psnr_db(cli: Cli, *words: object) -> dict[str, float]:
    told = cli("evaluate", *words, "--json")
    assert told.code == 0, told
    return {method: said["psnr_db"] for method, said in told.json["means"].items()}


def test_frames_belong_together_by_index(
    cli: Cli, truth: Array, tmp_path: Path
) -> None:
    ours = write(tmp_path / "ours.ome.tif", noisy(truth), "TCYX")
    raw = truth.reshape(TIMES, CHANNELS, SIDE // 2, 2, SIDE // 2, 2)[..., 0, :, 0]
    found = []
    for n, order in enumerate([lambda movie: movie, by_channel]):
        axes = ("TCYX", "CTYX")[n]
        wanted = write(tmp_path / f"t{n}.ome.tif", order(truth), axes)
        scans = write(tmp_path / f"r{n}.ome.tif", order(raw), axes)
        words = (ours, "--truth", wanted, "--raw", scans, "-o", tmp_path / f"out{n}")
        found.append(psnr_db(cli, *words))
    assert found[0] == found[1]
    assert found[0]["restored"] > 35


def test_a_file_of_ours_is_matched_too(cli: Cli, truth: Array, tmp_path: Path) -> None:
    # Positions count from 4 here, as where only some of a plate were scanned.
    places = [{"p": 4 + c, "t": t} for c in range(CHANNELS) for t in range(TIMES)]
    ours = tmp_path / "ours.ome.tiff"
    shape = (SIDE, SIDE)
    with PageFile.create(ours, RunLayout(tuple(places)), shape, "uint16") as pages:
        for n, frame in enumerate(by_channel(noisy(truth)).reshape(-1, *shape)):
            pages.write(n, frame)
        pages.close({}, pad_to=len(places))
    path = tmp_path / "truth.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as out:
        for c in range(CHANNELS):
            out.write(truth[:, c], metadata={"axes": "TYX"})
    assert psnr_db(cli, ours, "--truth", path, "-o", tmp_path / "o")["restored"] > 35


@pytest.mark.parametrize("axes", ["", "ZYX"])
def test_the_order_counts_where_a_file_tells_no_more(
    cli: Cli, truth: Array, tmp_path: Path, axes: str
) -> None:
    ours = write(tmp_path / "ours.ome.tif", noisy(truth), "TCYX")
    plain = write(tmp_path / "plain.tif", truth.reshape(-1, SIDE, SIDE), axes)
    assert psnr_db(cli, ours, "--truth", plain, "-o", tmp_path / "o")["restored"] > 35


def test_other_axes_are_refused(cli: Cli, truth: Array, tmp_path: Path) -> None:
    ours = write(tmp_path / "ours.ome.tif", noisy(truth), "TCYX")
    other = write(tmp_path / "other.ome.tif", truth, "TZYX")
    told = cli("evaluate", ours, "--truth", other, "-o", tmp_path / "o")
    told.assert_refused("are c 2 x t 3", "z 2", "plain stack")
    swapped = write(tmp_path / "swapped.ome.tif", truth, "CTYX")
    told = cli("evaluate", ours, "--truth", swapped, "-o", tmp_path / "o")
    told.assert_refused("c 2 x t 3", "c 3 x t 2")
    assert not (tmp_path / "o").exists()


def test_a_frame_equal_to_the_truth_hides_no_other(
    cli: Cli, truth: Array, tmp_path: Path
) -> None:
    wanted = truth[:, 0]
    restored = noisy(wanted)
    restored[1] = wanted[1]
    ours, path = write(tmp_path / "ours.tif", restored), tmp_path / "truth.tif"
    write(path, wanted)
    told = cli("evaluate", ours, "--truth", path, "-o", tmp_path / "out")
    assert told.code == 0, told
    assert "restored: 4" in told.out and " dB, SSIM" in told.out
    assert "Note: Frames equal to the truth, not in the mean PSNR: 1." in told.out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    error = restored[::2].astype(float) - wanted[::2]
    squares = (error**2).mean(axis=(1, 2))
    expected = 10 * np.log10(summary["data_range"] ** 2 / squares)
    mean_db = summary["means"]["restored"]["psnr_db"]
    assert mean_db == pytest.approx(expected.mean())
    page = (tmp_path / "out" / "report.md").read_text()
    assert "In 1 the restored picture equals the truth" in page
    told = cli("evaluate", path, "--truth", path, "-o", tmp_path / "all")
    assert (told.code, "equal to the truth, SSIM 1.0000" in told.out) == (0, True)


def test_a_movie_without_a_frame_is_refused(
    cli: Cli, truth: Array, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.ome.tiff"
    layout = RunLayout(tuple({"t": t} for t in range(TIMES)))
    with PageFile.create(empty, layout, (SIDE, SIDE), "uint16") as pages:
        pages.close({}, pad_to=TIMES)
    full = write(tmp_path / "full.tif", truth[:, 0])
    for ours, wanted, words in (
        (full, empty, ["empty.ome.tiff holds none of its 3 frames", "truth"]),
        (empty, full, ["None of 0 frames can be judged"]),
    ):
        told = cli("evaluate", ours, "--truth", wanted, "-o", tmp_path / "o")
        told.assert_refused(*words)
    assert not (tmp_path / "o").exists()


def test_an_infinite_pixel_size_is_none(cli: Cli, truth: Array, tmp_path: Path) -> None:
    ours = write(tmp_path / "ours.tif", noisy(truth[:, 0]))
    wanted = write(
        tmp_path / "t.ome.tif", truth[:, 0], "TYX", PhysicalSizeX=float("inf")
    )
    words = ("evaluate", ours, "--truth", wanted, "-o", tmp_path / "o")
    cli(*words, "--pixel-size-um", "inf").assert_refused("--pixel-size-um inf")
    assert not (tmp_path / "o").exists()
    told = cli(*words, "--json")
    assert (told.code, told.json["pixel_size_um"]) == (0, None)


@pytest.mark.parametrize("name", ["a[/red]b", "a[red]b", "a:smile:b"])
def test_a_path_is_printed_as_it_is(
    cli: Cli, truth: Array, tmp_path: Path, name: str
) -> None:
    ours = write(tmp_path / "ours.tif", noisy(truth[:, 0]))
    wanted = write(tmp_path / "truth.tif", truth[:, 0])
    out = tmp_path / name
    told = cli("evaluate", ours, "--truth", wanted, "-o", out)
    assert told.code == 0, told
    assert f"Look at {out / 'report.html'}\n" in told.out


@pytest.mark.parametrize("name", ["report.md", "frames.csv", "worst_frame.png"])
def test_what_stands_in_the_folder_is_not_replaced_unasked(
    cli: Cli, truth: Array, tmp_path: Path, name: str
) -> None:
    ours = write(tmp_path / "ours.tif", noisy(truth[0, 0]))
    wanted = write(tmp_path / "truth.tif", truth[0, 0])
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    words = ("evaluate", ours, "--truth", wanted, "-o", out)
    cli(*words).assert_refused(f"holds a {name} already", "--overwrite")
    assert [path.read_text() for path in out.iterdir()] == ["mine"]
    (out / "notes.txt").write_text("mine")
    assert cli(*words, "--overwrite").code == 0
    # Of a single frame there is neither a best nor a worst.
    files = ["first_frame.png", "frames.csv", "notes.txt"]
    files += ["report.html", "report.md", "summary.json"]
    assert sorted(path.name for path in out.iterdir()) == files


def test_a_report_that_fails_half_way_leaves_nothing(
    cli: Cli, truth: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = write(tmp_path / "ours.tif", noisy(truth[:, 0]))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        told = cli("evaluate", ours, "--truth", ours, "-o", tmp_path / "new" / "out")
    told.assert_refused("No space left")
    assert [path.name for path in tmp_path.iterdir()] == ["ours.tif"]


def test_frames_left_out_and_other_units_are_told(
    cli: Cli, truth: Array, tmp_path: Path
) -> None:
    wanted = truth.reshape(-1, SIDE, SIDE).copy()
    ours = tmp_path / "ours.tif"
    layout = RunLayout(tuple({"t": t} for t in range(len(wanted))))
    with PageFile.create(ours, layout, (SIDE, SIDE), "uint16", kind="restored") as file:
        for t, frame in enumerate(noisy(wanted)):
            if t != 1:
                file.write(t, frame)
    wanted[3] = 7
    path = write(tmp_path / "truth.tif", (wanted // 4).astype(np.uint8))
    told = cli("evaluate", ours, "--truth", path, "-o", tmp_path / "out")
    assert told.code == 0, told
    assert "Note: Frames left out, as one of the movies lacks them: 1." in told.out
    assert (
        "Note: Frames that cannot be judged: 1. the movie, frame 3: the truth is 1 "
        "nearly everywhere." in told.out
    )
    assert "Note: The truth is uint8 and the restored movie uint16: if" in told.out
