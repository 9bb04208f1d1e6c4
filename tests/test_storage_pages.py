"""PageFile: any order of writing gives the right file, for us and for others."""

from __future__ import annotations

import itertools
import logging
import tempfile
import threading
from pathlib import Path

import numpy as np
import ome_types
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from pssr_live.errors import SettingsError, StorageError
from pssr_live.frame import Pixels
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile

SHAPE = (5, 7)


def numbered(ordinal: int, shape: tuple[int, int] = SHAPE, dtype: str = "uint16"):
    pixels = np.full(shape, 7, dtype)
    pixels[0, 0] = ordinal
    return pixels


def in_time(count: int) -> RunLayout:
    return RunLayout(tuple({"t": t} for t in range(count)))


def loops(**sizes: int) -> RunLayout:
    turns = itertools.product(*(range(size) for size in sizes.values()))
    return RunLayout(tuple(dict(zip(sizes, at, strict=True)) for at in turns))


@pytest.fixture(autouse=True)
def _no_complaints(caplog: pytest.LogCaptureFixture):
    yield
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("shape", [(1, 1), (127, 333), (64, 64)])
def test_foreign_readers_see_what_was_written(
    tmp_path: Path, shape: tuple[int, int], dtype: str
) -> None:
    path = tmp_path / "a.ome.tiff"
    with PageFile.create(path, loops(t=3, c=2), shape, dtype, 0.125) as file:
        for n in range(6):
            file.write(n, numbered(n, shape, dtype))
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        assert tiff.series[0].get_axes(squeeze=False)[:3] == "TCZ"
        # 80 000 pixels a centimetre
        assert tiff.pages[0].resolution == (80_000, 80_000)
    read = tifffile.imread(path)
    assert read.dtype == dtype
    assert read.shape == (3, 2, *shape)
    assert read[:, :, 0, 0].ravel().tolist() == list(range(6))
    assert ome_types.from_tiff(path).images[0].pixels.physical_size_x == 0.125


def test_the_first_pixel_size_and_names_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    layout = RunLayout(loops(t=2, c=2).indices, ("A", "B"), 0.5)
    file = PageFile.create(path, layout, SHAPE, "uint8", 0.1, kind="restored")
    for n in range(4):
        file.write(n, numbered(n, dtype="uint8"), after_gap=n == 2)
    file.close({"model": "m", "sources": [1, 2]})
    with open_movie(path) as movie:
        assert movie.pixel_size_um == 0.1
        assert movie.channel_names == ("A", "B")
        assert movie.layout == layout
        assert movie.gaps == {2}
        assert movie.provenance["kind"] == "restored"
        assert movie.provenance["details"] == {"model": "m", "sources": [1, 2]}
        frames = list(movie.frames())
    assert [f.after_gap for f in frames] == [False, False, True, False]
    assert [f.channel_name for f in frames] == ["A", "B", "A", "B"]
    assert [f.time_s for f in frames] == [0, 0, 0.5, 0.5]


