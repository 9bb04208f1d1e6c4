"""Live mode: the scanner runs freely, and each newest frame is restored for a screen.

    with LiveMode(core, "mito-mf5-x4-live") as live:
        live.latest                      # for a viewer that polls
        live.record("session_01")        # from now on, nothing is lost
        report = live.stop_recording()

The core's buffer has one consumer, which here is a thread of our own: whatever else
shows pictures asks `latest` or `newest_frame` and does not pop. A frame that the
buffer lost is seen by its `ImageNumber`; it is counted, and no window spans it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.frame import Frame, Pixels, Restored
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer, open_restorer
from pssr_live.scanners.account import ENDED_EMPTY, Ending
from pssr_live.scanners.core import protect
from pssr_live.scanners.free_run import FreeRun
from pssr_live.scanners.live_counts import (
    LiveCounts,
    ended,
    require_block,
    require_startable,
)
from pssr_live.scanners.newest import NewestRestorer
from pssr_live.scanners.recording import RunRecording
from pssr_live.scanners.references.engine import Taken, take_reference
from pssr_live.scanners.references.plan import ReferencePlan
from pssr_live.scanners.references.recording import ReferenceRecording
from pssr_live.scanners.tally import Tally
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder, session_path

log = logging.getLogger(__name__)

_WAITS_FOR_ITSELF = (
    "`on_restored` cannot stop the recording, which ends only after it has returned: "
    "call `stop_recording` from another thread."
)


class LiveMode:
    """Continuous acquisition with restored pictures; a context manager.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    model : str, Path or Restorer
        A model's name, or its folder; a restorer is closed when the block ends.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    on_restored : callable, optional
        Called with each `Restored` that is shown, from another thread.
    on_trouble : callable, optional
        Called once with what ended the acquisition or the recording by itself.

    Raises
    ------
    ModelError, EngineError, ScannerError
        On entering the `with` block.

    Attributes
    ----------
    counts : LiveCounts
        Frames that came, that the buffer lost, pictures shown, and how long those took
        that were not recorded.
    trouble : PssrLiveError or None
        What ended the acquisition, or a recording, by itself.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        model: str | Path | Restorer,
        *,
        engine: str | None = None,
        on_restored: Callable[[Restored], object] | None = None,
        on_trouble: Callable[[PssrLiveError], object] | None = None,
    ) -> None:
        self.counts = LiveCounts()
        self.trouble: PssrLiveError | None = None
        self._core, self._model, self._engine = core, model, engine
        self._on_restored, self._on_trouble = on_restored, on_trouble
        self._latest: Restored | None = None
        self._newest_frame: Frame | None = None
        self._camera = FreeRun(core, self._take, lambda: self.is_recording, self._fail)
        self._taking = threading.Lock()  # of the frame that is on its way
        self._run: RunRecording | None = None
        self._broken: PssrLiveError | None = None  # what ended the recording
        self._failed = self._is_open = False

    def __enter__(self) -> Self:
        protect(self._core)
        self._restorer = open_restorer(self._model, self._engine)
        self._newest = NewestRestorer(self._restorer, self._show_unrecorded)
        self._is_open = True
        try:
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.stop()
            if self.is_recording:
                self.stop_recording()
        finally:
            self._close()

    # -- what is to be seen

    @property
    def latest(self) -> Restored | None:
        """The newest restored picture."""
        return self._latest

    @property
    def newest_frame(self) -> Frame | None:
        """The newest raw frame."""
        return self._newest_frame

    @property
    def is_running(self) -> bool:
        """Whether the camera is running; False once it failed."""
        return self._camera.is_working and not self._failed

    @property
    def is_recording(self) -> bool:
        """Whether frames are being recorded."""
        return self._run is not None

    @property
    def keeps_frames(self) -> bool:
        """Whether a recording goes on; False once the camera or the disk failed."""
        return self.is_recording and self.is_running and self._broken is None

    @property
    def recording_folder(self) -> SessionFolder | None:
        """Where frames are being recorded; None if they are not."""
        return None if self._run is None else self._run.folder

    def tally(self) -> Tally:
        """Return how it is going; while recording, of the recording."""
        counts, run = self.counts, self._run
        if run is None:
            return counts.tally()
        return replace(run.tally(), lost=counts.lost)

    # -- the camera

    def start(self) -> None:
        """Start the camera; also after it was stopped, or failed.

        Raises
        ------
        ScannerError
            If it runs already, for whomever, or cannot be started.
        """
        require_block(self._is_open)
        if self._failed:
            self.stop()  # its thread may not have ended yet
        require_startable(self._core, is_running=self.is_running)
        self.counts = LiveCounts()
        self._begun_s = time.perf_counter()
        self.trouble, self._failed = None, False
        try:
            self._camera.start()
        except Exception as error:
            self.trouble = ended("did not start", error)
            raise self.trouble from error

    def stop(self) -> None:
        """Stop the camera; what it gave until then is taken. A recording stays open."""
        self._camera.stop()

    def take_reference(self, plan: ReferencePlan) -> Taken:
        """Scan the field at full density, between two frames; live mode goes on.

        A recording that is on saves it, and scores the newest frame by it.

        Returns
        -------
        Taken
            The scan, or why there is none.

        Raises
        ------
        ScannerError
            If the camera cannot be started again.
        """
        was_running = self.is_running
        self.stop()
        # A recording without frames is judged by its first, which comes next: those
        # before it have numbers that the recording gives away anew.
        begun = self._run is None or self._run.pipeline.counters.acquired > 0
        frame = self._newest_frame if begun else None
        index = {"t": 0} if frame is None else dict(frame.index)
        try:
            taken = take_reference(self._core, self._restorer.card.scale, plan, index)
        finally:
            if was_running:
                self.start()
        if self._run is not None and self._run.references is not None:
            self._run.references.take(taken)
        return taken

    # -- recording

    def record(self, save: str | Path, *, overwrite: bool = False) -> None:
        """Record every frame from now on, raw and restored, as a session.

        Parameters
        ----------
        save : str or Path
            Folder for the session; must be new or empty.
        overwrite : bool
            Replace the session that `save` holds.

        Raises
        ------
        ScannerError
            If a recording is on already.
        StorageError
            If the folder cannot be used.
        """
        require_block(self._is_open)
        if self._run is not None:
            raise ScannerError(
                f"Live mode records into {self._run.folder.path} already; stop that "
                "recording first."
            )
        folder = SessionFolder.create(session_path(save), overwrite=overwrite)
        self._newest.pause()  # a restorer serves one at a time
        self._broken = None
        run = RunRecording(
            folder,
            self._restorer,
            RunLayout(),
            on_trouble=self._break_recording,
            on_restored=self._show,
            references=ReferenceRecording(planned=False),
        )
        with self._taking:
            self._run = run

    def stop_recording(
        self, *, catch_up: bool = True, progress: Progress | None = None
    ) -> dict[str, Any]:
        """End the recording and return its report; live mode goes on.

        Parameters
        ----------
        catch_up : bool
            Whether to restore deferred frames now; nothing is shown meanwhile.
        progress : callable, optional
            Called with (done, total) while that goes on.

        Raises
        ------
        ScannerError
            If nothing is being recorded, or if `on_restored` asks for it.
        StorageError
            If the disk fails.
        """
        with self._taking:
            run = self._run
            if run is not None and run.pipeline.is_showing:
                raise ScannerError(_WAITS_FOR_ITSELF)
            self._run = None
        if run is None:
            raise ScannerError("Nothing is being recorded; call `record` first.")
        size_um = getattr(self._newest_frame, "pixel_size_um", None)
        mismatch = self._restorer.card.sample.mismatch(size_um)
        try:
            return run.finish(
                self._early_end(run),
                warnings=[mismatch] if mismatch else [],
                catch_up=catch_up,
                progress=progress,
            )
        finally:
            self._newest.resume()

    # -- the thread that owns the camera's buffer

    def _take(self, image: Pixels, tags: Any) -> None:
        lost = self.counts.lost_before(tags)
        with self._taking:
            run = self._run
            ordinal = self.counts.frames if run is None else run.ordinal_of({})
            frame = Frame(
                image,
                ordinal,
                {"t": ordinal},
                self._clock_s() if run is None else run.clock_s(),
                # As the core remembers it: asking devices would hold up the frames.
                pixel_size_um=self._core.getPixelSizeUm(True) or None,
                after_gap=lost > 0 and ordinal > 0,
            )
            if run is None:
                self._newest.push(frame)
            elif self._broken is None:
                run.submit(frame)
        self.counts.frames += 1
        self._newest_frame = frame

    # -- any thread

    def _clock_s(self) -> float:
        return time.perf_counter() - self._begun_s

    def _show_unrecorded(self, restored: Restored) -> None:
        late_s = self._clock_s() - restored.frame.time_s
        if late_s >= 0:  # not of a frame from before the camera was started again
            self.counts.latency_ms.append(1e3 * late_s)
        self._show(restored)

    def _show(self, restored: Restored) -> None:
        self._latest = restored
        self.counts.shown += 1
        if self._on_restored is not None:
            try:
                self._on_restored(restored)
            except Exception:  # a viewer's mistake must not end the acquisition
                log.exception("on_restored failed for %s", restored.frame)

    def _fail(self, error: Exception) -> None:
        if not (self._failed or self._camera.is_stopping):
            # First the reason: who sees that it failed may ask why at once.
            self.trouble = ended("stopped", error)
            self._failed = True
            self._tell(self.trouble)

    def _break_recording(self, error: Exception) -> None:
        if self._broken is None:
            self._broken = ended("could not be recorded", error)
            self._tell(self._broken)

    def _tell(self, trouble: PssrLiveError) -> None:
        self.trouble = trouble
        log.error("%s", trouble)
        if self._on_trouble is not None:
            try:
                self._on_trouble(trouble)
            except Exception:
                log.exception("on_trouble failed")

    def _early_end(self, run: RunRecording) -> Ending | None:
        empty = None if run.tally().acquired else ENDED_EMPTY
        return empty if self.trouble is None else ("failed", str(self.trouble))

    def _close(self) -> None:
        self._is_open = False
        self._newest.close()
        self._restorer.close()
