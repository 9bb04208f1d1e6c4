"""Movies that other programs wrote, and files that are no movies at all."""

from __future__ import annotations

import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from pssr_live.errors import StorageError
from pssr_live.frame import series_of
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import array_frames, open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.session import SessionFolder


def stack(*sizes: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    """Return (*sizes, 5, 7) whose planes carry their number in [0, 0]."""
    count = int(np.prod(sizes))
    planes = np.full((count, 5, 7), 9, dtype)
    planes[:, 0, 0] = np.arange(count)
    return planes.reshape(*sizes, 5, 7)


def turns(axes: str, *sizes: int) -> list[dict[str, int]]:
    places = itertools.product(*(range(size) for size in sizes))
    return [dict(zip(axes, at, strict=True)) for at in places]


def ome(axes: str) -> dict[str, Any]:
    return {
        "ome": True,
        "metadata": {
            "axes": axes,
            "PhysicalSizeX": 125.0,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 125.0,
            "PhysicalSizeYUnit": "nm",
            "TimeIncrement": 500.0,
            "TimeIncrementUnit": "ms",
            "Channel": {"Name": ["A", "B"][: 2 if "C" in axes else 1]},
        },
    }


IMAGEJ = {
    "imagej": True,
    "resolution": (8, 8),
    "metadata": {"axes": "TCYX", "unit": "um", "finterval": 0.5},
}
GREY = {"photometric": "minisblack"}
BARE = {**GREY, "metadata": None}


@pytest.mark.parametrize(
    ("array", "how", "indices", "pixel_size_um"),
    [
        (stack(3, 2), ome("TCYX"), turns("tc", 3, 2), 0.125),
        (stack(2, 3), ome("CTYX"), turns("ct", 2, 3), 0.125),
        (stack(2, 2, 3), ome("ZCTYX"), turns("zct", 2, 2, 3), 0.125),
        (stack(4), ome("ZYX"), turns("z", 4), 0.125),
        (stack(3, 2), IMAGEJ, turns("tc", 3, 2), 0.125),
        (stack(6), BARE, turns("t", 6), None),
        (stack(6), GREY, turns("t", 6), None),
        (stack(1)[0], BARE, [{"t": 0}], None),
        (stack(3), {**BARE, "compression": "zlib"}, turns("t", 3), None),
        (stack(3), {**BARE, "tile": (16, 16)}, turns("t", 3), None),
        (stack(3), {**BARE, "bigtiff": True, "byteorder": ">"}, turns("t", 3), None),
        (
            stack(3),
            {**BARE, "resolution": (1e5, 1e5), "resolutionunit": 3},
            turns("t", 3),
            0.1,
        ),
        (
            stack(3),
            {**BARE, "resolution": (72, 72), "resolutionunit": 2},
            turns("t", 3),
            None,
        ),
        (stack(3, dtype="uint8"), BARE, turns("t", 3), None),
        (stack(3, dtype="int16"), BARE, turns("t", 3), None),
    ],
)
def test_movies_of_other_programs(
    tmp_path: Path,
    array: np.ndarray[Any, Any],
    how: dict[str, Any],
    indices: list[dict[str, int]],
    pixel_size_um: float | None,
) -> None:
    path = tmp_path / ("a.ome.tif" if how.get("ome") else "a.tif")
    tifffile.imwrite(path, array, **how)
    with open_movie(path) as movie:
        frames = list(movie.frames())
        assert (movie.shape, movie.dtype) == ((5, 7), array.dtype)
        assert movie.pixel_size_um == pytest.approx(pixel_size_um)
        assert movie.provenance == {}
    assert [f.pixels[0, 0] for f in frames] == list(range(len(indices)))
    assert [f.index for f in frames] == indices
    assert all(f.pixels.dtype == array.dtype for f in frames)
    assert all(f.pixels.dtype.isnative for f in frames)


def test_ome_names_and_times(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", stack(3, 2), **ome("TCYX"))
    with open_movie(tmp_path / "a.ome.tif") as movie:
        assert movie.channel_names == ("A", "B")
        assert [f.time_s for f in movie.frames()] == [0, 0, 0.5, 0.5, 1, 1]
        one = list(movie.frames(series=(("c", 1),)))
    assert [(f.ordinal, f.channel_name) for f in one] == [(1, "B"), (3, "B"), (5, "B")]


def test_positions_are_ome_images(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as out:
        for p in range(2):
            out.write(stack(3) + 10 * p, metadata={"axes": "TYX"})
    with open_movie(path) as movie:
        frames = list(movie.frames())
    assert [f.pixels[0, 0] for f in frames] == [0, 1, 2, 10, 11, 12]
    assert [f.index for f in frames] == turns("pt", 2, 3)


def test_images_appended_one_by_one_are_time(tmp_path: Path) -> None:
    for plane in stack(4):
        tifffile.imwrite(tmp_path / "a.tif", plane, append=True)
    with open_movie(tmp_path / "a.tif") as movie:
        frames = list(movie.frames())
    assert [f.pixels[0, 0] for f in frames] == [0, 1, 2, 3]
    assert [f.index for f in frames] == turns("t", 4)


def test_imagej_stacks_that_are_one_page_and_a_long_tail(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    text = "ImageJ=1.54f\nimages=4\nframes=4\nunit=micron\n"
    array = stack(4)
    tifffile.imwrite(
        path,
        array[0],
        description=text,
        metadata=None,
        resolution=(4, 4),
        byteorder=">",
    )
    with path.open("ab") as out:
        out.write(array[1:].astype(">u2").tobytes())
    with open_movie(path) as movie:
        assert movie.pixel_size_um == 0.25
        assert [f.pixels[0, 0] for f in movie.frames()] == [0, 1, 2, 3]
        np.testing.assert_array_equal(movie.frame(2).pixels, array[2])


def test_a_folder_of_images_is_a_movie_in_natural_order(tmp_path: Path) -> None:
    for t in (0, 1, 2, 10, 11):
        tifffile.imwrite(tmp_path / f"cell_t{t}.TIF", stack(1)[0] + t)
    (tmp_path / "notes.txt").write_text("not an image")
    with open_movie(tmp_path) as movie:
        assert [f.pixels[0, 0] for f in movie.frames()] == [0, 1, 2, 10, 11]
        assert movie.frame(4).index == {"t": 4}
    tifffile.imwrite(tmp_path / "cell_t12.tif", np.zeros((5, 8), "uint16"))
    with open_movie(tmp_path) as movie, pytest.raises(StorageError, match="one kind"):
        movie.frame(5)
    tifffile.imwrite(tmp_path / "cell_t12.tif", stack(3), **BARE)
    with open_movie(tmp_path) as movie, pytest.raises(StorageError, match="by itself"):
        movie.frame(5)


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        # Time in the index tells by itself that 2 is missing before 4.
        (turns("tc", 4, 2), {7}),
        # Without it, 4 has to say that 2, its neighbour in channel 0, is missing.
        (turns("c", 2) * 4, {4, 7}),
    ],
)
def test_a_frame_knows_that_it_lost_its_neighbour(
    tmp_path: Path, indices: list[dict[str, int]], expected: set[int]
) -> None:
    path = tmp_path / "a.ome.tiff"
    layout = RunLayout(tuple(indices))
    with PageFile.create(path, layout, (5, 7), "uint16") as file:
        for n in (0, 1, 3, 4, 5, 6, 7):
            file.write(n, np.full((5, 7), n, "uint16"), after_gap=n == 7)
    with open_movie(path) as movie:
        after = {f.ordinal for f in movie.frames() if f.after_gap}
        with pytest.raises(StorageError, match=r"Frame 2 is not in .* 1 are missing"):
            movie.frame(2)
        with pytest.raises(StorageError, match="Frame 8 is not in"):
            movie.frame(8)
    assert movie.gaps == {7}
    assert after == expected


def read_all(path: Path) -> None:
    with open_movie(path) as movie:
        list(movie.frames())


def rgb(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((6, 7, 3), "uint8"), photometric="rgb")


def planar(path: Path) -> None:
    array = np.zeros((3, 6, 7), "uint8")
    tifffile.imwrite(path, array, photometric="rgb", planarconfig="separate")


def palette(path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 65536, (3, 256), "uint16")
    tifffile.imwrite(
        path, np.zeros((6, 7), "uint8"), photometric="palette", colormap=colours
    )


def two_sizes(path: Path) -> None:
    with tifffile.TiffWriter(path) as out:
        out.write(np.zeros((6, 7), "uint8"))
        out.write(np.zeros((9, 7), "uint8"))


def cut(path: Path, keep: float = 0.6, **how: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 65_000, (64, 64), "uint16")
    tifffile.imwrite(path, noise, **how)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


def absurd(path: Path, **how: Any) -> None:
    """Claim 4 million x 4 million pixels in the directory."""
    tifffile.imwrite(path, np.zeros((64, 64), "uint16"), bigtiff=True, **how)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            if (tag := tiff.pages[0].tags.get(name)) is not None:
                tag.overwrite(4_000_000, dtype="I")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(b"hello, world " * 9), "not a TIFF"),
        (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" * 9), "file: save .* as TIFF"),
        (lambda p: p.write_bytes(b"II*\0\x08\0\0\0"), "cannot be read|no image"),
        (lambda p: p.mkdir(), "holds no .tif"),
        (rgb, r"colour \(RGB\) .* split"),
        (planar, r"colour \(RGB\) .* split"),
        (palette, "by number .* convert it to grey"),
        (two_sizes, "2 sizes"),
        (cut, "cut short"),
        (lambda p: cut(p, compression="zlib"), "cut short"),
        (lambda p: cut(p, 0.01), "cannot be read|no image|not a TIFF"),
        (absurd, "cannot be read|damaged|cut short"),
        (lambda p: absurd(p, compression="zlib"), "cannot be read|damaged|no memory"),
        (lambda p: tifffile.imwrite(p, np.zeros((4, 4), "f4")), "float32 .* uint16"),
        (lambda p: tifffile.imwrite(p, np.zeros((4, 4), "u4")), "uint32 .* uint16"),
        (lambda p: tifffile.imwrite(p, np.zeros((4, 4), "c8")), "complex64"),
        (lambda p: tifffile.imwrite(p, np.zeros((4, 4), "?")), "bool"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, make: Any, message: str) -> None:
    path = tmp_path / "a.tif"
    make(path)
    with pytest.raises(StorageError, match=message) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_our_own_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    with PageFile.create(path, RunLayout(), (64, 64), "uint16") as file:
        for n in range(9):
            file.write(n, np.zeros((64, 64), "uint16"))
    whole = path.read_bytes()
    for keep in (0.2, 0.5, 0.95):
        path.write_bytes(whole[: int(keep * len(whole))])
        with pytest.raises(StorageError), open_movie(path) as movie:
            list(movie.frames())


@pytest.mark.parametrize("compression", ["lzw", "zstd"])
def test_a_missing_codec_names_the_package_to_install(
    tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), "uint16"), compression=compression)
    code = (
        "import sys; sys.modules['imagecodecs'] = None\n"
        "from pathlib import Path\n"
        "from pssr_live.storage.movie import open_movie\n"
        "with open_movie(Path(sys.argv[1])) as movie: movie.frame(0)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True
    )
    assert "StorageError" in child.stderr
    assert "pip install imagecodecs" in child.stderr


