"""An MDA engine whose frames are the restored ones, for any viewer as it is.

    with RestoringEngine(core, "mito-mf5-x4-live", save="session_01"):
        core.mda.run(sequence, output="restored.ome.zarr")

Summary and frame metadata tell the size and pixel size of what is delivered. A model
that looks ahead delivers a frame when the frames after it are there, but under the
event that it belongs to; the last ones come with the last event.

Each frame waits for its restoration, so the run goes no faster than the engine. Where
that is too slow, use `LiveRestoration`, which never holds up the microscope.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, cast

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import FinishReason, MDAEngine, RunState
from pymmcore_plus.metadata import SummaryMetaV1
from useq import MDAEvent, MDASequence

from pssr_live.frame import Restored, Series, series_of
from pssr_live.restorer import Restorer, open_restorer
from pssr_live.scanners.account import Ending
from pssr_live.scanners.arrivals import Arrivals, by_detector, run_layout
from pssr_live.scanners.core import protect
from pssr_live.scanners.interrupts import interrupt_once
from pssr_live.scanners.passing import PassingRun
from pssr_live.scanners.recording import RunRecording
from pssr_live.scanners.watch import LOOK_S, START_S
from pssr_live.scanners.ways import Ways
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.session import SessionFolder, session_path

log = logging.getLogger(__name__)

Payload = tuple[Any, MDAEvent, Any]


class RestoringEngine(MDAEngine):
    """Restores every frame before the MDA runner sees it; serves in a `with` block.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    model : str, Path or Restorer
        A model's name, or its folder.
    save : str or Path, optional
        Folder for a session with the raw frames, the restored ones and the report;
        must be new or empty when a run starts. Without it raw frames are not kept.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    overwrite : bool
        Replace the session that `save` holds.
    **others
        As for `pymmcore_plus.mda.MDAEngine`.

    Raises
    ------
    ModelError, EngineError
        If nothing can restore.

    Attributes
    ----------
    report : dict
        After a run with `save`: what `report.json` holds.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        model: str | Path | Restorer,
        *,
        save: str | Path | None = None,
        engine: str | None = None,
        overwrite: bool = False,
        **others: Any,
    ) -> None:
        protect(core)
        super().__init__(core, **others)
        self.report: dict[str, Any] = {}
        self._restorer = open_restorer(model, engine)
        self._save = None if save is None else session_path(save)
        self._overwrite = overwrite
        self._before: Any = None
        self._began, self._detectors = False, 1
        self._last: MDAEvent | None = None
        self._error: Exception | None = None
        self._run: RunRecording | PassingRun | None = None

    def __enter__(self) -> Self:
        self._restorer.require_open()
        self._before = self.mmcore.mda.set_engine(self)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with interrupt_once(pressed=isinstance(error, KeyboardInterrupt)):
            self._wait_for_idle(broken=error is not None)
        if self._before is not None:
            self.mmcore.mda.set_engine(self._before)
        self._restorer.close()

    def _wait_for_idle(self, *, broken: bool) -> None:
        """Return when no run needs this engine; a broken block ends its run."""
        mda = self.mmcore.mda
        begins_s = time.monotonic() + START_S  # `run_mda` begins in its own time
        while not self._began and not broken and time.monotonic() < begins_s:
            time.sleep(LOOK_S)
        try:
            if broken:
                mda.cancel()
            while mda.status.phase != RunState.IDLE:
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            mda.cancel()
            raise

    # -- what the MDA runner calls

    def setup_sequence(self, sequence: MDASequence) -> SummaryMetaV1 | None:
        """Set up the microscope and the restoration.

        Raises
        ------
        StorageError
            If the session's folder cannot be used.
        """
        self._began = True
        folder = None
        if self._save is not None:
            folder = SessionFolder.create(self._save, overwrite=self._overwrite)
        meta = super().setup_sequence(sequence)
        self._detectors = int(self.mmcore.getNumberOfCameraChannels())
        # Now that a grid knows its field, not before.
        layout = by_detector(run_layout(sequence), self._detectors)
        self._last = self._error = None
        self._arrivals = Arrivals(Ways.unless_known(layout))
        self._to_come = Counter(series_of(i) for i in layout.indices or ())
        self._in_order = bool(layout.indices)
        self._taken: dict[int, tuple[MDAEvent, Any]] = {}
        self._order: deque[int | None] = deque()
        self._ready: dict[int, Payload] = {}
        if folder is None:
            self._run = PassingRun(self._restorer, layout, self._stop, self._keep)
        else:
            self._run = RunRecording(
                folder, self._restorer, layout, self._stop, self._keep
            )
        return meta

    def get_summary_metadata(self, *args: Any, **kwargs: Any) -> SummaryMetaV1:
        """Return what is told of a run, as it is after restoration."""
        meta = super().get_summary_metadata(*args, **kwargs)
        scale = self._restorer.card.scale
        for info in cast("Any", meta).get("image_infos", ())[:1]:
            for name in ("height", "width"):
                info[name] *= scale
            height, width, *rest = info["plane_shape"]
            info["plane_shape"] = (height * scale, width * scale, *rest)
            info["pixel_size_um"] /= scale
            if "pixel_size_affine" in info:
                affine = info["pixel_size_affine"]
                info["pixel_size_affine"] = tuple(value / scale for value in affine)
            if "roi" in info:
                info["roi"] = tuple(value * scale for value in info["roi"])
        return meta

    def event_iterator(self, events: Iterable[MDAEvent]) -> Iterator[MDAEvent]:
        """Yield events and note which is the last: it delivers what is left."""
        held: MDAEvent | None = None
        for event in super().event_iterator(events):
            if held is not None:
                yield held
            held = event
        if held is not None:
            self._last = held
            yield held

    def exec_event(self, event: MDAEvent) -> Iterator[Payload | None]:
        """Yield the restored frames that are ready, each under its own event.

        Raises
        ------
        PssrLiveError
            If a frame cannot be recorded.
        """
        for payload in self._acquired(event):
            if payload is None:
                self._order.append(None)
            else:
                self._restore(payload)
            yield from self._deliver()
        if self._end_series(event):
            yield from self._deliver()
        if event is self._last and self._run is not None:
            self._run.pipeline.finish()
            yield from self._deliver(everything=True)

    def teardown_sequence(self, sequence: MDASequence) -> None:
        """End the restoration; a cancelled run gives its last frames here."""
        super().teardown_sequence(sequence)
        try:
            self._finish()
        except Exception as error:  # raised here, it would keep the runner from idling
            log.error("The restoration did not end well: %s", error)
        self._run = None

    # -- within

    def _acquired(self, event: MDAEvent) -> Iterator[Payload | None]:
        """Yield what the camera gives, and pass on that a run is cancelled.

        The runner tells a generator so with each frame that it takes; here a frame
        taken is not always one given.
        """
        inner = cast("Generator[Any, str | None, None]", super().exec_event(event))
        try:
            payload = next(inner)
            while True:
                yield payload
                payload = inner.send(self._signal())
        except StopIteration:
            return

    def _signal(self) -> str | None:
        status = self.mmcore.mda.status
        if status.cancel_requested or status.phase == RunState.FINISHING:
            return "cancel"
        return "pause" if status.pause_requested else None

    def _restore(self, payload: Payload) -> None:
        image, event, meta = payload
        run = self._run
        assert run is not None  # noqa: S101 - set up before any event
        frame = self._arrivals.frame(run, image, event, meta)
        self._taken[frame.ordinal] = (event, meta)
        self._order.append(frame.ordinal)
        if isinstance(run, RunRecording):
            run.submit(frame)
        else:
            run.pipeline.submit(frame)
        run.pipeline.settle(None)
        if self._error is not None:
            raise self._error

    def _end_series(self, event: MDAEvent) -> bool:
        """Complete the series for which `event` was the last; False if for none."""
        ended: list[Series] = []
        events = getattr(event, "events", ()) or (event,)
        taken = RunLayout(tuple(dict(one.index) for one in events))
        for index in by_detector(taken, self._detectors).indices or ():
            series = series_of(index)
            if self._to_come[series] > 0:
                self._to_come[series] -= 1
                if not self._to_come[series]:
                    ended.append(series)
        if self._run is None or not ended:
            return False
        for series in ended:
            self._run.pipeline.end_series(series)
        self._run.pipeline.settle(None)
        return True

    def _keep(self, restored: Restored) -> None:
        """Keep a picture until its turn comes; from the restore thread."""
        event, meta = self._taken.pop(restored.frame.ordinal)
        told = {
            **meta,
            "pixel_size_um": restored.pixel_size_um or 0.0,
            "pssr_live": {
                "model": restored.model,
                "engine": restored.engine,
                "sources": restored.sources,
            },
        }
        self._ready[restored.frame.ordinal] = (restored.pixels, event, told)

    def _deliver(self, everything: bool = False) -> Iterator[Payload | None]:
        """Yield what is ready, in the order of acquisition; None for a lost frame.

        A file writer counts frames, so order matters more than a moment's delay.
        Where the run's length is not known, nothing is held back for it.
        """
        waiting = deque[int | None]()
        while self._order:
            ordinal = self._order.popleft()
            if ordinal is None:
                yield None
            elif ordinal in self._ready:
                yield self._ready.pop(ordinal)
            elif everything:
                yield None  # no engine could restore it
            else:
                waiting.append(ordinal)
                if self._in_order:
                    break
        self._order.extendleft(reversed(waiting))

    def _finish(self) -> None:
        run = self._run
        if run is None:
            return
        run.pipeline.finish()
        for payload in self._deliver(everything=True):
            if payload is not None:
                self.mmcore.mda.events.frameReady.emit(*payload)
        if isinstance(run, RunRecording):
            mismatch = self._restorer.card.sample.mismatch(
                self.mmcore.getPixelSizeUm() or None
            )
            self.report = run.finish(
                self._early_end(), warnings=[mismatch] if mismatch else []
            )

    def _early_end(self) -> Ending | None:
        reason = self.mmcore.mda.status.finish_reason
        if reason == FinishReason.CANCELED:
            return "aborted", "The run was cancelled; every acquired frame is there."
        if reason == FinishReason.ERRORED:
            return "failed", str(self._error or "The acquisition stopped.")
        return None

    def _stop(self, error: Exception) -> None:
        self._error = error
