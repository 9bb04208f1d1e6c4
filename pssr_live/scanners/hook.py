"""Live restoration for any MDA script, in two lines.

    with LiveRestoration(model="mito-mf5-x4", save="session_01") as live:
        core.mda.run(sequence, output=live)

The runner calls the handler from a relay thread that dies with the first exception
and takes all later frames with it. So the handler only enqueues, and nothing in it
can raise: trouble ends the run through the core and is raised when the `with` block
ends, after every acquired frame is on disk.
"""

from __future__ import annotations

import logging
import os.path
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.calibration.values import CalibrationFiles, read_scan_noise
from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.frame import Pixels, Restored
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer, check_axis, open_restorer
from pssr_live.scanners.arrivals import Arrivals, by_detector, run_layout
from pssr_live.scanners.core import protect
from pssr_live.scanners.feedback.fed_sequence import FedSequence
from pssr_live.scanners.feedback.feedback import Callback, Feedback
from pssr_live.scanners.first_look import look
from pssr_live.scanners.hardware_kept import require_idle
from pssr_live.scanners.heard import EngineLog
from pssr_live.scanners.interrupts import interrupt_once
from pssr_live.scanners.recording import RunRecording
from pssr_live.scanners.references.plan import Every, Setting, reference_plan
from pssr_live.scanners.references.taking import ReferenceTaking
from pssr_live.scanners.references.tile import SENTINEL, Tile
from pssr_live.scanners.tally import Tally
from pssr_live.scanners.watch import RunWatch
from pssr_live.storage.session import SessionFolder, session_path

log = logging.getLogger(__name__)

_NOTHING_RAN = ScannerError(
    "No run was started in the `with` block, so nothing was recorded: write "
    "`core.mda.run(sequence, output=live)`."
)
_OUTSIDE = ScannerError(
    "LiveRestoration was used outside a `with` block: write "
    "`with LiveRestoration(...) as live: core.mda.run(seq, output=live)`."
)
FrameTaker = Callable[[Pixels, MDAEvent, Mapping[str, Any]], None]


