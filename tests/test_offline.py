"""Restoration of arrays and of movie files, of any shape and content."""

from __future__ import annotations

import ast
import errno
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from failing import Failing

import pssr_live as pl
from pssr_live.errors import EngineError, ModelError, SettingsError, StorageError
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.storage.movie import open_movie

MODEL = "mito-mf5-x4"


def noisy(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(90, 250, shape).astype(dtype)


def hot_pixel() -> np.ndarray[Any, Any]:
    movie = noisy(5, 20, 20)
    movie[2, 9, 9] = 65535
    return movie


@pytest.mark.parametrize(
    "movie",
    [
        noisy(6, 24, 32),
        noisy(24, 32),
        noisy(1, 24, 32),
        noisy(3, 1, 1),
        noisy(1, 1),
        noisy(2, 127, 333),
        noisy(1, 3, 5000),
        noisy(2, 40, 5),
        noisy(4, 20, 20, dtype="uint8"),
        noisy(4, 20, 20, dtype="int16") - 170,
        noisy(4, 20, 20).astype(">u2"),
        noisy(4, 40, 40)[:, ::2, ::-2],
        np.zeros((4, 20, 20), np.uint16),
        np.full((4, 20, 20), 500, np.uint16),
        np.full((4, 20, 20), 65535, np.uint16),
        hot_pixel(),
    ],
    ids=lambda movie: f"{movie.dtype}{movie.shape}",
)
def test_every_frame_comes_back_enlarged(movie: np.ndarray[Any, Any]) -> None:
    before = movie.copy()
    restored = pl.restore(movie, model=MODEL)
    assert restored.shape == (*movie.shape[:-2], *(4 * n for n in movie.shape[-2:]))
    assert restored.dtype == movie.dtype.newbyteorder("=")
    np.testing.assert_array_equal(movie, before)


@pytest.mark.parametrize("level", [0, 500, 65535])
def test_a_constant_movie_stays_about_constant(level: int) -> None:
    restored = pl.restore(np.full((5, 16, 16), level, np.uint16), model=MODEL)
    assert np.abs(restored.astype(int) - level).max() <= 20


@pytest.mark.parametrize(
    ("movie", "message"),
    [
        (noisy(4, 20, 20).astype("float32"), "The array holds float32 pixels and only"),
        (noisy(4, 20, 20).astype("uint32"), "The array holds uint32 pixels and only"),
        (noisy(4, 20, 20) > 100, "The array holds bool pixels"),
        (noisy(4, 20, 3), "looks like RGB; give one channel"),
        (noisy(20), "is no movie; give"),
        (noisy(2, 3, 20, 20), "is no movie; give"),
        (np.zeros((0, 20, 20), np.uint16), "is no movie; give"),
        (np.zeros((3, 0, 20), np.uint16), "is no movie; give"),
        (np.array(3), "is no movie; give"),
        (np.array("text"), "is no movie; give"),
        (None, "A value of type NoneType is no movie; give an array"),
        ("movie.tif", "`restore_file` restores files"),
        (Path("movie.tif"), "`restore_file` restores files"),
        ((frame for frame in noisy(2, 9, 9)), "generator is no movie.*`np.stack`"),
        ([noisy(9, 9), noisy(5, 9)], "cannot be made an array .*give frames of one"),
        (np.ma.masked_greater(noisy(3, 9, 9), 200), "has masked pixels"),
    ],
)
def test_what_is_no_movie_is_refused(movie: Any, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        pl.restore(movie, model=MODEL)


def test_what_numpy_makes_an_array_of_is_a_movie() -> None:
    movie = noisy(3, 20, 24)
    expected = pl.restore(movie, model=MODEL)
    dask = pytest.importorskip("dask.array")
    alike = (list(movie), np.ma.asarray(movie), dask.from_array(movie, chunks=8))
    for given in alike:
        np.testing.assert_array_equal(pl.restore(given, model=MODEL), expected)


def test_a_restored_array_is_held_once() -> None:
    movie = noisy(60, 64, 64)
    pl.restore(movie[:1], model=MODEL, engine="bicubic")  # what is loaded once
    tracemalloc.start()
    try:
        restored = pl.restore(movie, model=MODEL, engine="bicubic")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert restored.nbytes < peak < 1.5 * restored.nbytes


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ModelError, match="There is no model 'nope'"):
        pl.restore(noisy(2, 9, 9), model="nope")
    with pytest.raises(EngineError, match="There is no engine 'warp'"):
        pl.restore(noisy(2, 9, 9), model=MODEL, engine="warp")
    for model in (None, b"mito-mf5-x4", 5):
        with pytest.raises(ModelError, match=r"names no model: give one of .*mito"):
            pl.restore(noisy(2, 9, 9), model=model)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noisy(6, 24, 32), photometric="minisblack")
    return path


