"""Every frame at its index, whatever else goes wrong: all axes at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymmcore_plus.mda import MDAEngine
from sessions import LIVE
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import read_log

SEQUENCE = MDASequence(
    axis_order="tpcz",
    time_plan={"interval": 0, "loops": 10},
    stage_positions=[{"x": 0, "y": 0}, {"x": 100, "y": 0}],
    channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
    z_plan={"range": 2, "step": 1},
    setup=MDAEvent(properties=[("Camera", "OnCameraCCDXSize", 32)]),
)
SIZES = {"t": 10, "p": 2, "c": 2, "z": 3}
FRAMES = 120
FAILS = 57


def number_of(index: Any) -> int:
    """Return the place of an index in the order of SEQUENCE."""
    number = 0
    for axis, size in SIZES.items():
        number = number * size + index[axis]
    return number


class MarkingEngine(MDAEngine):
    """Writes time, channel and detector into the pixels."""

    def exec_event(self, event: MDAEvent) -> Iterator[Any]:
        for image, own, meta in super().exec_event(event):
            image = image.copy()
            image[0, :3] = [own.index[axis] for axis in ("t", "c", "cam")]
            yield image, own, meta


class NumberedEngine(MDAEngine):
    """Writes each event's number into the pixels, as a camera that knew it would."""

    def exec_event(self, event: MDAEvent) -> Iterator[Any]:
        for image, *rest in super().exec_event(event):
            image = image.copy()
            image[0, 0] = number_of(event.index)
            yield (image, *rest)


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setProperty("Camera", "PixelType", "16bit")
    core.setProperty("Camera", "OnCameraCCDYSize", 32)
    core.mda.set_engine(NumberedEngine(core, use_hardware_sequencing=False))
    yield core
    close_core(core)


def test_a_failed_snap_shifts_nothing(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snap, calls = core.snapImage, iter(range(FRAMES))

    def snap_or_fail() -> None:
        if next(calls) == FAILS:
            raise RuntimeError("the shutter is stuck")
        snap()

    monkeypatch.setattr(core, "snapImage", snap_or_fail)
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    report = acquire(core, SEQUENCE, live)
    assert report["status"] == "partial"
    assert (report["frames_acquired"], report["frames_lost"]) == (FRAMES - 1, 1)
    assert report["frames_restored"] == FRAMES - 1
    with (
        open_movie(tmp_path / "s" / "raw.ome.tiff") as raw,
        open_movie(tmp_path / "s" / "restored.ome.tiff") as restored,
    ):
        assert raw.missing == restored.missing == {FAILS}
        assert raw.layout == restored.layout
        frames = {n: raw.frame(n) for n in range(FRAMES) if n != FAILS}
    for n, frame in frames.items():
        assert frame.pixels[0, 0] == n == number_of(frame.index)
    log = read_log(tmp_path / "s" / "frames.jsonl")
    lines = [line for line in log if line["status"] == "restored"]
    assert len(lines) == FRAMES - 1
    for line in lines:
        made = [frames[k] for k in line["sources"]]
        assert {frame.series for frame in made} == {frames[line["ordinal"]].series}
        times = [frame.index["t"] for frame in made]
        assert np.all(np.diff(times) == 1)  # no window spans what was lost
        assert times[-1] == frames[line["ordinal"]].index["t"]


@pytest.mark.parametrize("sequenced", [False, True])
def test_each_detector_is_a_series(
    core: ScanCore, tmp_path: Path, sequenced: bool
) -> None:
    core.loadDevice("Second", "DemoCamera", "DCam")
    core.loadDevice("Both", "Utilities", "Multi Camera")
    for label in ("Second", "Both"):
        core.initializeDevice(label)
    for label in ("Camera", "Second"):
        core.setProperty(label, "PixelType", "16bit")
        core.setProperty(label, "OnCameraCCDXSize", 32)
        core.setProperty(label, "OnCameraCCDYSize", 32)
    core.setProperty("Both", "Physical Camera 1", "Camera")
    core.setProperty("Both", "Physical Camera 2", "Second")
    core.setCameraDevice("Both")
    core.mda.set_engine(MarkingEngine(core, use_hardware_sequencing=sequenced))
    sequence = MDASequence(
        axis_order="ct",
        time_plan={"interval": 0, "loops": 6},
        channels=["DAPI", "FITC"],
    )
    seen: list[tuple[int, int]] = []
    live = LiveRestoration(LIVE, tmp_path / "s", core=core)
    report = acquire(core, sequence, live, lambda *at: seen.append(at))
    assert (report["status"], report["frames_restored"]) == ("success", 24)
    assert seen[-1] == (24, 24)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        frames = {n: raw.frame(n) for n in range(24)}
    for frame in frames.values():
        marks = [frame.index[axis] for axis in ("t", "c", "cam")]
        assert frame.pixels[0, :3].tolist() == marks
    log = read_log(tmp_path / "s" / "frames.jsonl")
    for line in (line for line in log if line["status"] == "restored"):
        series = {frames[k].series for k in line["sources"]}
        assert series == {frames[line["ordinal"]].series}
    with (
        pytest.raises(ScannerError, match="gives 2 frames an event"),
        LiveRestoration(LIVE, tmp_path / "t", core=core) as live,
    ):
        live.feed(sequence)
