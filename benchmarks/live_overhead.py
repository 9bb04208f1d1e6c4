"""What live restoration costs an acquisition at 30 frames/s, and how fast it is ended.

    python benchmarks/live_overhead.py

The same MDA with and without restoration, in turn, on the simulated scanner in real
time and on Micro-Manager's demo camera; then cancelled in the middle. Nothing else
should run on the computer.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymmcore_plus import CMMCorePlus
from useq import MDASequence

import pssr_live as pl
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.simulated import simulated_config

MODEL = "mito-mf5-x4-live"
FRAMES, ROUNDS = 90, 4
FRAME_S = 1 / 30


@contextmanager
def simulated() -> Iterator[CMMCorePlus]:
    """Open the scanner with 128 x 128 pixels in 33.3 ms."""
    core = open_core(simulated_config())
    core.setProperty("Scanner", "Resolution", 128)
    core.setProperty("Scanner", "LineOverhead_us", 1e6 * FRAME_S / 128 - 128)
    yield core
    close_core(core)


@contextmanager
def demo_camera() -> Iterator[CMMCorePlus]:
    """Open the demo camera with 128 x 128 pixels in 33.3 ms."""
    core = open_core(Path("MMConfig_demo.cfg"))
    for axis in "XY":
        core.setProperty("Camera", f"OnCameraCCD{axis}Size", 128)
    core.setExposure(1000 * FRAME_S)
    yield core
    close_core(core)


def frame_ms(core: CMMCorePlus, interval_s: float, save: Path | None) -> float:
    """Return the mean time from frame to frame, the first few left out."""
    plan = MDASequence(time_plan={"interval": interval_s, "loops": FRAMES})
    arrivals: list[float] = []

    def note() -> None:
        arrivals.append(time.perf_counter())

    core.mda.events.frameReady.connect(note)
    if save is None:
        core.mda.run(plan)
    else:
        with pl.LiveRestoration(MODEL, save, core=core) as live:
            core.mda.run(plan, output=live)
    core.mda.events.frameReady.disconnect(note)
    return 1000 * (arrivals[-1] - arrivals[5]) / (len(arrivals) - 6)


def cancel_s(core: CMMCorePlus, save: Path) -> tuple[float, float]:
    """Return the time from cancelling to the end of the run, and of the session."""
    plan = MDASequence(time_plan={"interval": 0, "loops": 1000})
    with pl.LiveRestoration(MODEL, save, core=core) as live:
        thread = core.run_mda(plan, output=live)
        time.sleep(1)
        begun = time.perf_counter()
        core.mda.cancel()
        thread.join()
        ended = time.perf_counter()
    closed = time.perf_counter()
    assert live.report["frames_restored"] == live.report["frames_acquired"]  # noqa: S101
    return ended - begun, closed - begun


def main() -> None:
    """Print one line for each camera and way of acquiring."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for opened in (simulated, demo_camera):
            for interval_s, way in ((0.0, "streamed"), (1e-6, "snapped")):
                with opened() as core:
                    alone, live = [], []
                    for n in range(ROUNDS):
                        save = folder / f"{opened.__name__}_{way}_{n}"
                        alone.append(frame_ms(core, interval_s, None))
                        live.append(frame_ms(core, interval_s, save))
                before, after = statistics.median(alone), statistics.median(live)
                print(
                    f"{opened.__name__}, {way}: {before:.2f} ms a frame alone, "
                    f"{after:.2f} ms restored live: {100 * (after / before - 1):+.2f} %"
                )
            with opened() as core:
                ended, closed = zip(
                    *(cancel_s(core, folder / f"{opened.__name__}_c{n}") for n in "ab"),
                    strict=True,
                )
            print(f"  cancelled within {max(ended):.3f} s, closed in {max(closed):.3f}")


if __name__ == "__main__":
    main()
