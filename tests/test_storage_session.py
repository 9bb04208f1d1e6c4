"""The folder of a run, its diary, its status and the room it needs."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path

import pytest

from pssr_live.errors import StorageError
from pssr_live.storage.disk import check_room
from pssr_live.storage.session import FrameLog, SessionFolder, read_log


def test_a_new_session_says_that_it_runs(tmp_path: Path) -> None:
    folder = SessionFolder.create(tmp_path / "deep" / "run")
    assert folder.read_status() == {"status": "running", "reason": ""}
    folder.write_status("partial", "the camera lost 2 frames", raw=58, missing=2)
    assert json.loads(folder.status.read_text()) == {
        "status": "partial",
        "reason": "the camera lost 2 frames",
        "raw": 58,
        "missing": 2,
    }
    folder.write_report({"fps": 3.5, "where": tmp_path})
    assert json.loads(folder.report.read_text())["fps"] == 3.5
    assert sorted(p.name for p in folder.path.iterdir()) == [
        "report.json",
        "status.json",
    ]


def test_a_full_disk_still_takes_how_the_run_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SessionFolder.create(tmp_path / "run")

    def no_room(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    folder.write_status("failed", "the disk is full", recorded=26)
    assert folder.read_status()["recorded"] == 26
    folder.write_status("failed", "")  # shorter than what stands there
    assert folder.read_status() == {"status": "failed", "reason": ""}
    with pytest.raises(StorageError, match="No space left"):
        folder.write_status("failed", "x" * 5000)
    with pytest.raises(StorageError, match="No space left"):
        folder.write_report({"fps": 3.5})


def test_a_used_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "raw.ome.tiff").write_text("precious")
    with pytest.raises(StorageError, match="not empty; choose another folder, or r"):
        SessionFolder.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["raw.ome.tiff"]


def test_overwrite_removes_only_what_a_session_writes(tmp_path: Path) -> None:
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    (tmp_path / "analysis").mkdir()
    old = SessionFolder(tmp_path)
    for path in (old.raw, old.restored, old.frames, old.report, old.preview):
        path.write_text("old")
    SessionFolder.create(tmp_path, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "analysis",
        "notes.txt",
        "status.json",
    ]
    assert mine.read_text() == "mine"


def test_a_session_that_is_being_recorded_is_not_replaced(tmp_path: Path) -> None:
    folder = SessionFolder.create(tmp_path / "run")
    with FrameLog(folder.frames) as log:
        log.write(0, "raw")
        with pytest.raises(StorageError, match=r"is being recorded into .* wait for"):
            SessionFolder.create(folder.path, overwrite=True)
    assert len(read_log(folder.frames)) == 1
    SessionFolder.create(folder.path, overwrite=True)
    assert not folder.frames.exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("")
    with pytest.raises(StorageError, match="is a file; choose a folder"):
        SessionFolder.create(path, overwrite=True)
    with pytest.raises(StorageError, match="could not be written"):
        SessionFolder.create(path / "b")


@pytest.mark.parametrize("content", [None, "", "{", "[]", "3", '{"a": 1}'])
def test_a_folder_without_status_is_no_session(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "status.json").write_text(content)
    with pytest.raises(StorageError, match="no readable status"):
        SessionFolder(tmp_path).read_status()


def test_the_log_takes_lines_from_all_threads(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    with FrameLog(path) as log:

        def work(k: int) -> None:
            for n in range(50):
                log.write(50 * k + n, "raw", index={"t": n}, time_s=0.1 * n)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(read_log(path)) == 200  # before it is closed
    lines = read_log(path)
    assert sorted(line["ordinal"] for line in lines) == list(range(200))
    assert lines[0]["status"] == "raw"


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    with FrameLog(path) as log:
        log.write(0, "raw")
        log.write(1, "restored", sources=(0, 1))
    path.write_bytes(path.read_bytes()[:-4])
    assert [line["ordinal"] for line in read_log(path)] == [0]
    with pytest.raises(StorageError, match="cannot be read"):
        read_log(tmp_path / "absent")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no",
        b"{}",
        b"[]",
        b"3",
        bytes(500),
        b"\xff\xfe",
        b'{"ordinal": "1", "status": "raw"}',
        b'{"ordinal": 1}',
    ],
)
def test_unreadable_lines_are_left_out_wherever_they_are(
    tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "frames.jsonl"
    with FrameLog(path) as log:
        log.write(0, "raw")
        log.write(1, "raw")
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, line, second, line, b""]))
    assert [told["ordinal"] for told in read_log(path)] == [0, 1]


def test_room_is_checked_before_the_first_frame(tmp_path: Path) -> None:
    check_room(tmp_path / "not" / "yet", 1000)
    with pytest.raises(StorageError, match=r"needs 1000\.0 TB and .* GB free"):
        check_room(tmp_path / "not" / "yet", 10**15)
