"""TIFF files of other programs whose pixels are not quite what they seem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from test_storage_movie import stack

from pssr_live.storage.movie import open_movie


def test_a_movie_in_several_files_is_read_from_any(tmp_path: Path) -> None:
    frames = stack(4)
    ids = [f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in range(2)]
    planes = "".join(
        f'<TiffData FirstT="{t}" IFD="{t % 2}" PlaneCount="1">'
        f'<UUID FileName="{t // 2}.ome.tif">{ids[t // 2]}</UUID></TiffData>'
        for t in range(4)
    )
    for n in range(2):
        xml = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[n]}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="5" SizeZ="1" '
            f'SizeC="1" SizeT="4"><Channel ID="Channel:0:0" />{planes}</Pixels></Image>'
            "</OME>"
        )
        with tifffile.TiffWriter(tmp_path / f"{n}.ome.tif") as file:
            for t, frame in enumerate(frames[2 * n : 2 * n + 2]):
                about = {"description": xml} if t == 0 else {}
                file.write(frame, metadata=None, contiguous=False, **about)
    for n in range(2):
        with open_movie(tmp_path / f"{n}.ome.tif") as movie:
            np.testing.assert_array_equal([f.pixels for f in movie.frames()], frames)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_kept_as_0_is_bright(tmp_path: Path, dtype: str) -> None:
    shown = stack(3, dtype=dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ~shown, photometric="miniswhite", metadata=None)
    with open_movie(path) as movie:
        assert "calls 0 white (MinIsWhite)" in movie.doubt
        np.testing.assert_array_equal([f.pixels for f in movie.frames()], shown)


@pytest.mark.parametrize("imagej", [False, True])
def test_a_look_up_table_for_showing_leaves_the_pixels_alone(
    tmp_path: Path, imagej: bool
) -> None:
    table = np.zeros((3, 256), np.uint16)
    table[1] = 257 * np.arange(256)
    image = stack(1, dtype="uint8")[0]
    path = tmp_path / "a.tif"
    if imagej:  # any table at all
        table[0] = np.random.default_rng(0).integers(0, 65536, 256)
    about = {"description": "ImageJ=1.53k\nimages=1\n", "metadata": None}
    how = about if imagej else {"metadata": None}
    tifffile.imwrite(path, image, photometric="palette", colormap=table, **how)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.frame(0).pixels, image)
