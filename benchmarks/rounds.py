"""Engine, restoration and whole path, timed in turns so that none has the quiet half.

Every round times, one after the other:

* engine: `engine.run` on a window that is ready, nothing else;
* memory: `Restorer.restore` over frames in memory;
* path: a whole recorded run, from `submit` to the restored frame on disk. Frames are
  submitted as fast as they are restored, a few ahead: at an unlimited rate, windows
  would be deferred and the clock would show the catch-up instead of the path;
* engine again, so that a machine that slows down does so for both sides;
* bicubic enlargement of one frame, as a yardstick.

The *overhead* is what the path's time a frame exceeds the engine's by, as a part of
the engine's. In wall time, because that is what costs frames: the engine uses every
core, and whatever hides behind it is free only if the wall clock says so. The same in
CPU time is given beside it: it counts what the recording thread burns while the engine
waits for memory, and feels other programs less.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pssr_live.engines.bicubic import bicubic
from pssr_live.frame import Frame, Restored
from pssr_live.intensity import FloatArray
from pssr_live.restorer import Restorer
from pssr_live.scanners.recording import RunRecording
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder
from pssr_live.window import Window

SIDE = 128
FRAMES = 32  # in each turn
SETTLED = 8  # restored frames before the path's clock starts: files are open by then
AHEAD = 4  # frames under way in the path; `pipeline.MOST_WAITING` would defer more
STUCK_S = 60.0


@dataclass
class Timings:
    """What was measured, one entry a round unless said otherwise.

    Attributes
    ----------
    engine_ms : list of float
        One entry a call.
    engine_round_ms, engine_cpu_ms : list of float
        Mean of a round's calls, wall and CPU (all threads together).
    memory_ms, path_ms, path_cpu_ms, bicubic_ms : list of float
        A frame's time.
    """

    engine_ms: list[float] = field(default_factory=list)
    engine_round_ms: list[float] = field(default_factory=list)
    engine_cpu_ms: list[float] = field(default_factory=list)
    memory_ms: list[float] = field(default_factory=list)
    path_ms: list[float] = field(default_factory=list)
    path_cpu_ms: list[float] = field(default_factory=list)
    bicubic_ms: list[float] = field(default_factory=list)

    @property
    def cores_used(self) -> float:
        """Cores that the engine got; fewer than there are on a busy machine."""
        return float(np.sum(self.engine_cpu_ms) / np.sum(self.engine_round_ms))

    @property
    def overhead(self) -> float:
        """Wall time around the engine as a part of the engine's; median of rounds."""
        return _excess(self.path_ms, self.engine_round_ms)

    @property
    def overhead_cpu(self) -> float:
        """The same in CPU time."""
        return _excess(self.path_cpu_ms, self.engine_cpu_ms)


def make_frames(count: int = FRAMES, side: int = SIDE) -> list[Frame]:
    """Return 16-bit frames; a network takes the same time whatever they show."""
    rng = np.random.default_rng(0)
    pixels = rng.poisson(900, (count, side, side)).astype(np.uint16)
    return [Frame(p, ordinal=t, index={"t": t}) for t, p in enumerate(pixels)]


def full_window(restorer: Restorer, frames: Sequence[Frame]) -> Window:
    """Return a window that lacks no frame."""
    windows = restorer.windows()
    made = [window for frame in frames for window in windows.push(frame)]
    return next(w for w in made if w.valid().all())


def run_rounds(
    restorer: Restorer, seconds: float, tick: Callable[[float], None]
) -> Timings:
    """Take rounds for about `seconds`, at least one.

    Parameters
    ----------
    restorer : Restorer
        What is measured.
    seconds : float
        When to begin no further round.
    tick : callable
        Called with the share of the time that has passed, 0 to 1.
    """
    frames = make_frames()
    window = full_window(restorer, frames)
    timings = Timings()
    time_memory(restorer, frames)  # warms caches and clocks
    begun = time.perf_counter()
    while True:
        one_round(restorer, frames, window, timings)
        passed = (time.perf_counter() - begun) / seconds
        tick(min(passed, 1))
        if passed >= 1:
            return timings


def one_round(
    restorer: Restorer, frames: list[Frame], window: Window, timings: Timings
) -> None:
    """Let each have its turn, and add what they took."""
    engine_cpu = time_engine(restorer, window, timings.engine_ms)
    timings.memory_ms.append(time_memory(restorer, frames))
    path_ms, path_cpu_ms = time_path(restorer, frames)
    engine_cpu += time_engine(restorer, window, timings.engine_ms)
    timings.engine_round_ms.append(float(np.mean(timings.engine_ms[-FRAMES:])))
    timings.engine_cpu_ms.append(engine_cpu / FRAMES)
    timings.path_ms.append(path_ms)
    timings.path_cpu_ms.append(path_cpu_ms)
    timings.bicubic_ms.append(time_bicubic(window.values()[0], restorer.card.scale))


def time_engine(restorer: Restorer, window: Window, each_ms: list[float]) -> float:
    """Add the wall time of each of `FRAMES / 2` calls; return their CPU ms in all."""
    values, valid = window.values(), window.valid()
    engine = restorer.ladder.engine
    cpu = time.process_time()
    for _ in range(FRAMES // 2):
        begun = time.perf_counter()
        engine.run(values, valid)
        each_ms.append(1e3 * (time.perf_counter() - begun))
    return 1e3 * (time.process_time() - cpu)


def time_memory(restorer: Restorer, frames: Sequence[Frame]) -> float:
    """Return the ms a frame of restoring frames that are in memory."""
    begun = time.perf_counter()
    for _ in restorer.restore(frames):
        pass
    return 1e3 * (time.perf_counter() - begun) / len(frames)


def time_path(restorer: Restorer, frames: Sequence[Frame]) -> tuple[float, float]:
    """Return the wall and CPU ms a frame of a recorded run."""
    stamps: list[tuple[float, float]] = []
    room = threading.Semaphore(AHEAD + restorer.card.lookahead)

    def on_restored(_: Restored) -> None:
        stamps.append((time.perf_counter(), time.process_time()))
        room.release()

    with tempfile.TemporaryDirectory(prefix="pssr-live-") as scratch:
        folder = SessionFolder.create(Path(scratch) / "session")
        layout = RunLayout(tuple(frame.index for frame in frames))
        run = RunRecording(folder, restorer, layout, on_restored=on_restored)
        for frame in frames:
            if not room.acquire(timeout=STUCK_S):
                break  # the report below says why
            run.submit(frame)
        report = run.finish()
    if report["status"] != "success" or report["frames_deferred"]:
        raise RuntimeError(f"The recorded run is no measurement: {report}")
    first, last = stamps[SETTLED], stamps[-1]
    wall, cpu = (1e3 * (b - a) for a, b in zip(first, last, strict=True))
    timed = len(stamps) - 1 - SETTLED
    return wall / timed, cpu / timed


def time_bicubic(image: FloatArray, scale: int) -> float:
    """Return the ms of enlarging one frame."""
    begun = time.perf_counter()
    for _ in range(FRAMES // 4):
        bicubic(image, scale)
    return 1e3 * (time.perf_counter() - begun) / (FRAMES // 4)


def _excess(whole: Sequence[float], part: Sequence[float]) -> float:
    ratios = [w / p - 1 for w, p in zip(whole, part, strict=True)]
    return float(np.median(ratios))