@pytest.mark.parametrize("axes", ["TZCYX", "CTZYX", "ZCTYX", "TCZYX"])
def test_planes_stay_where_they_are_in_any_order_of_axes(
    tmp_path: Path, axes: str, centred: Restorer
) -> None:
    sizes = {"T": 4, "Z": 3, "C": 2}
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 900, [*(sizes[a] for a in axes[:3]), 12, 16])
    path, target = tmp_path / "in.ome.tif", tmp_path / "out.ome.tif"
    data = planes.astype("uint16")
    tifffile.imwrite(path, data, ome=True, metadata={"axes": axes})
    assert restore_file(path, target, centred)["frames"] == 24
    by_series = np.moveaxis(data, [axes.index(a) for a in "CZT"], [0, 1, 2])
    with open_movie(target) as restored:
        found = {
            tuple(restored.frame(n).index.get(a, 0) for a in "czt"): n
            for n in range(len(restored))
        }
        assert len(found) == 24
        for c in range(2):
            for z in range(3):
                alone = pl.restore(by_series[c, z], model=MODEL)
                for t in range(4):
                    page = restored.frame(found[c, z, t]).pixels
                    np.testing.assert_array_equal(page, alone[t])


def test_a_file_gives_what_its_array_gives(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    done: list[tuple[int, int]] = []
    report = restore_file(
        source,
        tmp_path / "new" / "deep" / "out.tif",
        centred,
        pixel_size_um=0.2,
        progress=lambda *at: done.append(at),
    )
    assert (report["frames"], report["pixel_size_um"]) == (6, pytest.approx(0.05))
    assert (done[-1], report["warnings"]) == ((6, 6), [])
    expected = pl.restore(tifffile.imread(source), model=MODEL)
    found = tifffile.imread(tmp_path / "new" / "deep" / "out.tif")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("axes", "axis", "words"),
    [
        ("TYX", "t", ""),
        ("ZYX", "z", ""),
        ("CTYX", "t", ""),
        ("ZYX", "t", "in time has 1: what is missing cannot help against noise. With"),
        ("ZTYX", "z", "in depth has 2: what is missing cannot help against noise."),
        ("TCYX", "t", "in time has 2"),
    ],
)
def test_series_too_short_for_the_model_are_told(
    tmp_path: Path, axes: str, axis: str, words: str
) -> None:
    shape = (5, 12, 12) if len(axes) == 3 else (2, 5, 12, 12)
    path = tmp_path / "in.ome.tif"
    tifffile.imwrite(path, noisy(*shape), ome=True, metadata={"axes": axes})
    restorer = Restorer(MODEL, axis=axis)
    report = restore_file(path, tmp_path / "o.tif", restorer, pixel_size_um=0.2)
    told = " ".join(report["warnings"])
    assert words in told if words else told == ""


def test_a_script_may_name_files_by_text(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    target = str(tmp_path / "out.tif")
    assert pl.restore_file(str(source), target, centred)["frames"] == 6
    with pl.open_movie(target) as movie:
        assert len(movie) == 6
    with pytest.raises(StorageError, match=r"frames\.jsonl cannot be read"):
        pl.score_references(str(tmp_path))


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf, "wide", (0.2, 0.2)])
def test_what_is_no_pixel_size(
    source: Path, tmp_path: Path, centred: Restorer, size: Any
) -> None:
    target = tmp_path / "out.tif"
    with pytest.raises(SettingsError, match="is no size: give micrometres above 0"):
        restore_file(source, target, centred, pixel_size_um=size)
    assert not target.exists()


