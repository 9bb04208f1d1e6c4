"""The microscope is as it was after a run, however the run ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymmcore_plus.core import FocusDirection
from pymmcore_plus.experimental.unicore import CameraDevice
from pymmcore_plus.mda import MDAEngine
from sessions import LIVE, pixels, timelapse
from useq import MDASequence

from pssr_live.errors import ScannerError
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hardware_kept import hardware_kept
from pssr_live.scanners.hardware_state import HardwareState
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.patience import patient
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.stage import StagePosition
from pssr_live.storage.session import SessionFolder

SIZE = [["Camera", "OnCameraCCDXSize", 64], ["Camera", "OnCameraCCDYSize", 64]]


@pytest.fixture(scope="module")
def core() -> Iterator[ScanCore]:
    core = open_core(Path("MMConfig_demo.cfg"))
    core.setProperty("Camera", "Gain", 3)
    core.setExposure(7)
    core.setROI(32, 16, 256, 128)
    core.setConfig("Channel", "Cy5")
    core.setXYPosition(50, 60)
    core.setZPosition(5)
    core.setFocusDirection("Z", 1)
    core.waitForSystem()
    yield core
    close_core(core)


def state(core: ScanCore) -> dict[str, Any]:
    """Return everything that a run may change."""
    core.waitForSystem()
    x, y = core.getXYPosition()
    return {
        "properties": [
            core.getProperty("Camera", name)
            for name in ("OnCameraCCDXSize", "Binning", "Gain", "Exposure")
        ],
        "roi": core.getROI(),
        "channel": core.getCurrentConfig("Channel"),
        "shutter": (core.getAutoShutter(), core.getShutterOpen()),
        "stage": [round(v, 1) for v in (x, y, core.getZPosition())],
        "timeouts": core.getTimeoutMs(),
    }


def everything(loops: int = 2, **more: Any) -> MDASequence:
    return timelapse(
        loops,
        0.01,
        channels=[{"config": "DAPI", "exposure": 1}, {"config": "FITC", "exposure": 2}],
        stage_positions=[{"x": 0, "y": 0, "z": 0}, {"x": 100, "y": 0, "z": 2}],
        setup={"properties": [*SIZE, ["Camera", "Binning", 2], ["Camera", "Gain", 0]]},
        **more,
    )


def session(core: ScanCore, folder: Path, **more: Any) -> LiveRestoration:
    return LiveRestoration(LIVE, folder, engine="bicubic", core=core, **more)


# -- after a run ---------------------------------------------------------------------


def test_after_a_success(core: ScanCore, tmp_path: Path) -> None:
    before = state(core)
    report = acquire(core, everything(), session(core, tmp_path / "s"))
    assert report["frames_acquired"] == 8
    assert not [said for said in report["warnings"] if "put back" in said]
    assert state(core) == before


def test_after_an_error(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, images = state(core), iter(range(2))
    get_image = core.getImage

    def fail_third(*channel: int) -> Any:
        if next(images, None) is None:
            raise RuntimeError("the beam is lost")
        return get_image(*channel)

    monkeypatch.setattr(core, "getImage", fail_third)
    with pytest.raises(ScannerError, match="the beam is lost; the frames until then"):
        acquire(core, everything(), session(core, tmp_path / "s"))
    assert state(core) == before
    assert len(pixels(tmp_path / "s" / "raw.ome.tiff")) == 2


def test_before_the_first_frame(core: ScanCore, tmp_path: Path) -> None:
    before = state(core)
    wrong = everything(metadata={}).replace(
        setup={"properties": [*SIZE, ["Camera", "Binning", 3]]}
    )
    with pytest.raises(ScannerError, match="cannot set Camera-Binning to 3"):
        acquire(core, wrong, session(core, tmp_path / "s"))
    assert state(core) == before
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("kind", ["once", "in a script"])
def test_after_ctrl_c(core: ScanCore, tmp_path: Path, kind: str) -> None:
    before = state(core)
    presses = iter([lambda: os.kill(os.getpid(), signal.SIGINT)])
    live = session(
        core,
        tmp_path / "s",
        on_restored=lambda restored: next(presses, lambda: None)(),
    )
    if kind == "once":
        report = acquire(core, everything(500), live)
        assert report["status"] == "aborted"
    else:
        with (
            pytest.raises(KeyboardInterrupt, match=r"^$"),
            hardware_kept(core, [(d, n) for d, n, _ in SIZE]),
            live,
        ):
            core.setProperty(*SIZE[0])
            core.mda.run(timelapse(500, 0.01), output=live)
    assert state(core) == before


def test_the_stage_stays_where_the_sequence_says_so(
    core: ScanCore, tmp_path: Path
) -> None:
    before = state(core)
    sequence = everything(metadata={"pssr_live": {"leave_stage": True}})
    acquire(core, sequence, session(core, tmp_path / "s"))
    after = state(core)
    assert after["stage"] == [100, 0, 2]
    assert after | {"stage": 0} == before | {"stage": 0}
    core.setXYPosition(50, 60)
    core.setZPosition(5)


def test_what_cannot_be_put_back_is_said(
    core: ScanCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_property = core.setProperty

    def stuck(label: str, name: str, value: Any) -> None:
        if (name, str(value)) == ("Gain", "3"):
            raise RuntimeError("the knob\nis stuck")
        set_property(label, name, value)

    monkeypatch.setattr(core, "setProperty", stuck)
    report = acquire(core, everything(1), session(core, tmp_path / "s"))
    assert report["warnings"][-1:] == [
        "Camera-Gain could not be put back: the knob is stuck; set it by hand."
    ]
    monkeypatch.undo()
    core.setProperty("Camera", "Gain", 3)


# -- the stage -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "at", "first"),
    [
        (FocusDirection.TowardSample, (0, 0, 9), "z"),
        (FocusDirection.TowardSample, (0, 0, 1), "xy"),
        (FocusDirection.AwayFromSample, (0, 0, 9), "xy"),
        (FocusDirection.AwayFromSample, (0, 0, 1), "z"),
    ],
)
def test_the_objective_leaves_the_sample_first(
    core: ScanCore,
    monkeypatch: pytest.MonkeyPatch,
    direction: FocusDirection,
    at: tuple[float, float, float],
    first: str,
) -> None:
    way: list[str] = []
    position = StagePosition((50, 60), 5.0)
    monkeypatch.setattr(core, "getFocusDirection", lambda label: direction)
    monkeypatch.setattr(core, "getXYPosition", lambda: at[:2])
    monkeypatch.setattr(core, "getZPosition", lambda: at[2])
    monkeypatch.setattr(core, "setXYPosition", lambda *to: way.append("xy"))
    monkeypatch.setattr(core, "setZPosition", lambda *to: way.append("z"))
    assert position.put_back(core) == []
    assert way == [first, "z" if first == "xy" else "xy"]


@pytest.mark.parametrize(
    ("at", "way"), [((0, 0, 9), []), ((50, 60, 9), ["z"]), ((0, 0, 5), ["xy"])]
)
def test_an_unknown_direction_is_not_guessed(
    core: ScanCore,
    monkeypatch: pytest.MonkeyPatch,
    at: tuple[float, float, float],
    way: list[str],
) -> None:
    gone: list[str] = []
    unknown = FocusDirection.Unknown
    monkeypatch.setattr(core, "getFocusDirection", lambda label: unknown)
    monkeypatch.setattr(core, "getXYPosition", lambda: at[:2])
    monkeypatch.setattr(core, "getZPosition", lambda: at[2])
    monkeypatch.setattr(core, "setXYPosition", lambda *to: gone.append("xy"))
    monkeypatch.setattr(core, "setZPosition", lambda *to: gone.append("z"))
    said = StagePosition((50, 60), 5.0).put_back(core)
    assert (gone, bool(said)) == (way, not way)


# -- a microscope that is busy, or fails ---------------------------------------------


def test_a_busy_core_is_left_alone(core: ScanCore, tmp_path: Path) -> None:
    before = state(core)
    core.startContinuousSequenceAcquisition()
    with pytest.raises(ScannerError, match="busy with a live view or a sequence: stop"):
        acquire(core, everything(), session(core, tmp_path / "live"))
    assert core.isSequenceRunning()
    core.stopSequenceAcquisition()
    started = threading.Event()
    core.mda.events.frameReady.connect(started.set)
    runner = core.run_mda(timelapse(500, 0.01))
    assert started.wait(60)
    with pytest.raises(
        ScannerError, match="is busy with another run: wait for its end"
    ):
        acquire(core, everything(), session(core, tmp_path / "second"))
    core.mda.events.frameReady.disconnect(started.set)
    core.mda.cancel()
    runner.join()
    untouched = {"properties", "roi", "channel", "stage"}
    after = state(core)
    assert {what: after[what] for what in untouched} == {
        what: before[what] for what in untouched
    }
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_cannot_be_read(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*words: str) -> str:
        raise RuntimeError("no answer")

    monkeypatch.setattr(core, "getProperty", fail)
    with pytest.raises(
        ScannerError, match="Camera-Gain cannot be read: no answer; che"
    ):
        HardwareState.read(core, [("Camera", "Gain")])


class Silent(CameraDevice):
    """A camera that gives two frames and then hangs."""

    def get_exposure(self) -> float:
        return 1.0

    def set_exposure(self, exposure: float) -> None: ...

    def shape(self) -> tuple[int, int]:
        return 32, 32

    def dtype(self) -> str:
        return "uint16"

    def start_sequence(
        self, n: int | None, get_buffer: Callable[..., Any]
    ) -> Iterator[Mapping[str, Any]]:
        for _ in range(2):
            get_buffer(self.shape(), self.dtype())[:] = 7
            yield {}
        stop: Any = threading.current_thread().stop_event  # type: ignore[attr-defined]
        stop.wait(60)


def test_a_camera_that_stops_delivering(tmp_path: Path) -> None:
    core = open_core(None)
    core.loadPyDevice("Silent", Silent())
    core.initializeDevice("Silent")
    core.setCameraDevice("Silent")
    core.register_mda_engine(MDAEngine(core, timeout_base=2, timeout_first_frame=2))
    with pytest.raises(
        ScannerError, match="'Silent' stopped delivering frames, and wa"
    ):
        acquire(core, timelapse(10), session(core, tmp_path / "s"))
    assert len(pixels(tmp_path / "s" / "raw.ome.tiff")) == 2
    assert SessionFolder(tmp_path / "s").read_status()["status"] == "failed"
    close_core(core)


def test_slow_frames_are_waited_for(core: ScanCore) -> None:
    engine = core.mda.engine
    assert isinstance(engine, MDAEngine)
    before = engine.timeout_base, engine.timeout_first_frame, core.getTimeoutMs()
    with patient(core, 60):
        assert (engine.timeout_base, engine.timeout_first_frame) == (300, 300)
        assert core.getTimeoutMs() == 300_000
    with patient(core, 0.001):
        assert engine.timeout_base == before[0]
    after = engine.timeout_base, engine.timeout_first_frame, core.getTimeoutMs()
    assert after == before
