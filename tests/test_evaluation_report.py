"""A comparison, its report, and the command that makes it from files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import typer
from fields import Field, moved, noisy, smooth_field
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from pssr_live.commands.evaluate import evaluate
from pssr_live.errors import SettingsError, StorageError
from pssr_live.evaluation.case import BICUBIC, CLASSICAL, RESTORED, Case
from pssr_live.evaluation.comparison import compare
from pssr_live.evaluation.report import write_report
from pssr_live.evaluation.summary import means

SCALE, SIDE, FRAMES = 2, 64, 4


def _movies(seed: int) -> tuple[Field, Field, Field]:
    """Return a good restoration, the truth and the raw scans of a still scene."""
    rng = np.random.default_rng(seed)
    truth = np.tile(500 + 100 * smooth_field(SIDE, 2.5, rng), (FRAMES, 1, 1))
    coarse = truth.reshape(FRAMES, SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4))
    return noisy(truth, 4, rng), truth, noisy(coarse, 40, rng)


def _cases(scenes: int) -> Iterator[Case]:
    for seed in range(scenes):
        restored, truth, raw = _movies(seed)
        for n in range(FRAMES):
            yield Case(f"cell {seed}", n, restored[n], truth[n], raw, n)


def test_methods_come_in_their_true_order() -> None:
    comparison = compare(_cases(2), 800, pixel_size_um=0.1)
    figures = means(comparison.scores)
    assert [*figures] == [RESTORED, BICUBIC, CLASSICAL]
    for name in ("psnr_db", "ssim", "normalised_psnr_db", "normalised_ssim"):
        ours, plain, mean = (figures[m][name] for m in figures)
        assert ours > mean > plain, name
    assert figures[RESTORED]["psnr_db"] == pytest.approx(
        10 * np.log10(800**2 / 16), abs=0.1
    )
    assert figures[RESTORED]["flicker"] == pytest.approx(4 * np.sqrt(2), rel=0.05)
    assert figures[CLASSICAL]["flicker"] == 0  # one window for all frames
    assert figures[RESTORED]["truth_flicker"] == 0
    assert (
        figures[RESTORED]["frc_cycles_per_px"] > figures[BICUBIC]["frc_cycles_per_px"]
    )
    assert 0.5 < figures[RESTORED]["rsp"] < 1


def test_a_displaced_truth_is_registered_on_the_scan() -> None:
    rng = np.random.default_rng(7)
    whole = 500 + 100 * smooth_field(96, 2.5, rng)
    shown = whole[16:-16, 16:-16]
    truth = moved(whole, 1.4, -2.3)[16:-16, 16:-16]
    scan = noisy(gaussian_filter(shown, 0.5)[None], 10, rng)
    case = Case("one", 0, shown, truth, scan)
    plain, registered = (compare([case], 800, register=r) for r in (False, True))
    before, after = plain.scores[0], registered.scores[0]
    assert (after.shift_y_px, after.shift_x_px) == pytest.approx((1.4, -2.3), abs=0.05)
    assert after.psnr_db > before.psnr_db + 15


def test_a_restoration_cannot_move_its_own_truth() -> None:
    rng = np.random.default_rng(8)
    truth = 500 + 100 * smooth_field(SIDE, 2.5, rng)
    scan = noisy(truth[None], 10, rng)
    shifted = Case("one", 0, np.roll(truth, 2, axis=1), truth, scan)
    score = compare([shifted], 800, register=True).scores[0]
    assert abs(score.shift_x_px) < 0.1
    assert score.psnr_db < 25


def test_frames_without_a_usable_truth_are_counted_not_scored() -> None:
    good, *others = _cases(1)
    flat = Case("cell 0", 1, good.restored, np.full((SIDE, SIDE), 9.0), good.window)
    holed = Case("cell 0", 2, good.restored, good.truth * np.nan, good.window)
    comparison = compare([good, flat, holed, others[2]], 800)
    assert comparison.skipped == (
        "cell 0, frame 1: the truth is 9 nearly everywhere",
        "cell 0, frame 2: the truth holds NaN or infinite values",
    )
    assert np.isnan(comparison.scores[-1].flicker)  # 0 and 3 do not follow each other
    with pytest.raises(SettingsError, match="None of 1 frames can be judged; the firs"):
        compare([flat], 800)
    with pytest.raises(SettingsError, match="None of 0 frames can be judged: give"):
        compare([], 800)


def test_a_failed_restoration_is_scored_and_a_misfit_refused() -> None:
    good = next(_cases(1))
    black = Case("cell 0", 0, np.zeros((SIDE, SIDE)), good.truth, good.window)
    ours, plain, _ = compare([black], 800).scores
    assert ours.psnr_db < plain.psnr_db
    assert ours.frc_cycles_per_px == ours.rsp == 0
    with pytest.raises(SettingsError, match="cannot be compared"):
        compare([Case("a", 0, good.restored[:9], good.truth)], 800)
    with pytest.raises(SettingsError, match="no whole multiple of a scan of"):
        compare([Case("a", 0, good.restored, good.truth, np.ones((1, 99, 99)))], 800)
    with pytest.raises(SettingsError, match="with target 9 has no such frame"):
        compare([Case("a", 0, good.restored, good.truth, good.window, 9)], 800)


def test_the_report_holds_what_was_measured(tmp_path: Path) -> None:
    comparison = compare(_cases(3), 800, pixel_size_um=0.1)
    said = write_report(comparison, tmp_path / "report", title="a <b> & c")
    with (tmp_path / "report/frames.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 3 * FRAMES * 3
    assert float(rows[0]["psnr_db"]) == comparison.scores[0].psnr_db
    summary = json.loads((tmp_path / "report/summary.json").read_text())
    assert summary == said
    assert (summary["frames"], summary["scenes"]) == (3 * FRAMES, 3)
    gain = summary["restored_minus"][BICUBIC]["psnr_db"]
    assert 0 < gain["low"] <= gain["mean"] <= gain["high"]
    ours = summary["means"][RESTORED]
    assert ours["frc_resolution_um"] == pytest.approx(0.1 / ours["frc_cycles_per_px"])
    page = (tmp_path / "report/report.md").read_text()
    assert f"| restored | {ours['psnr_db']:.2f} |" in page
    for picture in re.findall(r"!\[\]\((.+)\)", page):
        assert (tmp_path / "report" / picture).is_file()
    html = (tmp_path / "report/report.html").read_text()
    assert "<h1>a &lt;b&gt; &amp; c</h1>" in html
    assert html.count("data:image/png;base64,") == page.count("![](")
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    with pytest.raises(StorageError, match="holds a report already"):
        write_report(comparison, tmp_path / "report")


def _write(path: str, movie: np.ndarray) -> None:
    tifffile.imwrite(path, movie, photometric="minisblack")


def _files(folder: Path) -> list[str]:
    names = []
    for name, movie in zip(("ours", "truth", "raw"), _movies(0), strict=True):
        names.append(str(folder / f"{name}.tif"))
        _write(names[-1], np.rint(movie).astype(np.uint16))
    return names


def _run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_judges_files(tmp_path: Path) -> None:
    ours, truth, raw = _files(tmp_path)
    out = str(tmp_path / "report")
    said = _run(ours, "--truth", truth, "--raw", raw, "-o", out, "--json")
    assert json.loads(said) == json.loads(
        (tmp_path / "report/summary.json").read_text()
    )
    assert json.loads(said)["frames"] == FRAMES
    assert [*json.loads(said)["means"]] == [RESTORED, BICUBIC, CLASSICAL]
    one = str(tmp_path / "one.tif")
    _write(one, tifffile.imread(truth)[0])
    assert "restored: " in _run(ours, "--truth", one, "-o", out, "--overwrite")
    assert [*tmp_path.glob("report/*.html")]


def test_the_page_and_the_terminal_name_methods_alike(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(evaluate)
    for name, movie in zip(("r", "t", "s"), _movies(5), strict=True):
        tifffile.imwrite(
            tmp_path / f"{name}.tif", movie.astype("uint16"), photometric="minisblack"
        )
    words = [f"{tmp_path}/r.tif", "--truth", f"{tmp_path}/t.tif"]
    words += ["--raw", f"{tmp_path}/s.tif", "-o", f"{tmp_path}/out"]
    told = CliRunner().invoke(app, words)
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    for method in ("restored", "bicubic of the scan", "smoothed mean"):
        assert f"{method}: " in told.output
        assert f"| {method} |" in page
    assert "the mean of the window, a Gaussian of 0.5 pixels of the scan" in page


def test_the_command_refuses_what_does_not_fit(tmp_path: Path) -> None:
    ours, truth, raw = _files(tmp_path)
    out = str(tmp_path / "report")
    with pytest.raises(SettingsError, match="give a truth of the restored size"):
        _run(ours, "--truth", raw, "-o", out)
    short = str(tmp_path / "short.tif")
    _write(short, tifffile.imread(raw)[:2])
    with pytest.raises(SettingsError, match="give the movie that was restored"):
        _run(ours, "--truth", truth, "--raw", short, "-o", out)
    with pytest.raises(SettingsError, match="A mean of 0 frames"):
        _run(ours, "--truth", truth, "--raw", raw, "-o", out, "--window", "0")
    with pytest.raises(SettingsError, match="--pixel-size-um -1 is no size"):
        _run(ours, "--truth", truth, "-o", out, "--pixel-size-um", "-1")
    assert not (tmp_path / "report").exists()
