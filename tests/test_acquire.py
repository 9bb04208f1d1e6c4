"""Runs of many dimensions on a C++ camera, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from useq import MDAEvent, MDASequence

from pssr_live.errors import ScannerError
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.sequence_check import check_sequence
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import read_log

LIVE = "mito-mf5-x4-live"
SMALL = [["Camera", "OnCameraCCDXSize", 48], ["Camera", "OnCameraCCDYSize", 32]]


# -- running -------------------------------------------------------------------------


class Collector:
    """What the MDA engine gave, by index; a second output beside ours."""

    def __init__(self) -> None:
        self.images: dict[tuple[int, ...], np.ndarray[Any, Any]] = {}

    def frameReady(self, image: np.ndarray[Any, Any], event: MDAEvent) -> None:
        self.images[_key(event.index)] = image


def _key(index: Any) -> tuple[int, ...]:
    return tuple(index[axis] for axis in "tpcz")


@pytest.mark.parametrize("order", ["tpcz", "pczt"])
def test_positions_channels_and_planes_keep_apart(
    demo_core: ScanCore, tmp_path: Path, order: str
) -> None:
    sequence = MDASequence(
        axis_order=order,
        time_plan={"interval": 0, "loops": 4},
        stage_positions=[{"x": 0, "y": 0}, {"x": 100, "y": 0}],
        channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 1}],
        z_plan={"range": 2, "step": 1},
        setup=MDAEvent(properties=SMALL),
        metadata={"pssr_live": {"mine": True}},
    )
    check_sequence(demo_core, sequence)
    seen = Collector()
    with LiveRestoration(LIVE, tmp_path / "s", core=demo_core) as live:
        demo_core.mda.run(sequence, output=[live, seen])
    report = live.report
    assert (report["status"], report["frames_restored"]) == ("success", 48)
    with open_movie(tmp_path / "s" / "raw.ome.tiff") as raw:
        assert raw.channel_names == ("DAPI", "FITC")
        assert len(raw) == len(seen.images) == 48
        for n in range(48):
            frame = raw.frame(n)
            np.testing.assert_array_equal(frame.pixels, seen.images[_key(frame.index)])
            assert frame.channel_name == ("DAPI", "FITC")[frame.index["c"]]
        series = [raw.frame(n).series for n in range(48)]
    log = read_log(tmp_path / "s" / "frames.jsonl")
    sources = {n["ordinal"]: n["sources"] for n in log if n["status"] == "restored"}
    for n in range(48):
        assert {series[k] for k in sources[n]} == {series[n]}
        earlier = [k for k in range(n + 1) if series[k] == series[n]]
        assert sources[n] == earlier
    again = tmp_path / "again.ome.tiff"
    restore_file(tmp_path / "s" / "raw.ome.tiff", again, Restorer(LIVE))
    with (
        open_movie(tmp_path / "s" / "restored.ome.tiff") as one,
        open_movie(again) as b,
    ):
        assert one.layout == b.layout
        for n in range(48):
            np.testing.assert_array_equal(one.frame(n).pixels, b.frame(n).pixels)


def test_a_channel_that_changes_the_pixel_size_is_told(
    demo_core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = demo_core.mda.engine  # to turn it, between two snaps
    monkeypatch.setattr(engine, "use_hardware_sequencing", False)
    channels = [{"group": "Objective", "config": name} for name in ("10X", "20X")]
    setup = {"properties": SMALL}
    live = LiveRestoration(LIVE, tmp_path / "s", core=demo_core)
    report = acquire(demo_core, MDASequence(channels=channels, setup=setup), live)
    [said] = [one for one in report["warnings"] if "changed in the run" in one]
    assert "(1 um, then 0.5 um), and the files tell the first for all frames" in said


def lapse(loops: int, **more: Any) -> MDASequence:
    return MDASequence(time_plan={"interval": 0.01, "loops": loops}, **more)


def test_what_the_mda_engine_only_logs_is_in_the_report(
    scanner_core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snap, count = scanner_core.snapImage, iter(range(99))

    def fail_once() -> None:
        if next(count) == 1:
            raise RuntimeError("the shutter is stuck")
        snap()

    monkeypatch.setattr(scanner_core, "snapImage", fail_once)
    live = LiveRestoration(LIVE, tmp_path / "s", core=scanner_core)
    report = acquire(scanner_core, lapse(4), live)
    assert report["status"] == "partial"
    assert report["warnings"] == [
        "Micro-Manager: Failed to snap image. the shutter is stuck"
    ]


def test_an_error_of_the_mda_is_one_sentence(
    scanner_core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*channel: int) -> None:
        raise RuntimeError("the cable\nwas pulled.")

    monkeypatch.setattr(scanner_core, "getImage", fail)
    live = LiveRestoration(LIVE, tmp_path / "s", core=scanner_core)
    with pytest.raises(ScannerError, match="stopped: the cable was pulled; the fra"):
        acquire(scanner_core, lapse(4), live)
    assert live.report["status"] == "failed"


def test_ctrl_c_ends_a_run_cleanly(scanner_core: ScanCore, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    live = LiveRestoration(
        LIVE,
        tmp_path / "s",
        core=scanner_core,
        on_restored=lambda restored: press_ctrl_c() if not pressed else None,
    )
    pressed: list[int] = []

    def press_ctrl_c() -> None:
        pressed.append(1)
        os.kill(os.getpid(), signal.SIGINT)

    report = acquire(scanner_core, lapse(1000), live)
    assert report["status"] == "aborted"
    assert 0 < report["frames_restored"] == report["frames_acquired"] < 1000
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_a_script_leaves_no_thread(
    scanner_core: ScanCore, tmp_path: Path
) -> None:
    """KeyboardInterrupt inside `mda.run` strands pymmcore-plus' relay thread."""

    once = iter([lambda: os.kill(os.getpid(), signal.SIGINT)])
    live = LiveRestoration(
        LIVE,
        tmp_path / "s",
        core=scanner_core,
        on_restored=lambda restored: next(once, lambda: None)(),
    )
    with pytest.raises(KeyboardInterrupt, match=r"^$"), live:
        scanner_core.mda.run(lapse(1000), output=live)
    assert live.report["status"] == "aborted"
    assert live.report["frames_acquired"] > 0
    names = [type(thread).__name__ for thread in threading.enumerate()]
    assert "MDARelayThread" not in names


def test_ctrl_c_during_the_catch_up_closes_the_files(
    scanner_core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pssr_live.pipeline.MOST_WAITING", 0)  # all are deferred

    def press_ctrl_c(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with LiveRestoration(
        LIVE, tmp_path / "s", core=scanner_core, progress=press_ctrl_c
    ) as live:
        scanner_core.mda.run(lapse(8), output=live)
    report = live.report
    assert report["status"] == "partial"
    assert "are not restored; restore them with `pssr-live restore`" in report["reason"]
    assert 2 <= report["frames_restored"] < 8
    with open_movie(tmp_path / "s" / "restored.ome.tiff") as restored:
        assert len(restored) == 8
        assert len(restored.missing) == report["frames_unrestored"]
