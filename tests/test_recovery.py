"""A session that was killed: all that was recorded, and an end to it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli import Cli
from killed_sessions import (
    MODEL,
    SIDE,
    STACKS,
    TWO_CHANNELS,
    UNPLANNED,
    assert_whole,
    frames,
    killed,
)
from PIL import Image

from pssr_live.calibration.values import read_scan_noise
from pssr_live.errors import PssrLiveError
from pssr_live.recovery import recover
from pssr_live.restorer import Restorer
from pssr_live.scanners.simulated import calibration_file
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.preview import COMPUTED
from pssr_live.storage.session import FrameLog, SessionFolder, read_log


@pytest.mark.parametrize("layout", [TWO_CHANNELS, UNPLANNED])
@pytest.mark.parametrize(("count", "restored"), [(1, 1), (7, 3), (12, 12)])
def test_what_lacks_is_restored_as_it_would_have_been(
    tmp_path: Path, centred: Restorer, layout: RunLayout, count: int, restored: int
) -> None:
    came = frames(layout, count)
    folder = killed(tmp_path / "run", centred, layout, came, restored)
    seen: list[tuple[int, int]] = []
    report = recover(folder.path, progress=lambda *at: seen.append(at))
    assert report["frames_recorded"] == report["frames_restored"] == count
    assert report["frames_restored_now"] == count - min(restored, count)
    assert seen[-1] == (count, count)
    assert_whole(folder, centred, count)
    status = folder.read_status()
    assert status["status"] == "aborted" and status["recorded"] == count
    assert json.loads(folder.report.read_text())["model"]["name"] == MODEL
    told = [line for line in read_log(folder.frames) if line["status"] == "restored"]
    assert sorted(line["ordinal"] for line in told) == list(range(count))


def test_what_was_held_against_its_scan_stays_told(tmp_path: Path) -> None:
    restorer = Restorer(MODEL, noise=read_scan_noise(calibration_file("mito")))
    came = frames(UNPLANNED, 6)
    folder = killed(tmp_path / "run", restorer, UNPLANNED, came, 4)
    restorer.close()
    held = [line for line in read_log(folder.frames) if "consistency" in line]
    report = recover(folder.path)
    found = report["quality"]["consistency"]
    assert (found["frames"], report["frames_restored"]) == (len(held), 6)
    assert found["worst"]["ordinal"] in {line["ordinal"] for line in held}
    assert found["calibration"] is None
    assert json.loads(folder.report.read_text())["quality"] == report["quality"]


@pytest.mark.parametrize(("engine", "plate"), [(None, True), ("bicubic", False)])
def test_a_preview_shows_the_last_frame_as_it_is(
    tmp_path: Path, centred: Restorer, engine: str | None, plate: bool
) -> None:
    came = frames(UNPLANNED, 5)
    folder = killed(tmp_path / "run", centred, UNPLANNED, came, 2)
    report = recover(folder.path, engine=engine)
    with Image.open(folder.preview) as image:
        shown = np.asarray(image.convert("RGB"))
    raw, made = np.split(shown[:, : shown.shape[1] // 2 * 2], 2, axis=1)
    amber = lambda part: np.all(part == COMPUTED, axis=2).sum() > 50  # noqa: E731
    assert (amber(raw), amber(made)) == (False, plate)
    assert not any("preview" in said for said in report["warnings"])
    assert len(np.unique(raw)) > 100  # noise of the last frame


def test_a_preview_that_cannot_be_written_is_not_worth_a_session(
    tmp_path: Path, centred: Restorer
) -> None:
    folder = killed(tmp_path / "run", centred, UNPLANNED, frames(UNPLANNED, 3), 1)
    folder.preview.mkdir()
    report = recover(folder.path)
    assert report["frames_restored"] == 3 and "preview.png" in report["warnings"][0]
    assert folder.read_status()["status"] == "aborted"


def test_lost_frames_stay_marked(tmp_path: Path, centred: Restorer) -> None:
    came = frames(TWO_CHANNELS, 10, missing=4)
    folder = killed(tmp_path / "run", centred, TWO_CHANNELS, came, 5)
    report = recover(folder.path)
    assert (report["frames_recorded"], report["frames_lost"]) == (9, 1)
    with open_movie(folder.raw) as raw, open_movie(folder.restored) as made:
        assert raw.missing == made.missing == {4}
    assert_whole(folder, centred, 10)


def test_windows_follow_the_axis_that_they_followed(tmp_path: Path) -> None:
    deep = Restorer(MODEL, axis="z")
    came = frames(STACKS, 14)
    folder = killed(tmp_path / "run", deep, STACKS, came, 6)
    recover(folder.path)
    with open_movie(folder.raw) as raw:
        assert raw.provenance["details"] == {"model": MODEL, "axis": "z"}
    assert_whole(folder, deep, 14)
    deep.close()


def test_half_a_line_and_half_a_page_do_not_matter(
    tmp_path: Path, centred: Restorer
) -> None:
    folder = killed(tmp_path / "run", centred, TWO_CHANNELS, frames(TWO_CHANNELS, 8), 4)
    for path, part in (
        (folder.frames, b'{"ordinal": 9, "sta'),
        (folder.raw, b"x" * 99),
    ):
        with path.open("ab") as file:
            file.write(part)
    assert recover(folder.path)["frames_restored"] == 8
    assert_whole(folder, centred, 8)


@pytest.mark.parametrize(
    "line",
    ["{}", "[]", "\0" * 99, '{"ordinal": 3, "status": "raw"}', '{"ordinal": 3}'],
)
def test_unreadable_lines_do_not_matter(
    tmp_path: Path, centred: Restorer, line: str
) -> None:
    folder = killed(tmp_path / "run", centred, UNPLANNED, frames(UNPLANNED, 8), 4)
    told = folder.frames.read_text().splitlines(keepends=True)
    folder.frames.write_text("".join([*told[:3], f"{line}\n", *told[3:]]))
    assert recover(folder.path)["frames_restored"] == 8
    assert_whole(folder, centred, 8)


@pytest.mark.parametrize("lost", [[11], [4, 9, 10, 11]])
def test_a_frame_without_its_line_goes_on_as_those_before(
    tmp_path: Path, causal: Restorer, lost: list[int]
) -> None:
    came = frames(TWO_CHANNELS, 12)
    folder = killed(tmp_path / "run", causal, UNPLANNED, came, 12)
    told = folder.frames.read_text().splitlines(keepends=True)
    kept = [
        text
        for text in told
        if (line := json.loads(text))["status"] != "raw" or line["ordinal"] not in lost
    ]
    folder.frames.write_text("".join(kept))
    recover(folder.path)
    for path in (folder.raw, folder.restored):
        assert tifffile.imread(path).shape[:2] == (6, 2)
    with open_movie(folder.raw) as raw:
        assert [frame.index for frame in raw.frames()] == [f.index for f in came]
    assert_whole(folder, causal, 12)


def test_positions_that_lack_planes_are_mended_for_others(
    tmp_path: Path, causal: Restorer
) -> None:
    places = [
        {"t": t, "p": p, "c": c}
        for t in range(4)
        for p in range(2)
        for c in range(2)
        if c == 0 or t % 2 == 0
    ]
    layout = RunLayout(tuple(places))
    came = frames(layout, len(places))
    folder = killed(tmp_path / "run", causal, layout, came, 3)
    recover(folder.path)
    for path, scale in ((folder.raw, 1), (folder.restored, 4)):
        with tifffile.TiffFile(path) as tiff:
            images = [one.asarray() for one in tiff.series]
        assert [i.shape for i in images] == [(4, 2, SIDE * scale, SIDE * scale)] * 2
        with open_movie(path) as movie:
            for frame, at in zip(movie.frames(), places, strict=True):
                plane = images[at["p"]][at["t"], at["c"]]
                assert np.array_equal(plane, frame.pixels)
        assert not images[0][1::2, 1].any() and not images[1][1::2, 1].any()
    assert_whole(folder, causal, len(places))


def test_what_stops_in_the_midst_goes_on(
    tmp_path: Path, centred: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = killed(
        tmp_path / "run", centred, TWO_CHANNELS, frames(TWO_CHANNELS, 12), 3
    )
    write, written = PageFile.write, []

    def interrupted(self: PageFile, *given: object, **named: object) -> None:
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(given)
        write(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(PageFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recover(folder.path)
    monkeypatch.undo()
    assert folder.read_status()["status"] == "running"
    assert recover(folder.path)["frames_restored_now"] == 5
    assert_whole(folder, centred, 12)


def test_a_session_without_a_frame_ends_too(tmp_path: Path, centred: Restorer) -> None:
    folder = killed(tmp_path / "run", centred, UNPLANNED, [], 0)
    assert recover(folder.path)["frames_recorded"] == 0
    assert folder.read_status()["status"] == "aborted"


def test_interpolated_frames_are_called_so(tmp_path: Path, centred: Restorer) -> None:
    folder = killed(tmp_path / "run", centred, UNPLANNED, frames(UNPLANNED, 5), 3)
    report = recover(folder.path, engine="bicubic")
    assert report["warnings"] == [
        "Frames that are only interpolated: 2. Restore them with `pssr-live restore` "
        "where an engine runs."
    ]


def test_an_unknown_model_is_asked_for(tmp_path: Path, centred: Restorer) -> None:
    folder = killed(tmp_path / "run", centred, UNPLANNED, frames(UNPLANNED, 4), 0)
    before = folder.raw.read_bytes()
    with pytest.raises(PssrLiveError, match="give one with --model"):
        recover(folder.path)
    assert folder.raw.read_bytes() == before
    assert recover(folder.path, MODEL)["frames_restored_now"] == 4
    assert_whole(folder, centred, 4)


def test_what_is_not_a_killed_session_is_left_alone(
    tmp_path: Path, centred: Restorer
) -> None:
    for status in (None, "[]", '{"a": 1}'):
        if status is not None:
            (tmp_path / "status.json").write_text(status)
        with pytest.raises(PssrLiveError, match="no readable status"):
            recover(tmp_path)
    folder = killed(tmp_path / "run", centred, UNPLANNED, frames(UNPLANNED, 3), 2)
    if sys.platform != "win32":
        with (
            FrameLog(folder.frames, resume=True),
            pytest.raises(PssrLiveError, match="being recorded at this moment"),
        ):
            recover(folder.path)
    recover(folder.path)
    with pytest.raises(PssrLiveError, match="there is nothing to mend"):
        recover(folder.path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_killed_demo_is_mended(
    tmp_path: Path,
    causal: Restorer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "run"
    command = ["demo", "--headless", "--frames", "5000", "--resolution", "64"]
    with subprocess.Popen(
        [sys.executable, "-m", "pssr_live", *command, "--out", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        folder = SessionFolder(path)
        patient_s = time.monotonic() + 200
        while time.monotonic() < patient_s:
            if folder.frames.exists() and len(read_log(folder.frames)) > 40:
                break
            time.sleep(0.02)
        child.kill()
    assert folder.read_status()["status"] == "running"
    cli = Cli(monkeypatch, capsys)
    report = cli("recover", path, "--json").json
    assert report["frames_recorded"] == report["frames_restored"] >= 20
    assert_whole(folder, causal, report["frames_recorded"])
    cli("recover", path).assert_refused("came to its end", "pssr-live restore")
