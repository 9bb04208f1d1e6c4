"""Sessions that end as a kill would end them, and what must be true once mended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from pssr_live.frame import Frame
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import open_movie
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder

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