def test_each_image_of_axes_without_names_has_a_place(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    images = np.arange(12, dtype="uint16").repeat(64).reshape(2, 3, 2, 8, 8)
    tifffile.imwrite(path, images, photometric="minisblack")
    with open_movie(path) as movie:
        indices = [movie.layout.index_of(n) for n in range(12)]
        assert len({series_of(index) for index in indices}) == 6
        assert [index["t"] for index in indices] == [0] * 6 + [1] * 6
        for series in {series_of(index) for index in indices}:
            one, other = (frame.pixels[0, 0] for frame in movie.frames(series))
            assert other - one == 6


@pytest.mark.parametrize("how", ["deflated", "ours"])
def test_many_threads_read_one_movie(tmp_path: Path, how: str) -> None:
    path = tmp_path / "movie.ome.tiff"
    pixels = np.random.default_rng(0).integers(0, 999, (30, 64, 64)).astype("uint16")
    if how == "ours":
        with PageFile.create(path, RunLayout(), (64, 64), "uint16") as file:
            for ordinal, page in enumerate(pixels):
                file.write(ordinal, page)
    else:
        tifffile.imwrite(path, pixels, compression="zlib", **BARE)
    with open_movie(path) as movie, ThreadPoolExecutor(8) as threads:
        asked = [*range(30)] * 8
        for ordinal, frame in zip(asked, threads.map(movie.frame, asked), strict=True):
            np.testing.assert_array_equal(frame.pixels, pixels[ordinal])
    with pytest.raises(
        StorageError, match=r"movie\.ome\.tiff was closed: read its frames"
    ):
        movie.frame(0)


def test_arrays_are_movies_too() -> None:
    frames = array_frames(stack(3), pixel_size_um=0.2)
    assert [(f.ordinal, f.index["t"], f.pixels[0, 0]) for f in frames] == [
        (0, 0, 0),
        (1, 1, 1),
        (2, 2, 2),
    ]
    assert frames[0].pixel_size_um == 0.2
    assert len(array_frames(stack(1)[0])) == 1
    assert array_frames(stack(2).astype(">u2"))[1].pixels.dtype.isnative


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, "uint8"), r"shape \(3,\) is no movie"),
        (np.zeros((0, 4, 4), "uint8"), "is no movie"),
        (np.zeros((2, 3, 4, 5), "uint8"), "is no movie"),
        (np.zeros((64, 64, 3), "uint8"), "looks like RGB"),
        (np.zeros((4, 4)), "float64 pixels"),
    ],
)
def test_arrays_that_are_no_movies(array: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(StorageError, match=message):
        array_frames(array)


@pytest.mark.parametrize("status", ["running", "success"])
def test_the_folder_of_a_session_is_its_raw_file(tmp_path: Path, status: Any) -> None:
    folder = SessionFolder.create(tmp_path / "s")
    with PageFile.create(folder.raw, RunLayout(), (8, 8), "uint16") as raw:
        raw.write(0, np.full((8, 8), 3, np.uint16))
    tifffile.imwrite(folder.restored, np.zeros((32, 32), np.uint16))
    folder.write_status(status)
    with open_movie(folder.path) as movie:
        assert len(movie) == 1
        assert (movie.frame(0).pixels == 3).all()
