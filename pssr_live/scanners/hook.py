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
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.frame import Pixels, Restored
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer
from pssr_live.scanners.arrivals import Arrivals, run_layout, size_um
from pssr_live.scanners.core import protect
from pssr_live.scanners.recording import RunRecording
from pssr_live.scanners.watch import RunWatch
from pssr_live.storage.session import FILES, SessionFolder

log = logging.getLogger(__name__)

_NOTHING_RAN = ScannerError(
    "No run was started in the `with` block, so nothing was recorded: write "
    "`core.mda.run(sequence, output=live)`."
)
FrameTaker = Callable[[Pixels, MDAEvent, Mapping[str, Any]], None]


class LiveRestoration:
    """Records and restores what an MDA acquires: an `output=` of `core.mda.run`.

    Parameters
    ----------
    model : str or Path
        A model's name, or its folder.
    save : str or Path
        Folder for the session; must be new or empty.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    overwrite : bool
        Replace the session that `save` holds.
    core : CMMCorePlus, optional
        The core that runs the MDA; `CMMCorePlus.instance()` if left out.
    on_restored : callable, optional
        Called with each `Restored`, from the restore thread.
    progress : callable, optional
        Called with (done, total) while deferred frames are restored at the end.

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
    """

    def __init__(
        self,
        model: str | Path,
        save: str | Path,
        *,
        engine: str | None = None,
        overwrite: bool = False,
        core: CMMCorePlus | None = None,
        on_restored: Callable[[Restored], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.report: dict[str, Any] = {}
        self.warnings: list[str] = []
        self._model, self._engine, self._core = model, engine, core
        self._save, self._overwrite = Path(save), overwrite
        self._on_restored, self._progress = on_restored, progress
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
        self._arrivals = Arrivals()
        self._made_folder = not self._save.exists()
        restorer = Restorer(self._model, self._engine)
        try:
            self._folder = SessionFolder.create(self._save, overwrite=self._overwrite)
        except BaseException:
            restorer.close()
            raise
        self._restorer = restorer
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        assert self._restorer is not None  # noqa: S101 - set by __enter__
        interrupt = self._watch.wait(error)
        run, self._run = self._run, None
        try:
            if run is None or (self._refusing and not run.pipeline.counters.acquired):
                self._discard(run)
            else:
                self.report = run.finish(
                    self._watch.early_end(error or interrupt),
                    warnings=self.warnings,
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
    def latest(self) -> Restored | None:
        """The newest restored picture, for a viewer that polls."""
        return None if self._run is None else self._run.pipeline.latest

    # -- called by the MDA runner; none of these may raise -----------------------

    @property
    def frameReady(self) -> FrameTaker:
        """What takes a frame: it enqueues it and returns.

        A property, because the runner asks for it before it starts: only there can
        an error still reach the person who forgot the `with`.
        """
        if self._restorer is None:
            raise ScannerError(
                "LiveRestoration was used outside a `with` block: write "
                "`with LiveRestoration(...) as live: core.mda.run(seq, output=live)`."
            )
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
        self._watch.ended.set()

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
        self._run = RunRecording(
            self._folder,
            self._restorer,
            run_layout(sequence),
            on_trouble=self._stop,
            on_restored=self._on_restored,
        )
        for info in meta.get("image_infos", ())[:1]:
            mismatch = self._restorer.card.sample.mismatch(size_um(info))
            if mismatch:
                self.warnings.append(mismatch)
                log.warning("%s", mismatch)
            shape = (int(info["height"]), int(info["width"]))
            pixel_bytes = np.dtype(info["dtype"]).itemsize
            self._run.recorder.check_room(shape, pixel_bytes)

    def _take(self, image: Pixels, event: MDAEvent, meta: Mapping[str, Any]) -> None:
        try:
            if self._run is not None and not self._refusing:
                self._run.submit(self._arrivals.frame(self._run, image, event, meta))
        except Exception as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        """End the acquisition, and keep the first error for the end of the block."""
        if self._trouble is None:
            wrapped = ScannerError(f"The live restoration failed: {error}")
            self._trouble = error if isinstance(error, PssrLiveError) else wrapped
        if self._core is not None:
            self._core.mda.cancel()

    def _discard(self, run: RunRecording | None) -> None:
        """Leave nothing behind of a run without frames."""
        if run is not None:
            run.abandon()
        for name in FILES:
            (self._folder.path / name).unlink(missing_ok=True)
        if self._made_folder:
            with suppress(OSError):  # somebody else put a file there
                self._folder.path.rmdir()