def test_a_pixel_size_may_be_a_number_of_numpy(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    target = tmp_path / "out.tif"
    report = restore_file(source, target, centred, pixel_size_um=np.float32(0.25))
    assert report["pixel_size_um"] == 0.0625
    with open_movie(target) as movie:
        assert movie.pixel_size_um == 0.0625


def test_a_model_is_no_restorer(source: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"restorer is of type str: give `Restorer"):
        restore_file(source, tmp_path / "out.tif", MODEL)


def test_nothing_is_overwritten_unasked(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    target = tmp_path / "out.tif"
    target.write_text("mine")
    with pytest.raises(StorageError, match="exists: choose another -o, or pass --over"):
        restore_file(source, target, centred)
    assert target.read_text() == "mine"
    restore_file(source, target, centred, overwrite=True)
    assert tifffile.imread(target).shape == (6, 96, 128)


def test_the_movie_itself_is_never_overwritten(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    before = source.read_bytes()
    link = tmp_path / "link.tif"
    link.symlink_to(source)
    for target in (source, link, tmp_path / "." / "movie.tif"):
        with pytest.raises(StorageError, match="is the movie itself, and raw data"):
            restore_file(source, target, centred, overwrite=True)
    with pytest.raises(StorageError, match="would become one of the images"):
        restore_file(tmp_path, tmp_path / "out.tif", centred)
    assert source.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.tif", "movie.tif"]


def test_a_restoration_that_may_be_running_is_not_disturbed(
    source: Path, tmp_path: Path, centred: Restorer
) -> None:
    part = tmp_path / "out.tif.part"
    part.write_text("theirs")
    with pytest.raises(StorageError, match=r"out\.tif\.part exists, from a restor"):
        restore_file(source, tmp_path / "out.tif", centred)
    assert part.read_text() == "theirs"
    restore_file(source, tmp_path / "out.tif", centred, overwrite=True)
    assert not part.exists()


def test_a_disk_that_nobody_may_write_on_says_so(
    source: Path, tmp_path: Path, centred: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match="The restored movie could not be written"):
        restore_file(source, tmp_path / "out.tif", centred)


@pytest.mark.parametrize("below", ["movie.tif/out.tif", "movie.tif/deep/out.tif"])
def test_a_file_is_no_parent(
    source: Path, tmp_path: Path, below: str, centred: Restorer
) -> None:
    with pytest.raises(StorageError, match=r"movie\.tif is a file, not a folder"):
        restore_file(source, tmp_path / below, centred)
    with pytest.raises(StorageError, match="is a folder: name the OME-TIFF"):
        restore_file(source, tmp_path, centred, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["movie.tif"]


def test_a_movie_that_ends_in_the_middle_leaves_nothing(
    tmp_path: Path, centred: Restorer
) -> None:
    folder = tmp_path / "movie"
    folder.mkdir()
    for n in range(4):
        tifffile.imwrite(folder / f"{n}.tif", noisy(20 + (n == 3), 20))
    with pytest.raises(StorageError, match=r"3\.tif is \(21, 20\) .* keep one kind"):
        restore_file(folder, tmp_path / "new" / "out.tif", centred)
    assert [p.name for p in tmp_path.iterdir()] == ["movie"]


def test_a_disk_without_room(
    source: Path,
    tmp_path: Path,
    centred: Restorer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pssr_live.storage.disk.free_bytes", lambda path: 10**4)
    with pytest.raises(StorageError, match=r"needs .* free; free some"):
        restore_file(source, tmp_path / "new" / "out.tif", centred)
    assert [p.name for p in tmp_path.iterdir()] == ["movie.tif"]


def test_a_misspelt_name_is_seen_by_a_type_checker() -> None:
    """A `__getattr__` that a checker sees stands for any name at all."""
    body = ast.parse(Path(pl.__file__).read_text("utf-8")).body
    assert "__getattr__" not in [getattr(one, "name", "") for one in body]
    assert all(hasattr(pl, name) for name in pl.__all__)
    assert not hasattr(pl, "restor")


LIGHT = """
import sys, time
begun = time.perf_counter()
import pssr_live
took = time.perf_counter() - begun
heavy = {"torch", "PyQt6", "PySide6", "qtpy", "pymmcore", "pymmcore_plus", "numpy"}
print(took, sorted(heavy & set(sys.modules)))
"""


def test_the_import_is_light() -> None:
    """Below 0.3 s (measured: 1 ms), with nothing heavy loaded."""
    told = [
        subprocess.run(
            [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
        ).stdout.split(maxsplit=1)
        for _ in range(3)
    ]
    assert min(float(seconds) for seconds, _ in told) < 0.3
    assert {loaded.strip() for _, loaded in told} == {"[]"}


def test_an_array_that_no_engine_restored_is_told_in_the_log(
    two_engines: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    movie = noisy(6, 24, 32)
    pl.restore(movie, model=MODEL, engine="bicubic")
    pl.restore(movie, model=MODEL)
    assert not caplog.records
    real, calls = Failing.run, []

    def fail_late(self: Failing, *window: Any) -> Any:
        calls.append(self)
        self.fails = len(calls) > 5  # the self-test is one
        return real(self, *window)

    monkeypatch.setattr(Failing, "run", fail_late)
    pl.restore(movie, model=MODEL)
    assert "of 6 frames the last 2 are interpolated, NOT restored" in caplog.text
