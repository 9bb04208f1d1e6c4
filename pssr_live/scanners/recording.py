"""One run: its folder, its pipeline, and the true account of how it went.

`RunRecording` joins the live pipeline to a session folder. It is fed frames and, at
the end, tells what became of them; it never decides what the microscope does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pssr_live.agreement import agreement, doubts, in_diary
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.errors import PssrLiveError, StorageError
from pssr_live.frame import Frame, Restored
from pssr_live.pipeline import Counters, LivePipeline, Progress
from pssr_live.restorer import Restorer
from pssr_live.scanners.account import (
    Ending,
    diary_of,
    frames_by_engine,
    outcome,
    spread,
)
from pssr_live.scanners.channels import ChannelsSeen
from pssr_live.scanners.interrupts import interrupt_later
from pssr_live.scanners.ordinals import Ordinals
from pssr_live.scanners.pixel_sizes import PixelSizesSeen
from pssr_live.scanners.references.recording import ReferenceRecording
from pssr_live.scanners.tally import RECENT, Tally
from pssr_live.scanners.time_points import TimePoints
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.picture import scan_and_picture
from pssr_live.storage.preview import write_preview
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder

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
    ordinals : Ordinals, optional
        The places of frames that are planned while the run goes on.
    references : ReferenceRecording, optional
        What sees to scans at full density between the frames.
    """

    def __init__(
        self,
        folder: SessionFolder,
        restorer: Restorer,
        layout: RunLayout,
        on_trouble: Callable[[Exception], None] | None = None,
        on_restored: Callable[[Restored], None] | None = None,
        ordinals: Ordinals | None = None,
        references: ReferenceRecording | None = None,
    ) -> None:
        self.folder = folder
        self._restorer, self._layout = restorer, layout
        self._begun = time.perf_counter()
        self._first_s: float | None = None
        self._last_s = 0.0
        self._channels = ChannelsSeen(layout.channel_names)
        self._time_points = TimePoints(layout.interval_s)
        self._pixel_sizes = PixelSizesSeen()
        # An empty one counts as false, and is nonetheless the one that will be told.
        self._ordinals = (
            Ordinals(layout.indices or ()) if ordinals is None else ordinals
        )
        self.recorder = SessionRecorder(folder, layout, restorer.card.scale)
        self.references = references
        if references is not None:
            references.begin(folder, self.recorder, self.clock_s)
            on_restored = references.beside(on_restored)
        self.pipeline = LivePipeline(
            restorer, self.recorder, self.clock_s, on_trouble, on_restored
        )

    def clock_s(self) -> float:
        """Return the seconds since the run began."""
        return time.perf_counter() - self._begun

    def tally(self) -> Tally:
        """Return how it is going; from any thread."""
        counters = self.pipeline.counters
        return Tally(
            acquired=counters.acquired,
            restored=counters.restored,
            deferred=counters.deferred,
            lost=len(self.recorder.lost()),
            queued=self.pipeline.queued,
            latency_ms=tuple(counters.latency_ms[-RECENT:]),
        )

    def ordinal_of(self, index: dict[str, int]) -> int:
        """Return the place of a frame in the run: by its index, never by arrival.

        A frame of an index that nobody planned follows the last one.
        """
        return self._ordinals.take(index)

    def submit(self, frame: Frame) -> None:
        """Take a frame."""
        if self._first_s is None:
            self._first_s = frame.time_s
        self._last_s = frame.time_s
        self._channels.take(frame)
        self._time_points.take(frame)
        self._pixel_sizes.take(frame)
        if self.references is not None:
            self.references.frame_arrived(frame)
        self.pipeline.submit(frame)

    def finish(
        self,
        early_end: Ending | None = None,
        *,
        warnings: Sequence[str] = (),
        sections: Mapping[str, Callable[[], Any]] | None = None,
        catch_up: bool = True,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Complete all files and return the report, as `report.json` has it.

        Parameters
        ----------
        early_end : (status, reason), optional
            How the run ended, if not by itself.
        warnings : sequence of str
            What the user should know.
        sections : mapping of str to callable, optional
            Further sections of the report, by name.
        catch_up : bool
            Whether to restore deferred frames now. Ctrl-C ends that at any time.
        progress : callable, optional
            Called with (done, total) while deferred frames are restored.
        """
        counters = self._complete(catch_up, progress)
        with interrupt_later():  # a run without an account looks like a killed one
            return self._settle(counters, early_end, warnings, sections or {})

    def _settle(
        self,
        counters: Counters,
        early_end: Ending | None,
        warnings: Sequence[str],
        sections: Mapping[str, Callable[[], Any]],
    ) -> dict[str, Any]:
        """Close all files, and write the account of the run."""
        references = self._finish_references()
        diary, noise = diary_of(self.folder.frames), self._restorer.noise
        agrees = agreement(in_diary(diary), noise) if noise else {}
        report = self._report(counters)
        if agrees:
            report["quality"] = {"consistency": agrees}
        self._write_preview()
        expected = self._expected()
        trouble = self._close_files(
            report, min(counters.acquired, expected) if early_end else expected
        )
        # A frame that came and could not be recorded has a marked place too, as far
        # as the disk took that.
        unrecorded = counters.acquired - counters.recorded
        lost = max(len(self.recorder.lost()), unrecorded)
        engines = frames_by_engine(diary)
        told = {name: ask() for name, ask in sections.items()}  # may add warnings
        status, reason = outcome(
            counters,
            lost=lost,
            interpolated=self._interpolated(engines),
            early_end=early_end,
            trouble=trouble,
        )
        report |= {
            "frames_lost": lost,
            "frames_by_engine": engines,
            "status": status,
            "reason": reason,
            "warnings": [
                *warnings,
                *self._gap_warning(counters),
                *self._time_points.warnings(),
                *self._pixel_sizes.warnings(),
                *(self.references.warnings if self.references else ()),
                *doubts(agrees, noise, counters.restored),
            ],
            **told,
        }
        for name, facts in references.items():
            report[name] = report.get(name, {}) | facts
        self._write_account(report)
        return report

    def _close_files(self, report: dict[str, Any], pages: int) -> Exception | None:
        """Close raw and restored file; return the first thing that went wrong."""
        trouble = self.pipeline.trouble
        channels = self._channels.told()
        self.recorder.expect(self._ordinals.awaited())
        if (true_s := self._time_points.true_s) is not None:
            self.recorder.correct_interval(true_s)
        try:
            self.recorder.close(
                {key: report[key] for key in ("model", "engine")}
                | report.get("quality", {})
                | channels,
                pages,
                self._restorer.identity() | channels,
            )
        except PssrLiveError as error:
            trouble = trouble or error
        return trouble

    def _write_account(self, report: dict[str, Any]) -> None:
        """Write report and status; where there is no room, the status alone.

        A folder that was removed takes neither, and the report still tells why.
        """
        names = ("acquired", "recorded", "restored", "lost")
        counts = {name: report[f"frames_{name}"] for name in names}
        try:
            self.folder.write_status(report["status"], report["reason"], **counts)
        except StorageError as error:
            if report["status"] != "failed":
                raise
            log.warning("%s", error)
            return
        try:
            self.folder.write_report(report)
        except StorageError as error:
            if report["status"] == "success":
                raise
            log.warning("%s", error)  # the disk that failed the run, once more

    def abandon(self) -> None:
        """Stop without an account, where there is nothing to give one of."""
        self.pipeline.finish()
        self._finish_references()
        self.recorder.close({}, 0)

    def _finish_references(self) -> dict[str, dict[str, Any]]:
        """Return what the report says of references, by section."""
        return {} if self.references is None else self.references.finish()

    def _complete(self, catch_up: bool, progress: Progress | None) -> Counters:
        """Finish the pipeline; Ctrl-C leaves deferred frames for later."""
        with suppress(KeyboardInterrupt):
            return self.pipeline.finish(progress, catch_up=catch_up)
        # Its threads may still have frames in hand, which are not given up.
        return self.pipeline.finish(catch_up=False)

    def _interpolated(self, engines: dict[str, int]) -> int:
        ladder = self._restorer.ladder
        fell = not ladder.engine.restores and ladder.refusals
        return engines.get(ladder.engine.name, 0) if fell else 0

    @staticmethod
    def _gap_warning(counters: Counters) -> list[str]:
        if not counters.gaps:
            return []
        return [
            f"The camera lost frames {counters.gaps} times; the frames after each gap "
            "were restored without those before it."
        ]

    def _report(self, counters: Counters) -> dict[str, Any]:
        engine_ms, latency_ms = counters.engine_ms, counters.latency_ms
        return {
            "frames_expected": self._expected() or counters.acquired,
            "frames_acquired": counters.acquired,
            "frames_recorded": counters.recorded,
            "frames_restored": counters.restored,
            "frames_deferred": counters.deferred,
            "frames_unrestored": counters.recorded - counters.restored,
            "camera_gaps": counters.gaps,
            "fps": self._rate(counters.acquired),
            "latency_ms": spread(latency_ms),
            "restore_ms": spread(engine_ms),
            "model": self._restorer.model_report(),
            "engine": self._restorer.engine_report(),
        }

    def _expected(self) -> int:
        return len(self._layout) or len(self._ordinals)

    def _rate(self, frames: int) -> float | None:
        """Return frames per second from the first to the last, start-up left out."""
        if self._first_s is None or self._last_s <= self._first_s:
            return None
        return (frames - 1) / (self._last_s - self._first_s)

    def _write_preview(self) -> None:
        last = self.pipeline.latest
        if last is None:
            return
        computed = last.engine != BicubicEngine.name
        panels = scan_and_picture(
            last.frame, last.pixels, last.pixel_size_um, restored=computed
        )
        try:
            write_preview(self.folder.preview, panels)
        except Exception as error:  # a picture is not worth a run
            log.warning("%s", error)
