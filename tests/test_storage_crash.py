"""What a kill and a full disk leave behind, with real children and real limits."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tifffile

from pssr_live.storage.movie import open_movie

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

WRITER = """
import sys
from pathlib import Path
import numpy as np
from pssr_live.errors import StorageError
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.pages import PageFile

path, limit, order = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
layout = RunLayout(tuple({"t": n // 2, "c": n % 2} for n in range(8_000)))
file = PageFile.create(path, layout, (64, 64), "uint16", 0.1)
print("ready", flush=True)
done = 0
try:
    for n in range(8_000):
        ordinal = n if order == "forward" else n ^ 1
        pixels = np.full((64, 64), ordinal , "uint16")
        file.write(ordinal, pixels, after_gap=ordinal == 6)
        done += 1
        if done % 10 == 0:
            print(done, flush=True)
except StorageError as error:
    print(done, flush=True)
    print(error, flush=True)
    file.close({"note": "disk full"})
"""


def writer(path: Path, limit: int, order: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(limit), order],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("order", ["forward", "swapped"])
def test_a_kill_loses_no_acknowledged_frame(
    tmp_path: Path, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    for attempt in range(4):
        path = tmp_path / f"{attempt}.ome.tiff"
        with writer(path, 0, order) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            first = child.stdout.readline()
            time.sleep(random.uniform(0, 0.06))  # noqa: S311
            child.kill()
            said = child.stdout.read().rsplit("\n", 1)[0].split()
        acknowledged = int([first, *said][-1])
        assert_intact(path, acknowledged)
    assert caplog.records == []


def assert_intact(path: Path, acknowledged: int) -> None:
    """Check every page of a killed file, by a plain reader and by ours."""
    stack = tifffile.imread(path)
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == len(stack)
    with open_movie(path) as movie:
        assert len(movie) == len(stack)
        assert movie.pixel_size_um == 0.1
        assert movie.gaps == {6}
        frames = {frame.ordinal: frame for frame in movie.frames()}
    assert len(frames) >= acknowledged
    assert len(movie.missing) <= 1
    for ordinal, frame in frames.items():
        assert (frame.pixels == ordinal).all()
        assert (stack[ordinal] == ordinal).all()
        assert frame.index == {"t": ordinal // 2, "c": ordinal % 2}


@pytest.mark.parametrize("limit", [100_000 + 8576 * 9, 8_000_000])
def test_a_full_disk_is_told_and_spoils_nothing(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "a.ome.tiff"
    child = writer(path, limit, "forward")
    said = child.communicate(timeout=200)[0].splitlines()
    assert child.returncode == 0
    done, error = int(said[-2]), said[-1]
    assert error.startswith(f"Frame {done} could not be written to {path}: ")
    assert "free there" in error
    with open_movie(path) as movie:
        assert len(movie) == done
        assert movie.provenance["details"] == {"note": "disk full"}
        assert all((f.pixels == f.ordinal).all() for f in movie.frames())
    assert len(tifffile.imread(path).reshape(-1, 64, 64)) >= done


EVERY_WRITE = """
import os, signal, sys
from io import FileIO
from pathlib import Path
import numpy as np
import tifffile
from pssr_live.errors import StorageError
from pssr_live.storage import files
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.mending import holds_frames, reopen
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile

left = 0

class Mortal(FileIO):
    def write(self, part):
        global left
        left -= 1
        if left == 0:
            super().write(part[: len(part) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(part)

def run(path, told):
    layout = RunLayout(tuple({"t": n // 2, "c": n % 2} for n in range(9)))
    file = PageFile.create(path, layout, (8, 8), "uint16")
    for n in (0, 2, 1, 4):
        file.write(n, np.full((8, 8), n + 1, "uint16"))
        os.write(told, bytes([n]))
    file.close({"note": "x" * int(sys.argv[2])})

def survivors(path):
    try:
        with open_movie(path) as movie:
            frames = {f.ordinal: int(f.pixels.min()) for f in movie.frames()}
            assert all((f.pixels == f.ordinal + 1).all() for f in movie.frames())
    except StorageError:
        return {}
    assert len(tifffile.imread(path).reshape(-1, 8, 8)) >= len(movie)
    return frames

files.FileIO = Mortal
ended, kill_at = False, 0
while not ended:
    kill_at += 1
    path = Path(sys.argv[1]) / f"{kill_at}.ome.tiff"
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        left = kill_at
        run(path, tell)
        os._exit(0)
    os.close(tell)
    ended = os.waitpid(child, 0)[1] == 0
    told = set(os.read(hear, 100))
    os.close(hear)
    left_over = survivors(path)
    assert told <= set(left_over), (kill_at, told)
    if holds_frames(path) and (file := reopen(path)) is not None:
        file.close()
        assert survivors(path) == left_over
        with tifffile.TiffFile(path) as tiff:
            assert tiff.is_ome and len(tiff.series) == 1
print(kill_at)
"""


@pytest.mark.parametrize("note", [10, 20_000])
def test_a_kill_in_the_middle_of_any_write_spoils_nothing(
    tmp_path: Path, note: int
) -> None:
    """Die half-way through the first write, the second, ... to the very last."""
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", EVERY_WRITE, str(tmp_path), str(note)],
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) > 20
