"""Sequences: pace, MDA, cancelling, failing, and a buffer that loses nothing."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import useq
from pymmcore_plus.experimental.unicore import CameraDevice, UniMMCore
from pymmcore_plus.mda import FinishReason, MDAEngine
from sessions import wait_until

from pssr_live.errors import ScannerError
from pssr_live.samples.optics import ScanGrid
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import (
    SimulatedScanner,
    density_setup,
    device,
    scanner_of,
    simulated_config,
)


@pytest.fixture
def core() -> Iterator[ScanCore]:
    core = open_core(simulated_config())
    yield core
    close_core(core)


def set_up(core: ScanCore, **properties: object) -> None:
    for name, value in properties.items():
        core.setProperty("Scanner", name, value)  # type: ignore[arg-type]


def drain(core: ScanCore) -> list[np.ndarray]:
    frames = []
    while core.getRemainingImageCount() or core.isSequenceRunning():
        if core.getRemainingImageCount():
            frames.append(core.popNextImage())
        else:
            time.sleep(0.001)
    return frames


class Collector:
    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.meta: list[Mapping[str, Any]] = []

    def frameReady(self, image: np.ndarray, event: object, meta: Any) -> None:
        self.shapes.append(image.shape)
        self.meta.append(meta)


def run(core: ScanCore, sequence: useq.MDASequence) -> Collector:
    got = Collector()
    core.mda.run(sequence, output=got)
    return got


def streaming(loops: int, resolution: int = 128, **plan: Any) -> useq.MDASequence:
    return useq.MDASequence(
        time_plan={"interval": 0, "loops": loops} | plan,
        setup=useq.MDAEvent(properties=density_setup(resolution)),
    )


def test_frames_come_at_the_pace_of_the_scan(core: ScanCore) -> None:
    set_up(core, Resolution=64, Dwell_us=5)  # 64 x (320 + 100) us = 26.88 ms
    start = time.perf_counter()
    core.startSequenceAcquisition(15, 0, True)
    frames = drain(core)
    took_ms = (time.perf_counter() - start) * 1000
    assert len(frames) == 15
    assert took_ms > 15 * 26.88


def test_what_computing_takes_slows_no_scan_down(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(core, Resolution=64, Dwell_us=5)
    scanner, now_s, due_s = scanner_of(core), 0.0, []

    def wait_until_due(when_s: float) -> bool:
        nonlocal now_s
        due_s.append(when_s)
        now_s = max(now_s, when_s) + 0.02  # and compute the next one
        return True

    clock = SimpleNamespace(perf_counter=lambda: now_s)
    monkeypatch.setattr(device, "time", clock)
    monkeypatch.setattr(scanner, "_wait_until", wait_until_due)
    core.startSequenceAcquisition(15, 0, True)
    assert len(drain(core)) == 15
    assert due_s == pytest.approx([0.02688 * n for n in range(1, 16)])


def test_an_mda_run_streams_at_low_density(core: ScanCore) -> None:
    set_up(core, RealTime="Off")
    got = run(core, streaming(12))
    assert got.shapes == [(128, 128)] * 12
    assert core.mda.status.finish_reason == FinishReason.COMPLETED
    camera = [meta["camera_metadata"] for meta in got.meta]
    assert [meta["ImageNumber"] for meta in camera] == [str(n) for n in range(12)]
    assert [meta["ScanNumber"] for meta in camera] == [str(n) for n in range(12)]
    assert all(meta["pixel_size_um"] == 0.2 for meta in got.meta)
    assert scanner_of(core).frames_scanned == 12
    assert scanner_of(core).truth(11).shape == (512, 512)


@pytest.mark.parametrize("shutter", [False, True])
def test_an_mda_run_with_pauses_snaps(core: ScanCore, shutter: bool) -> None:
    set_up(core, RealTime="Off")
    core.setAutoShutter(shutter)  # there is none
    got = run(core, streaming(4, interval=0.02))
    assert got.shapes == [(128, 128)] * 4
    assert "camera_metadata" not in got.meta[0]
    assert scanner_of(core).frames_scanned == 4


def test_channels_with_exposures_do_not_disturb_the_scan(core: ScanCore) -> None:
    set_up(core, RealTime="Off")
    events = [useq.MDAEvent(index={"t": t}, exposure=10) for t in range(3)]
    core.mda.run(events)
    assert core.getExposure() == pytest.approx(313.344)
    assert scanner_of(core).frames_scanned == 3


def test_an_mda_run_puts_back_what_it_found(core: ScanCore) -> None:
    set_up(core, RealTime="Off")
    core.loadDevice("Z", "DemoCamera", "DStage")
    core.initializeDevice("Z")
    core.setFocusDevice("Z")
    core.setFocusDirection("Z", 1)  # the engine puts nothing back without it
    core.mda.set_engine(MDAEngine(core, restore_initial_state=True))
    assert run(core, streaming(3)).shapes == [(128, 128)] * 3
    assert core.getProperty("Scanner", "Resolution") == 512
    assert core.getROI() == [0, 0, 512, 512]
    assert core.mda.status.finish_reason == FinishReason.COMPLETED


def test_the_engine_waits_for_a_slow_scan(core: ScanCore) -> None:
    set_up(core, Dwell_us=100)  # 26 s for a frame
    core.startSequenceAcquisition(1, 0, True)
    core.stopSequenceAcquisition()
    engine = core.mda.engine
    assert isinstance(engine, MDAEngine)
    assert engine.timeout_base > 5 * 26
    assert engine.timeout_first_frame is not None
    assert engine.timeout_first_frame > 5 * 26


def test_stopping_interrupts_a_long_scan(core: ScanCore) -> None:
    set_up(core, Dwell_us=100)
    core.startContinuousSequenceAcquisition(0)
    wait_until(lambda: scanner_of(core)._scanning)
    core.stopSequenceAcquisition()
    assert_given_up(core)
    assert not core.isSequenceRunning()
    set_up(core, Dwell_us=1, Resolution=32)
    core.startContinuousSequenceAcquisition(0)
    time.sleep(0.1)
    core.stopSequenceAcquisition()
    assert all(frame.shape == (32, 32) for frame in drain(core))


def assert_given_up(core: ScanCore) -> None:
    """Check that a scan was interrupted, and did not come to its end."""
    scanner = scanner_of(core)
    assert (scanner._scanning, scanner.frames_scanned) == (False, 0)


@pytest.mark.parametrize("interval", [0, 0.001])
def test_cancelling_interrupts_a_long_scan(core: ScanCore, interval: float) -> None:
    set_up(core, Dwell_us=100)
    sequence = useq.MDASequence(time_plan={"interval": interval, "loops": 3})
    thread = core.run_mda(sequence)
    wait_until(lambda: scanner_of(core)._scanning)
    core.mda.cancel()
    thread.join(60)
    assert core.mda.status.finish_reason == FinishReason.CANCELED
    assert_given_up(core)
    set_up(core, Dwell_us=1)
    core.snapImage()  # and the scanner is ready again
    assert scanner_of(core).frames_scanned == 1


def test_geometry_is_fixed_while_scanning(core: ScanCore) -> None:
    set_up(core, Resolution=64)
    core.startContinuousSequenceAcquisition(0)
    with pytest.raises(ScannerError, match="cannot change resolution in the middle"):
        set_up(core, Resolution=128)
    with pytest.raises(ScannerError, match="cannot change roi"):
        core.setROI(0, 0, 10, 10)
    with pytest.raises(ScannerError, match="in the middle of a sequence; stop it"):
        core.snapImage()
    set_up(core, Resolution=64, Gain_ADU=20)  # no change, and not geometry
    core.stopSequenceAcquisition()
    set_up(core, Resolution=128)


def test_a_finished_sequence_can_be_changed_at_once(core: ScanCore) -> None:
    set_up(core, Resolution=32, RealTime="Off")
    core.startSequenceAcquisition(3, 0, True)
    while core.getRemainingImageCount() < 3:
        time.sleep(0.001)
    set_up(core, Resolution=64)
    assert [frame.shape for frame in drain(core)] == [(32, 32)] * 3


class Tearing:
    """A sample that comes off the stage."""

    name, field_um = "mito", 25.6

    def scan(self, grid: ScanGrid, row_times_s: np.ndarray) -> np.ndarray:
        if row_times_s[0] > 0.06:
            raise ValueError("the sample is gone")
        return np.ones(grid.shape, np.float32)


def test_a_failing_scanner_ends_the_run_with_its_reason(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_sample", lambda settings: Tearing())
    got = Collector()
    with pytest.raises(ScannerError, match=r"stopped in the middle .* is gone; check"):
        core.mda.run(streaming(10), output=got)
    assert len(got.shapes) == 3
    assert core.mda.status.finish_reason == FinishReason.ERRORED
    assert not core.isSequenceRunning()


def test_an_adapters_last_frames_do_not_slip_between_two_questions() -> None:
    core = open_core(Path("MMConfig_demo.cfg"))
    try:
        core.setExposure(1)
        core.startSequenceAcquisition(2, 0, True)
        frames = []
        # The slowest caller there is: all comes between its two questions.
        while True:
            if core.getRemainingImageCount():
                frames.append(core.popNextImage())
                continue
            time.sleep(0.3)
            if not core.isSequenceRunning():
                break
        assert len(frames) == 2
    finally:
        close_core(core)


def test_the_last_frames_do_not_slip_between_two_questions(
    core: ScanCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(scanner_of(core), "_wait_until", lambda due_s: asked.wait(60))
    core.startSequenceAcquisition(1, 0, True)
    assert core.getRemainingImageCount() == 0
    asked.set()
    wait_until(lambda: not core._scanning())  # the only frame came meanwhile
    assert core.isSequenceRunning()
    assert core.getRemainingImageCount() == 1
    core.popNextImage()
    assert not core.isSequenceRunning()


def test_a_plain_core_can_use_the_scanner_too() -> None:
    core = UniMMCore()
    scanner = SimulatedScanner()
    core.loadPyDevice("Scanner", scanner)
    core.initializeDevice("Scanner")
    core.setCameraDevice("Scanner")
    core.setProperty("Scanner", "Resolution", "64")
    core.snapImage()
    assert core.getImage().shape == (64, 64)
    assert scanner_of(core) is scanner
    for name, value in {"Dwell_us": "100", "Resolution": "256", "Seed": "1"}.items():
        core.setProperty("Scanner", name, value)
    core.startContinuousSequenceAcquisition(0)
    core.stopSequenceAcquisition()
    assert (scanner._scanning, scanner.frames_scanned) == (False, 0)
    core.unloadAllDevices()


class Counting(CameraDevice):
    """Frames that carry their number, as fast as the reader takes them."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self._shape = shape
        self.room = threading.Semaphore(60)

    def get_exposure(self) -> float:
        return 0.01

    def set_exposure(self, exposure: float) -> None:
        pass

    def shape(self) -> tuple[int, int]:
        return self._shape

    def dtype(self) -> type:
        return np.uint16

    def start_sequence(
        self, n: int | None, get_buffer: Callable[[Sequence[int], type], np.ndarray]
    ) -> Iterator[Mapping[str, Any]]:
        for number in range(n or 0):
            self.room.acquire()
            get_buffer(self._shape, np.uint16)[0, 0] = number % 65536
            yield {}


@pytest.mark.parametrize(("shape", "frames"), [((128, 128), 20_000), ((90, 70), 2_000)])
def test_the_buffer_wraps_without_loss(shape: tuple[int, int], frames: int) -> None:
    core = open_core(None)
    camera = Counting(shape)
    core.loadPyDevice("Camera", camera)
    core.initializeDevice("Camera")
    core.setCameraDevice("Camera")
    core.setCircularBufferMemoryFootprint(4)
    core.startSequenceAcquisition(frames, 0, True)
    for number in range(frames):
        while not core.getRemainingImageCount():
            assert core.isSequenceRunning(), f"ended before frame {number}"
        assert core.popNextImage()[0, 0] == number
        camera.room.release()
    assert not core.isBufferOverflowed()
    close_core(core)
