"""Between the window and the instrument: what a person asks for, and what comes of it.

Everything that takes time is done by two workers, one for the microscope and one for
movies; nothing here waits. What happened is told by signals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal
from useq import MDASequence

from pssr_live.app.beginning import Start
from pssr_live.app.cards import found_by
from pssr_live.app.feed import Feed
from pssr_live.app.instrument import Instrument
from pssr_live.app.message import Kind, outcome_of, sentence_of
from pssr_live.app.names import new_session
from pssr_live.app.scanner_state import PHOTONS, ScannerState
from pssr_live.app.situation import (
    CHECKING,
    SETTING,
    STARTING,
    STARTING_TO_RECORD,
    Action,
    Situation,
    allowed,
)
from pssr_live.app.throttle import Throttled
from pssr_live.app.worker import Worker
from pssr_live.card import Model
from pssr_live.errors import PssrLiveError
from pssr_live.frame import Frame

__all__ = ["Conductor", "Start"]

LOOK_MS = 250  # how often counters are looked at


class Conductor(QObject):
    """Has things done, one after the other.

    Signals
    -------
    changed : Situation
        What is going on has changed.
    told : (Kind, str)
        A message for the banner.
    progressed : (str, int, int)
        How far something is.
    scanner_changed : ScannerState
        How the scanner is set.
    model_changed : (Model or None, str)
        The model in use, and its name or folder.
    checked : Checked or None
        What a reference said.
    looked : None
        Counters may be read again.
    """

    changed = Signal(object)
    told = Signal(object, str)
    progressed = Signal(str, int, int)
    scanner_changed = Signal(object)
    model_changed = Signal(object, str)
    checked = Signal(object)
    looked = Signal()
    _trouble = Signal(object)

    def __init__(self, feed: Feed, start: Start) -> None:
        super().__init__()
        self.feed, trouble = feed, self._trouble.emit
        self.instrument = Instrument(feed, trouble, start.engine, start.noise)
        self.now = Situation()
        self.folder = start.folder
        self.notes: Callable[[], str] = str
        self.reference_every = 0
        self.model: Model | None = None
        self.scanner: ScannerState | None = None
        self._start = start
        self._worker = Worker("pssr-live microscope")
        self._next_reference = 0
        self._session: Path | None = None
        self._plan_stopped = threading.Event()
        self._seen: Frame | None = None
        self.profile = start.profile
        self.config = start.config
        self._trouble.connect(self._ended_by_itself)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    # -- beginning and ending

    def begin(self) -> None:
        """Load the model, connect the microscope, and start what was asked for."""
        self._timer.start()
        self.use_model(self._start.model)
        self.connect_microscope(self._start.config, self._start.profile)
        if self._start.settings or self._start.density:
            self._do("setting up", self._set_up, self._scanner_read)
        if self._start.live:
            self._worker.do(lambda: None, lambda nothing: self.toggle_live())

    def close(self) -> None:
        """End everything; a recording is finished. Waits."""
        self._timer.stop()
        if self.now.running:
            self._stop_plan()
        self._worker.do(self.instrument.close)
        self._worker.close(patient=self.now.acquiring)

    def can(self, action: Action) -> bool:
        """Return whether something can be done now."""
        return action in allowed(self.now)

    # -- what a person asks for

    def connect_microscope(self, config: Path, profile: str | None) -> None:
        """Connect a microscope; the one before is let go."""
        self.config, self.profile = config, profile
        self._set(connected=False, live=False)
        self._do(
            "connecting",
            lambda: self.instrument.connect(config, profile),
            self._connected,
            lambda error: self.scanner_changed.emit(None),
        )

    def use_profile(self, name: str) -> None:
        """Connect again, with another profile."""
        self.connect_microscope(self.config, name)

    def use_model(self, name: str) -> None:
        """Use another model; live mode is started again if it was on."""
        was_live = self.now.live
        self._set(model=False, live=False)
        self.checked.emit(None)

        def load() -> tuple[Model, ScannerState | None]:
            model = self.instrument.use_model(name)
            return model, self.instrument.fit_density()

        def loaded(found: tuple[Model, ScannerState | None]) -> None:
            self.model, state = found
            self._set(model=True)
            self.model_changed.emit(self.model, found_by(self.model))
            if state is not None:
                self._scanner_read(state)
            if was_live:
                self.toggle_live()

        def refused(error: Exception) -> None:
            self.model = None
            self.model_changed.emit(None, name)

        self._do("loading the model", load, loaded, refused)

    def set_density(self, value: float) -> None:
        """Scan at another density."""
        self.checked.emit(None)
        job = lambda: self.instrument.set_density(int(value))  # noqa: E731
        self._do(SETTING, job, self._scanner_read, self._read_again)

    def set_dwell(self, dwell_us: float) -> None:
        """Stay for another time on each pixel."""
        profile = None if self.scanner is None else self.scanner.profile
        if profile is None or profile.dwell is None:
            return
        device, name = profile.address(profile.dwell)
        value = dwell_us if profile.dwell.unit == "us" else 1e6 / dwell_us
        self._set_property(device, name, value)

    def set_photons(self, photons_per_us: float) -> None:
        """Make the simulated sample brighter or darker."""
        if self.scanner is not None:
            self._set_property(self.scanner.camera, PHOTONS, photons_per_us)

    def snap(self) -> None:
        """Scan and restore one frame."""
        self._do("scanning", self.instrument.snap)

    def toggle_live(self) -> None:
        """Start live mode, or stop it."""
        if self.now.live:
            self.end_live()
        elif self.can(Action.LIVE):
            self._do(
                STARTING,
                self.instrument.go_live,
                self._see_what_runs,
                self._read_again,
            )

    def end_live(self, then: Callable[[], object] = lambda: None) -> None:
        """Stop live mode; `then` is called when no picture will follow."""

        def ended(nothing: object) -> None:
            self._set(live=False)
            then()

        self._do("stopping", self.instrument.stop, ended)

    def toggle_record(self) -> None:
        """Record from now on, or end the recording."""
        if self.now.recording:
            self.stop_recording()
            return
        folder = new_session(self.folder, datetime.now().astimezone())
        self._session = folder
        self._next_reference = self.reference_every

        def recording(nothing: object) -> None:
            self._set(recording=True)
            self._see_what_runs()

        job = lambda: self.instrument.record(folder)  # noqa: E731
        self._do(STARTING_TO_RECORD, job, recording)

    def stop_recording(self) -> None:
        """End the recording; deferred frames are restored first."""
        notes, show = self.notes(), self._progress("Restoring deferred frames")
        self._set(recording=False, finishing=True)

        def ended(error: object = None) -> None:
            self._set(finishing=False, live=self.instrument.is_running())

        def saved(report: dict[str, Any]) -> None:
            self._tell_outcome(report)
            ended()

        self._do(
            "finishing the recording",
            lambda: self.instrument.stop_recording(notes, show),
            saved,
            ended,
        )

    def stop(self) -> None:
        """End what is going on; what is being started ends once it has begun."""
        if self.now.busy in (STARTING, STARTING_TO_RECORD):
            self._worker.do(lambda: None, lambda nothing: self.stop())
        elif self.now.running:
            self._stop_plan()
        elif self.now.recording:
            self.stop_recording()
        elif self.now.live:
            self.toggle_live()

    def take_reference(self) -> None:
        """Scan the middle of the field at full density, and compare."""
        self._do(
            CHECKING,
            self.instrument.take_reference,
            self.checked.emit,
            self._see_what_runs,
        )

    def run_plan(self, sequence: MDASequence) -> None:
        """Run an MDA, recorded and restored."""
        folder = new_session(self.folder, datetime.now().astimezone())
        self._session = folder
        stopped = self._plan_stopped = threading.Event()
        notes, every = self.notes(), self.reference_every
        scanning = self._progress("Scanning")
        catching_up = self._progress("Restoring deferred frames")

        def run() -> dict[str, Any]:
            plan = self.instrument.plan(sequence, folder)
            for warning in plan.warnings:
                self.told.emit(Kind.WARNING, warning)
            return self.instrument.run(
                plan,
                folder,
                stopped=stopped.is_set,
                reference_every=every,
                notes=notes,
                scanning=scanning,
                catching_up=catching_up,
            )

        def ended(error: object = None) -> None:
            self._set(running=False)

        def done(report: dict[str, Any]) -> None:
            ended()
            self._tell_outcome(report)

        self._set(running=True, live=False)
        self._do("", run, done, ended)

    # -- within

    def set_situation(self, **changes: Any) -> None:
        """Tell of what others do: a movie that is open, a picture that is there."""
        self._set(**changes)

    def _set(self, **changes: Any) -> None:
        after = replace(self.now, **changes)
        if after != self.now:
            self.now = after
            self.changed.emit(after)

    def _do(
        self,
        what: str,
        job: Callable[[], Any],
        then: Callable[[Any], object] = lambda result: None,
        failed: Callable[[Exception], object] = lambda error: None,
    ) -> None:
        """Have the microscope's worker do something; its error becomes a message."""

        def ended(result: Any) -> None:
            self._not_busy(what)
            then(result)

        def refused(error: Exception) -> None:
            self._not_busy(what)
            self.told.emit(Kind.ERROR, sentence_of(error))
            failed(error)

        self._set(busy=what)
        self._worker.do(job, ended, refused)

    def _not_busy(self, what: str) -> None:
        self.progressed.emit("", 1, 1)
        if self.now.busy == what:
            self._set(busy="")

    def _stop_plan(self) -> None:
        self._plan_stopped.set()  # also one that is not under way yet
        self.instrument.cancel()

    def _set_up(self) -> ScannerState:
        self.instrument.apply(self._start.settings)
        if self._start.density is not None:
            return self.instrument.set_density(self._start.density)
        return self.instrument.scanner()

    def _connected(self, state: ScannerState) -> None:
        self._set(connected=True)
        self._scanner_read(state)

    def _scanner_read(self, state: ScannerState) -> None:
        self.scanner = state
        self.scanner_changed.emit(state)

    def _read_again(self, error: Exception) -> None:
        """After a refusal: show how the scanner really is, and whether it runs."""
        self._set(live=self.instrument.is_running())
        if self.scanner is not None:
            self.scanner_changed.emit(self.scanner)

    def _set_property(self, device: str, name: str, value: float) -> None:
        self._do(
            SETTING,
            lambda: self.instrument.set_property(device, name, value),
            self._scanner_read,
            self._read_again,
        )

    def _progress(self, what: str) -> Callable[[int, int], None]:
        return Throttled(
            lambda done, total: self.progressed.emit(what, done, total)
        ).call

    def _tell_outcome(self, report: dict[str, Any]) -> None:
        kind, text = outcome_of(report, self._session)
        self.told.emit(kind, text)

    def _ended_by_itself(self, error: PssrLiveError) -> None:
        """A camera that vanished or a disk that is full: say so, save what there is."""
        self.told.emit(Kind.ERROR, str(error))
        self._see_what_runs()

    def _see_what_runs(self, result: object = None) -> None:
        """Show whether the camera runs; a recording that can have no more is saved."""
        self._set(live=self.instrument.is_running())
        if self.now.recording and not self.instrument.is_recording():
            self.stop_recording()

    def _look(self) -> None:
        frame = self.instrument.newest_frame()
        if frame is not None and frame is not self._seen:
            self._seen = frame
            self.feed.put_frame(frame)
        due = self.reference_every and self.now.recording and self._worker.is_idle
        if due and self.instrument.tally().acquired >= self._next_reference:
            self._next_reference += self.reference_every
            self.take_reference()
        self.looked.emit()
