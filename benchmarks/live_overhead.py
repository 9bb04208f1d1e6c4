"""What live restoration costs an acquisition at 30 frames/s, and how soon it shows.

    python benchmarks/live_overhead.py

The same MDA with and without restoration, in turn, on the simulated scanner in real
time and on Micro-Manager's demo camera; the delay from a frame of the camera to its
picture; and the time to end it, cancelled in the middle. Nothing else should run on
the computer.
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
WARMS_UP = 5  # frames


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


def frame_ms(
    core: CMMCorePlus, interval_s: float, save: Path | None, delays_ms: list[float]
) -> float:
    """Return the mean time from frame to frame, and add the delay of each picture.

    The first few are left out of both.
    """
    plan = MDASequence(time_plan={"interval": interval_s, "loops": FRAMES})
    arrivals: list[float] = []

    def note() -> None:
        arrivals.append(time.perf_counter())

    def shown(restored: pl.Restored) -> None:
        if (number := restored.frame.ordinal) >= WARMS_UP:
            delays_ms.append(1000 * (time.perf_counter() - arrivals[number]))

    core.mda.events.frameReady.connect(note)
    if save is None:
        core.mda.run(plan)
    else:
        with pl.LiveRestoration(MODEL, save, core=core, on_restored=shown) as live:
            core.mda.run(plan, output=live)
    core.mda.events.frameReady.disconnect(note)
    return 1000 * (arrivals[-1] - arrivals[WARMS_UP]) / (len(arrivals) - WARMS_UP - 1)


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
                    delays_ms: list[float] = []
                    for n in range(ROUNDS):
                        save = folder / f"{opened.__name__}_{way}_{n}"
                        alone.append(frame_ms(core, interval_s, None, []))
                        live.append(frame_ms(core, interval_s, save, delays_ms))
                before, after = statistics.median(alone), statistics.median(live)
                print(
                    f"{opened.__name__}, {way}: {before:.2f} ms a frame alone, "
                    f"{after:.2f} ms restored live: {100 * (after / before - 1):+.2f} %"
                )
                median, most = (
                    statistics.quantiles(delays_ms, n=20)[n] for n in (9, 18)
                )
                print(
                    f"  from frame to picture {median:.1f} ms, 95 % under {most:.1f}, "
                    f"{len(delays_ms)} of {ROUNDS * (FRAMES - WARMS_UP)} shown"
                )
            with opened() as core:
                ended, closed = zip(
                    *(cancel_s(core, folder / f"{opened.__name__}_c{n}") for n in "ab"),
                    strict=True,
                )
            print(f"  cancelled within {max(ended):.3f} s, closed in {max(closed):.3f}")


if __name__ == "__main__":
    main()
