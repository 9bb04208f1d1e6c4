"""One run: its folder, its pipeline, and the true account of how it went.

`RunRecording` joins the live pipeline to a session folder. It is fed frames and, at
the end, tells what became of them; it never decides what the microscope does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pssr_live.errors import PssrLiveError
from pssr_live.frame import Frame, Restored
from pssr_live.pipeline import Counters, LivePipeline, Progress
from pssr_live.restorer import Restorer
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.preview import Panel, write_preview
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import RunStatus, SessionFolder

log = logging.getLogger(__name__)


class RunRecording:
    """Records and restores one run.

    Parameters
    ----------
    folder : SessionFolder
        Where everything goes.
    restorer : Restorer
        What restores.
    layout : RunLayout
        The frames that are expected.
    on_trouble, on_restored : callable, optional
        As for `LivePipeline`.
    """

    def __init__(
        self,
        folder: SessionFolder,
        restorer: Restorer,
        layout: RunLayout,
        on_trouble: Callable[[Exception], None] | None = None,
        on_restored: Callable[[Restored], None] | None = None,
    ) -> None:
        self.folder = folder
        self._restorer, self._layout = restorer, layout
        self._begun = time.perf_counter()
        self._last_s = 0.0
        self._next_ordinal = 0
        self._ordinals = {
            _key(index): n for n, index in enumerate(layout.indices or ())
        }
        self.recorder = SessionRecorder(folder, layout, restorer.card.scale)
        self.pipeline = LivePipeline(
            restorer, self.recorder, self.clock_s, on_trouble, on_restored
        )

    def clock_s(self) -> float:
        """Return the seconds since the run began."""
        return time.perf_counter() - self._begun

    def ordinal_of(self, index: dict[str, int]) -> int:
        """Return the place of a frame in the run: by its index, never by arrival.

        A frame of an index that nobody planned follows the last one.
        """
        ordinal = self._ordinals.pop(_key(index), self._next_ordinal)
        self._next_ordinal = max(self._next_ordinal, ordinal + 1)
        return ordinal

    def submit(self, frame: Frame) -> None:
        """Take a frame."""
        self._last_s = frame.time_s
        self.pipeline.submit(frame)

    def finish(
        self, *, cancelled: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Complete all files and return the report, as `report.json` has it.

        Parameters
        ----------
        cancelled : bool
            Whether somebody ended the run early on purpose.
        progress : callable, optional
            Called with (done, total) while deferred frames are restored.
        """
        counters = self.pipeline.finish(progress)
        expected = counters.acquired if cancelled else len(self._layout)
        report = self._report(counters)
        self._write_preview()
        trouble = self.pipeline.trouble
        try:
            self.recorder.close(
                {key: report[key] for key in ("model", "engine")}, expected
            )
        except PssrLiveError as error:
            trouble = trouble or error
        lost = len(self.recorder.lost()) + counters.acquired - counters.recorded
        report["frames_lost"] = lost
        status, reason = outcome(counters, lost, cancelled, trouble)
        report |= {"status": status, "reason": reason}
        self.folder.write_report(report)
        self.folder.write_status(
            status,
            reason,
            acquired=counters.acquired,
            recorded=counters.recorded,
            restored=counters.restored,
            lost=lost,
        )
        return report

    def _report(self, counters: Counters) -> dict[str, Any]:
        engine_ms, latency_ms = counters.engine_ms, counters.latency_ms
        return {
            "frames_expected": len(self._layout) or counters.acquired,
            "frames_acquired": counters.acquired,
            "frames_recorded": counters.recorded,
            "frames_restored": counters.restored,
            "frames_deferred": counters.deferred,
            "frames_unrestored": counters.unrestored,
            "camera_gaps": counters.gaps,
            "fps": counters.acquired / self._last_s if self._last_s else None,
            "latency_ms": spread(latency_ms),
            "restore_ms": spread(engine_ms),
            "model": self._restorer.model_report(),
            "engine": self._restorer.engine_report(),
        }

    def _write_preview(self) -> None:
        last = self.pipeline.latest
        if last is None:
            return
        frame = last.frame
        computed = self._restorer.ladder.engine.restores
        panels = [
            Panel(_title("raw scan", frame.pixels), frame.pixels, frame.pixel_size_um),
            Panel(
                _title("restored" if computed else "interpolated", last.pixels),
                last.pixels,
                last.pixel_size_um,
                computed=True,
            ),
        ]
        try:
            write_preview(self.folder.preview, panels)
        except PssrLiveError as error:  # a picture is not worth a run
            log.warning("%s", error)


def outcome(
    counters: Counters, lost: int, cancelled: bool, trouble: Exception | None
) -> tuple[RunStatus, str]:
    """Return how a run ended, in one word and one sentence."""
    if counters.recorded < counters.acquired:
        missing = counters.acquired - counters.recorded
        return "failed", f"{missing} frames could not be recorded: {trouble}"
    if not counters.acquired:
        return "failed", "The camera gave no frame."
    if lost:
        return "partial", f"{lost} frames never arrived; their places are marked."
    if trouble is not None or counters.unrestored:
        return "partial", f"{counters.unrestored} frames not restored: {trouble}"
    if cancelled:
        return "aborted", "The run was cancelled; every acquired frame is there."
    return "success", ""


def spread(values_ms: list[float]) -> dict[str, float] | None:
    """Return median, 95th and 99th percentile and maximum; None of nothing."""
    if not values_ms:
        return None
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "p99": round(float(p99), 3),
        "max": round(max(values_ms), 3),
    }


def _title(what: str, pixels: np.ndarray[Any, Any]) -> str:
    return f"{what} {pixels.shape[1]} x {pixels.shape[0]}"


def _key(index: dict[str, int] | Any) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(index.items()))