def test_a_page_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    with PageFile.create(path, in_time(100), SHAPE, "uint16") as file:
        for n in range(4):
            file.write(n, numbered(n))
            assert file.read(n)[0, 0] == n
            read = tifffile.imread(path).reshape(-1, *SHAPE)
            assert read[:, 0, 0].tolist() == list(range(n + 1))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_order_of_writing_gives_the_right_file(data: st.DataObject) -> None:
    sizes = data.draw(st.sampled_from([{"t": 6}, {"t": 3, "c": 2}, {"t": 2, "p": 3}]))
    order = data.draw(st.permutations(range(6)))
    written = order[: data.draw(st.integers(1, 6))]
    pad_to = data.draw(st.sampled_from([None, 6]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.tiff"
        file = PageFile.create(path, loops(**sizes), SHAPE, "uint16")
        for n in written:
            file.write(n, numbered(n))
        pages = 6 if pad_to else max(written) + 1
        file.close(pad_to=pad_to)
        missing = set(range(pages)) - set(written)
        assert set(file.missing()) == missing
        assert len(file) == pages
        with open_movie(path) as movie:
            assert len(movie) == pages
            assert movie.missing == missing
            assert [f.ordinal for f in movie.frames()] == sorted(written)
            assert all(f.pixels[0, 0] == f.ordinal for f in movie.frames())
        assert_foreign_agrees(path, loops(**sizes), set(written), pages)


def assert_foreign_agrees(
    path: Path, layout: RunLayout, written: set[int], pages: int
) -> None:
    """Check that tifffile finds each frame at its place, and zeros elsewhere."""
    with tifffile.TiffFile(path) as tiff:
        images = [s.asarray(squeeze=False)[..., 0, 0, 0] for s in tiff.series]
    expected = [np.zeros_like(image) for image in images]
    for n in written:
        image, t, c, z = layout.place(n)
        expected[image][t, c, z] = n
    for image, right in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, right)
    ome = ome_types.from_tiff(path)
    boxes = [(i.pixels.size_t, i.pixels.size_c, i.pixels.size_z) for i in ome.images]
    assert sum(t * c * z for t, c, z in boxes) >= pages


def test_a_channel_taken_every_third_time_leaves_no_reader_confused(
    tmp_path: Path,
) -> None:
    indices = [
        {"t": t, "c": c} for t in range(5) for c in range(2) if c == 0 or t % 3 == 0
    ]
    path = tmp_path / "a.ome.tiff"
    layout = RunLayout(tuple(indices))
    with PageFile.create(path, layout, SHAPE, "uint16") as file:
        for n in range(len(indices)):
            file.write(n, numbered(n))
    assert_foreign_agrees(path, layout, set(range(len(indices))), len(indices))
    with open_movie(path) as movie:
        assert len(movie) == len(indices)
        assert [f.index for f in movie.frames()] == indices


@pytest.mark.parametrize("note", ["", "x" * 20_000])  # the text in its room, and not
def test_positions_that_lack_planes_are_read_by_others(
    tmp_path: Path, note: str
) -> None:
    indices = [
        {"t": t, "p": p, "c": c, "z": z}
        for t in range(3)
        for p in range(3)
        for c in range(2)
        for z in range(2)
        if p == 1 or c == 0 or (z == 1 and t != 1)
    ]
    layout = RunLayout(tuple(indices))
    path = tmp_path / "a.ome.tiff"
    file = PageFile.create(path, layout, SHAPE, "uint16")
    for n in range(len(indices)):
        file.write(n, numbered(n))
    file.close({"note": note})
    assert_foreign_agrees(path, layout, set(range(len(indices))), len(indices))
    with tifffile.TiffFile(path) as tiff:
        assert [s.shape for s in tiff.series] == [(3, 2, 2, *SHAPE)] * 3
        assert len(tiff.pages) == len(indices) + 2
        blank = tiff.pages[-1].dataoffsets
        assert blank == tiff.pages[-2].dataoffsets  # one page of zeros for both
        assert not tiff.pages[-1].asarray().any()
    with open_movie(path) as movie:
        assert [f.index for f in movie.frames()] == indices


def test_an_unknown_run_learns_its_layout_from_the_events(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    with PageFile.create(path, RunLayout(), SHAPE, "uint16") as file:
        for n in range(6):
            file.write(n, numbered(n), index={"t": n // 2, "c": n % 2})
    assert tifffile.imread(path).shape == (3, 2, *SHAPE)
    with open_movie(path) as movie:
        assert movie.frame(5).index == {"t": 2, "c": 1}


def test_text_that_outgrows_its_room_goes_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    file = PageFile.create(path, in_time(3), SHAPE, "uint16")
    for n in range(3):
        file.write(n, numbered(n))
    before = path.stat().st_size
    file.close({"note": "x" * 10_000})
    assert path.stat().st_size > before
    assert tifffile.imread(path)[:, 0, 0].tolist() == [0, 1, 2]
    with open_movie(path) as movie:
        assert movie.provenance["details"]["note"] == "x" * 10_000


def test_frames_are_read_while_others_are_written(tmp_path: Path) -> None:
    file = PageFile.create(tmp_path / "a.ome.tiff", in_time(200), SHAPE, "uint16")
    wrong: list[int] = []

    def read_all() -> None:
        for n in range(200):
            while len(file) <= n:
                threading.Event().wait(0.0005)
            if file.read(n)[0, 0] != n:
                wrong.append(n)

    reader = threading.Thread(target=read_all)
    reader.start()
    for n in range(200):
        file.write(n, numbered(n))
    reader.join()
    file.close()
    assert wrong == []


def pixels_of(shape: tuple[int, int], dtype: str) -> Pixels:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("ordinal", "pixels", "message"),
    [
        (1, pixels_of((5, 8), "uint16"), r"\(5, 8\) uint16 .* \(5, 7\) uint16"),
        (1, pixels_of(SHAPE, "uint8"), "uint8 .* uint16"),
        (0, pixels_of(SHAPE, "uint16"), "Frame 0 is already"),
        (3, pixels_of(SHAPE, "uint16"), "Frame 3 does not belong .* 3 frames"),
        (-1, pixels_of(SHAPE, "uint16"), "Frame -1 does not belong"),
    ],
)
def test_what_does_not_fit_is_refused_and_harms_nothing(
    tmp_path: Path, ordinal: int, pixels: Pixels, message: str
) -> None:
    path = tmp_path / "a.ome.tiff"
    with PageFile.create(path, in_time(3), SHAPE, "uint16") as file:
        file.write(0, numbered(0))
        with pytest.raises(StorageError, match=message):
            file.write(ordinal, pixels)
        file.write(1, numbered(1))
    assert tifffile.imread(path)[:, 0, 0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((4, 4), "float32"), ((4, 4), "uint32"), ((0, 4), "uint8"), ((4, 4, 3), "uint8")],
)
def test_files_that_cannot_be_are_not_begun(
    tmp_path: Path, shape: tuple[int, int], dtype: str
) -> None:
    path = tmp_path / "a.ome.tiff"
    with pytest.raises(SettingsError, match=r"cannot be recorded; give \(Y, X\)"):
        PageFile.create(path, in_time(3), shape, dtype)
    assert not path.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    path.write_text("mine")
    with pytest.raises(StorageError, match="exists; choose another place, or"):
        PageFile.create(path, in_time(3), SHAPE, "uint16")
    assert path.read_text() == "mine"


def test_missing_and_closed_files_say_so(tmp_path: Path) -> None:
    file = PageFile.create(tmp_path / "a.ome.tiff", in_time(3), SHAPE, "uint16")
    file.write(2, numbered(2))
    for absent in (0, 3, -1):
        with pytest.raises(StorageError, match=f"Frame {absent} is not in"):
            file.read(absent)
    file.close()
    file.close()
    with pytest.raises(StorageError, match=r"after .* was closed"):
        file.write(0, numbered(0))
    with pytest.raises(StorageError, match="cannot be read back"):
        file.read(2)


def test_a_run_without_a_frame_leaves_no_file(tmp_path: Path) -> None:
    PageFile.create(tmp_path / "a.ome.tiff", in_time(3), SHAPE, "uint16").close()
    assert list(tmp_path.iterdir()) == []