class LiveRestoration:
    """Records and restores what an MDA acquires: an `output=` of `core.mda.run`.

    Parameters
    ----------
    model : str, Path or Restorer
        A model's name, or its folder; a restorer is closed when the block ends.
    save : str or Path
        Folder for the session; must be new or empty.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    axis : str
        What windows follow: "t", time, or "z", the planes of a stack that stands
        still. With a restorer it is the restorer's own.
    overwrite : bool
        Replace the session that `save` holds.
    core : CMMCorePlus, optional
        The core that runs the MDA; `CMMCorePlus.instance()` if left out.
    on_restored : callable, optional
        Called with each `Restored`, from the restore thread. May return an MDAEvent
        or several: see `feed`.
    progress : callable, optional
        Called with (done, total) while deferred frames are restored at the end.
    calibration : str, Path or mapping of str to either, optional
        The `calibration.toml` of this microscope, or one for each channel by name:
        each picture is then held against its scan. A restorer has its own.
    reference_every : int or "auto", optional
        Frames of a series after which the field is scanned at full density too, to
        hold the restored frame against; "auto" costs 2 % of the dose. An
        `MDASequence` gets these references by itself.
    reference_tile : float or tuple of int
        What of the field: a part, 0..1, from its middle, or (x, y, width, height) in
        pixels of the scan.
    reference_density : sequence of (device, property, value)
        What gives full density, where the scanner is not known.

    Raises
    ------
    ModelError, EngineError, StorageError
        On entering the `with` block, before anything is acquired.
    PssrLiveError
        On leaving it: whatever ended the run early, or that nothing was run.

    Attributes
    ----------
    report : dict
        After the `with` block: what `report.json` holds.
    warnings : list of str
        What the user should know, such as a pixel size the model was not made for.
    sections : dict of str to callable
        Further sections of the report, each asked for once, when the run has ended.
    """

    def __init__(
        self,
        model: str | Path | Restorer,
        save: str | Path,
        *,
        engine: str | None = None,
        axis: str = "t",
        overwrite: bool = False,
        core: CMMCorePlus | None = None,
        on_restored: Callback | None = None,
        progress: Progress | None = None,
        calibration: CalibrationFiles = None,
        reference_every: Every = None,
        reference_tile: Tile = SENTINEL,
        reference_density: Sequence[Setting] = (),
    ) -> None:
        self._planned = reference_plan(
            reference_every, reference_tile, reference_density
        )
        self._references: ReferenceTaking | None = None
        self.report: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.sections: dict[str, Callable[[], Any]] = {}
        self._model, self._engine, self._core = model, engine, core
        self._axis = axis
        self._noise = read_scan_noise(calibration)
        self._save, self._overwrite = session_path(save), overwrite
        self._callbacks = [on_restored] if on_restored else []
        self._progress = progress
        self._restorer: Restorer | None = None
        self._run: RunRecording | None = None
        self._trouble: Exception | None = None

    def __enter__(self) -> Self:
        # Held until the end: pymmcore-plus itself holds its cores weakly.
        self._core = self._core or CMMCorePlus.instance()
        protect(self._core)
        self._watch = RunWatch(self._core)
        self.report = {}
        self.warnings = []
        self._trouble = None
        self._refusing = False  # frames of a run that cannot be recorded
        self._made_folder = not os.path.exists(self._save)  # noqa: PTH110 - any name
        restorer = open_restorer(self._model, self._engine, self._axis, self._noise)
        try:
            if self._planned is not None:
                self._references = ReferenceTaking(
                    self._core, self._planned, restorer.card.scale
                )
            self._folder = SessionFolder.create(self._save, overwrite=self._overwrite)
        except BaseException:
            self._remove_references()
            restorer.close()
            raise
        self._feedback = Feedback(self._callbacks, self._folder, self.warnings)
        self._engine_log = EngineLog(self.warnings)
        self._engine_log.listen()
        self._restorer = restorer
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        with interrupt_once(pressed=isinstance(error, KeyboardInterrupt)):
            self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        assert self._restorer is not None  # noqa: S101 - set by __enter__
        if error is not None:
            self._feedback.close()
        interrupt = self._watch.wait(error)
        self._engine_log.close()
        self._feedback.end()
        self._remove_references()
        run, self._run = self._run, None
        try:
            if run is None or (self._refusing and not run.pipeline.counters.acquired):
                self._discard(run)
            else:
                self.report = run.finish(
                    self._watch.early_end(error or interrupt),
                    warnings=self.warnings,
                    sections={**self.sections, **self._feedback.sections()},
                    catch_up=not isinstance(error or interrupt, KeyboardInterrupt),
                    progress=self._progress,
                )
        finally:
            self._restorer.close()
            self._restorer = None
        raised = self._trouble or interrupt or (_NOTHING_RAN if run is None else None)
        if error is None and raised is not None:
            raise raised

    @property
    def reference_scores(self) -> tuple[dict[str, Any], ...]:
        """How restored frames compare with references, so far as is known by now.

        In the order of the frames; a deferred one comes in between later.
        """
        taking = self._references
        return () if taking is None else taking.recording.in_order

    def with_references(self, events: Iterable[MDAEvent]) -> Iterator[MDAEvent]:
        """Return events with references among them, for a run of single events.

        Raises
        ------
        ScannerError
            If no references were asked for, or outside the `with` block.
        """
        if self._references is None or self._core is None:
            raise ScannerError(
                "There are no references to take: give LiveRestoration a "
                "reference_every, and ask inside its `with` block."
            )
        return self._references.among(events)

    @property
    def latest(self) -> Restored | None:
        """The newest restored picture, for a viewer that polls."""
        return None if self._run is None else self._run.pipeline.latest

    def tally(self) -> Tally:
        """Return how the run is going; from any thread."""
        run = self._run
        return Tally() if run is None else run.tally()

    def on_restored(self, callback: Callback) -> Callback:
        """Have `callback` called with each `Restored` as well; returns it.

        It is called from the restore thread and may return None, an MDAEvent, a list
        of them or an MDASequence, which a run started with `feed` carries out. What
        it raises is logged, becomes a warning of the report, and harms nothing.
        """
        self._callbacks.append(callback)
        return callback

    def feed(
        self,
        plan: Iterable[MDAEvent] = (),
        *,
        in_step: bool = False,
        burst: int = 1,
        wait_s: float = 10.0,
    ) -> FedSequence:
        """Return what to run: `plan`, and what the callbacks ask for, as they ask.

        What a callback asks for goes next. It has a series of its own, so that no
        window mixes it with the plan, and what it changes is put back before the plan
        goes on. Frames of another shape or pixel size than the plan's are recorded
        in `rescans.ome.tiff` and not restored.

        Parameters
        ----------
        plan : iterable of MDAEvent
            A sequence, or any events; a generator should not keep one waiting.
        in_step : bool
            Whether each event waits until the pictures before it were seen by the
            callbacks. Nothing then goes on while they decide.
        burst : int
            How many events the camera may take without a pause, where the microscope
            can; callbacks are answered between bursts.
        wait_s : float
            Longest wait for pictures that are under way: at the end of the plan and,
            with `in_step`, before each event.

        Raises
        ------
        ScannerError
            Outside the `with` block, or for a second feed in it.
        SettingsError
            If `burst` is below 1 or `wait_s` below 0.
        """
        if self._restorer is None or self._core is None:
            raise _OUTSIDE
        if self._detectors() > 1:
            raise ScannerError(
                f"The camera gives {self._detectors()} frames an event, one for each "
                "detector, and a feed takes one: use one detector, or run without feed."
            )
        taking = self._references
        return self._feedback.make_feed(
            plan,
            plan if taking is None else taking.among(plan),
            self._core,
            self._is_settled,
            in_step=in_step,
            burst=burst,
            wait_s=wait_s,
        )

    # -- called by the MDA runner; none of these may raise -----------------------

    @property
    def frameReady(self) -> FrameTaker:
        """What takes a frame: it enqueues it and returns.

        A property, because the runner asks for it before it starts: only there can
        an error still reach the person who forgot the `with`, or who starts a second
        run on a microscope that is busy.
        """
        if self._restorer is None or self._core is None:
            raise _OUTSIDE
        require_idle(self._core)
        self._watch.asked_for = True
        return self._take

    def sequenceStarted(self, sequence: MDASequence, meta: Mapping[str, Any]) -> None:
        """Prepare for the frames of `sequence`."""
        try:
            self._start(sequence, meta)
        except Exception as error:
            self._refusing = True
            self._stop(error)

    def sequenceCanceled(self, sequence: MDASequence) -> None:
        """Remember that the run was ended early."""
        if not self._refusing or self._run is None:
            self._watch.cancelled = True

    def sequenceFinished(self, sequence: MDASequence) -> None:
        """Remember that no frame will follow."""
        self._watch.end()

    # -- within ------------------------------------------------------------------

    def _start(self, sequence: MDASequence, meta: Mapping[str, Any]) -> None:
        if self._restorer is None:
            return  # the block was left before the run in another thread began
        self._watch.begin()
        if self._run is not None:
            raise ScannerError(
                f"A second run was started into {self._save}: open one "
                "LiveRestoration for each run."
            )
        layout = by_detector(run_layout(sequence), self._detectors())
        check_axis(self._restorer.axis, layout.indices)
        self._arrivals = Arrivals(self._feedback.ways(layout))
        self._run = RunRecording(
            self._folder,
            self._restorer,
            self._feedback.layout(layout),
            on_trouble=self._stop,
            on_restored=self._feedback.told,
            ordinals=self._feedback.ordinals,
            references=self._references.recording if self._references else None,
        )
        for warning in look(meta, self._restorer.card.sample, self._run.recorder):
            self.warnings.append(warning)
            log.warning("%s", warning)

    def _take(self, image: Pixels, event: MDAEvent, meta: Mapping[str, Any]) -> None:
        try:
            run = self._run
            if run is None or self._refusing:
                return
            if not self._feedback.take(run, image, event, meta):
                run.submit(self._arrivals.frame(run, image, event, meta))
            if self._feedback.feed is not None:
                self._feedback.feed.arrived()
        except Exception as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        """End the acquisition, and keep the first error for the end of the block."""
        if self._trouble is None:
            wrapped = ScannerError(f"The live restoration failed: {error}")
            self._trouble = error if isinstance(error, PssrLiveError) else wrapped
        self._feedback.close()
        if self._core is not None:
            self._core.mda.cancel()

    def _detectors(self) -> int:
        return 1 if self._core is None else int(self._core.getNumberOfCameraChannels())

    def _remove_references(self) -> None:
        if self._references is not None:
            self._references.remove()

    def _is_settled(self) -> bool:
        return self._run is None or self._run.pipeline.settle(0)

    def _discard(self, run: RunRecording | None) -> None:
        """Leave nothing behind of a run without frames."""
        if run is not None:
            run.abandon()
        self._folder.clear()
        if self._made_folder:
            with suppress(OSError):  # somebody else put a file there
                self._folder.path.rmdir()
