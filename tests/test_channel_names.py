"""A channel has the name that its events say, or none; never that of another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tifffile
from useq import MDAEvent, MDASequence, Position

from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.feedback.feed import AXIS
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.metadata import ome_root
from pssr_live.storage.movie import open_movie

MODEL = "fluo-sf-x4"
OWN = MDASequence(
    channels=["DAPI"],
    stage_positions=[
        Position(x=0),
        Position(x=5, sequence=MDASequence(channels=["Cy5", "FITC"])),
    ],
)
EVENTS = [
    MDAEvent(channel=name, index={"t": t, "c": c})
    for t in range(2)
    for c, name in enumerate(["FITC", "DAPI"])
]


@pytest.fixture(scope="module")
def core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setProperty("Camera", "OnCameraCCDXSize", 32)
    core.setProperty("Camera", "OnCameraCCDYSize", 24)
    core.setExposure(1)
    yield core
    close_core(core)


def record(core: ScanCore, run: Any, save: Path, *, fed: bool = False) -> Path:
    with LiveRestoration(MODEL, save, core=core) as live:
        core.mda.run(live.feed(run) if fed else run, output=live)
    return save


def said(path: Path) -> list[tuple[Any, str]]:
    """Return the place and the channel name of each frame, as the file tells them."""
    with open_movie(path) as movie:
        frames = list(movie.frames())
    return [(f.index.get("p", f.index["c"]), f.channel_name) for f in frames]


def ome_names(path: Path) -> list[str | None]:
    with tifffile.TiffFile(path) as tiff:
        root = ome_root(tiff.ome_metadata or "")
    return [one.get("Name") for one in root.iterfind(".//{*}Channel")]


@pytest.mark.parametrize("fed", [False, True])
def test_a_position_with_channels_of_its_own_has_their_names(
    core: ScanCore, tmp_path: Path, fed: bool
) -> None:
    save = record(core, OWN, tmp_path / "s", fed=fed)
    for file in (save / "raw.ome.tiff", save / "restored.ome.tiff"):
        assert said(file) == [(0, "DAPI"), (1, "Cy5"), (1, "FITC")]
        assert ome_names(file) == ["DAPI", "Cy5", "FITC"]


@pytest.mark.parametrize("run", [list, iter])
def test_events_without_a_sequence_keep_their_names(
    core: ScanCore, tmp_path: Path, run: Any
) -> None:
    save = record(core, run(EVENTS), tmp_path / "s")
    expected = [(0, "FITC"), (1, "DAPI")] * 2
    for file in (save / "raw.ome.tiff", save / "restored.ome.tiff"):
        assert said(file) == expected
        assert ome_names(file) == ["FITC", "DAPI"]
    restorer = Restorer(MODEL)
    restore_file(save, tmp_path / "again.tif", restorer)
    restorer.close()
    assert said(tmp_path / "again.tif") == expected
    assert ome_names(tmp_path / "again.tif") == ["FITC", "DAPI"]


def test_names_survive_a_restoration_where_places_differ(
    core: ScanCore, tmp_path: Path
) -> None:
    save = record(core, OWN, tmp_path / "s")
    restorer = Restorer(MODEL)
    restore_file(save, tmp_path / "again.tif", restorer)
    restorer.close()
    shutil.rmtree(save)
    assert said(tmp_path / "again.tif") == [(0, "DAPI"), (1, "Cy5"), (1, "FITC")]
    assert ome_names(tmp_path / "again.tif") == ["DAPI", "Cy5", "FITC"]


def test_what_was_planned_is_not_told_twice(core: ScanCore, tmp_path: Path) -> None:
    save = record(core, MDASequence(channels=["DAPI", "FITC"]), tmp_path / "s")
    with open_movie(save) as raw:
        assert raw.channel_names == ("DAPI", "FITC")
        assert raw.channels_told == ()
    assert ome_names(save / "raw.ome.tiff") == ["DAPI", "FITC"]


def test_the_channel_of_an_answer_is_not_called_like_one_of_the_plan(
    core: ScanCore, tmp_path: Path
) -> None:
    answers = iter([MDASequence(channels=["Cy5", "FITC"])])
    live = LiveRestoration(MODEL, tmp_path / "s", core=core)
    live.on_restored(lambda restored: next(answers, None))
    with live:
        plan = MDASequence(channels=["DAPI"], time_plan={"interval": 0, "loops": 3})
        core.mda.run(live.feed(plan, in_step=True), output=live)
    for file in (tmp_path / "s" / "raw.ome.tiff", tmp_path / "s" / "restored.ome.tiff"):
        with open_movie(file) as movie:
            told = {(AXIS in f.index, f.channel_name) for f in movie.frames()}
        assert told == {(False, "DAPI"), (True, "Cy5"), (True, "FITC")}
        names = ome_names(file)
        assert names[0] == "DAPI" and {"Cy5", "FITC"} <= set(names[1:])
        assert "DAPI" not in names[1:]


def test_frames_of_a_plan_without_channels_have_no_name_of_an_answer(
    core: ScanCore, tmp_path: Path
) -> None:
    answers = iter([MDAEvent(channel="Cy5")])
    live = LiveRestoration(MODEL, tmp_path / "s", core=core)
    live.on_restored(lambda restored: next(answers, None))
    with live:
        plan = [MDAEvent(index={"t": t}) for t in range(3)]
        core.mda.run(live.feed(plan, in_step=True), output=live)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        said = {(AXIS in f.index, f.channel_name) for f in raw.frames()}
    assert said == {(False, ""), (True, "Cy5")}
