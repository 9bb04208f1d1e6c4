"""The whole recorded path's turn: from `submit` to the restored frame on disk.

Frames are submitted as fast as they are restored, a few ahead: at an unlimited rate,
windows would be deferred and the clock would show the catch-up instead of the path.

The *overhead* is what the path's time a frame exceeds that of the network alone by, as
a part of the network's. In wall time, because that is what costs frames: the engine
uses every core, and whatever hides behind it is free only if the wall clock says so.
The mean frame of a recorded run counts, and the median one of the network, which is
the stricter way round: a hiccup is the path's.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pssr_live.bench.stream import make_frames
from pssr_live.frame import Restored
from pssr_live.restorer import Restorer
from pssr_live.scanners.recording import RunRecording
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder

FRAMES = 32  # in each turn
SETTLED = 8  # restored frames before the clock starts: files are open by then
AHEAD = 4  # frames under way; `pipeline.MOST_WAITING` would defer more
STUCK_S = 60.0


class RecordedTurn:
    """Times recorded runs.

    Parameters
    ----------
    restorer : Restorer
        With the engine that is measured; the caller closes it.
    side : int
        Low-density pixels.
    """

    name = "recorded run"

    def __init__(self, restorer: Restorer, side: int) -> None:
        self.rounds = 0
        self.round_ms: list[float] = []
        self._restorer = restorer
        self._frames = make_frames(FRAMES, side)

    def warm_up(self) -> None:
        """Restore some frames in memory."""
        for _ in self._restorer.restore(self._frames[:SETTLED]):
            pass

    def turn(self) -> None:
        """Record one run."""
        self.rounds += 1
        self.round_ms.append(self._recorded_ms())

    def result(self, network_round_ms: Sequence[float]) -> dict[str, float]:
        """Return frames a second, and the overhead over the network in its turns."""
        pairs = zip(self.round_ms, network_round_ms, strict=True)
        return {
            "rounds": self.rounds,
            "frames_per_s": 1e3 / float(np.median(self.round_ms)),
            "overhead": float(np.median([path / alone - 1 for path, alone in pairs])),
        }

    def _recorded_ms(self) -> float:
        """Return the time a frame of a recorded run."""
        stamps: list[float] = []
        room = threading.Semaphore(AHEAD + self._restorer.card.lookahead)

        def on_restored(_: Restored) -> None:
            stamps.append(time.perf_counter())
            room.release()

        with tempfile.TemporaryDirectory(prefix="pssr-live-") as scratch:
            folder = SessionFolder.create(Path(scratch) / "session")
            layout = RunLayout(tuple(frame.index for frame in self._frames))
            run = RunRecording(folder, self._restorer, layout, on_restored=on_restored)
            for frame in self._frames:
                if not room.acquire(timeout=STUCK_S):
                    break  # the report below says why
                run.submit(frame)
            # The end completes the windows that look ahead, all at once: room for them.
            for _ in range(AHEAD):
                room.acquire(timeout=STUCK_S)
            report = run.finish()
        if report["status"] != "success" or report["frames_deferred"]:
            raise RuntimeError(f"The recorded run is no measurement: {report}")
        return 1e3 * (stamps[-1] - stamps[SETTLED]) / (len(stamps) - 1 - SETTLED)
