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

from pssr_live.errors import PssrLiveError
from pssr_live.frame import Frame
from pssr_live.offline import restore_file
from pssr_live.recovery import recover
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import FrameLog, SessionFolder, read_log

MODEL = "mito-mf5-x4"
SIDE = 24
TWO_CHANNELS = RunLayout(
    tuple({"t": t, "c": c} for t in range(9) for c in range(2)), ("a", "b"), 0.5
)
STACKS = RunLayout(tuple({"t": t, "z": z} for t in range(3) for z in range(6)))
UNPLANNED = RunLayout()


def frames(layout: RunLayout, count: int, missing: int = -1) -> list[Frame]:
    rng = np.random.default_rng(1)
    pixels = rng.integers(100, 4000, (count, SIDE, SIDE), np.uint16)
    return [
        Frame(p, n, dict(layout.index_of(n)), pixel_size_um=0.2)
        for n, p in enumerate(pixels)
        if n != missing
    ]


def killed(
    path: Path,
    restorer: Restorer,
    layout: RunLayout,
    came: list[Frame],
    restored: int,
) -> SessionFolder:
    """Record as a run does, and let go without an end."""
    folder = SessionFolder.create(path)
    recorder = SessionRecorder(folder, layout, restorer.card.scale)
    for frame in came:
        recorder.write_raw(frame)
    made = [
        one for one, _ in zip(restorer.restore(came), range(restored), strict=False)
    ]
    for picture in reversed(made):  # deferred ones come late: pages wait for them
        recorder.write_restored(picture)
    recorder._log.close()
    for file in (recorder._raw, recorder._restored):
        if file is not None:
            file.leave()
    return folder


def assert_whole(folder: SessionFolder, restorer: Restorer, count: int) -> None:
    """Check the files as a foreign reader and as a later restoration see them."""
    for path in (folder.raw, folder.restored):
        with tifffile.TiffFile(path) as tiff:
            assert tiff.is_ome
            assert sum(len(one.pages) for one in tiff.series) >= count
    again = folder.path / "again.ome.tiff"
    restore_file(folder.raw, again, restorer)
    with open_movie(folder.restored) as made, open_movie(again) as expected:
        assert made.missing == expected.missing
        assert made.layout == expected.layout
        for ordinal in range(len(made)):
            if ordinal not in made.missing:
                one, other = made.frame(ordinal), expected.frame(ordinal)
                assert np.array_equal(one.pixels, other.pixels)
                assert one.index == other.index


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
        patient_s = time.monotonic() + 90
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
