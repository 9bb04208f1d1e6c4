"""The microscope and the model behind a window. Knows no Qt.

Every method but `tally`, `engine` and `cancel` may take long and belongs into one
worker thread; those three may be called from any thread at any time. Pictures go into
the `Feed`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from useq import MDASequence

from pssr_live.app.checked import Checked, judged
from pssr_live.app.feed import Feed
from pssr_live.app.scanner_state import (
    ScannerState,
    addresses,
    fit_density,
    fitting_profile,
    full_density,
    read_scanner,
    require_camera,
    set_value,
)
from pssr_live.card import Model, load_model
from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.frame import Frame
from pssr_live.pipeline import Progress
from pssr_live.restorer import Restorer, check_frame
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hardware_kept import require_idle
from pssr_live.scanners.hardware_state import HardwareState
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.live_mode import LiveMode
from pssr_live.scanners.planned_sites import position_names
from pssr_live.scanners.profiles import Profile, noise_from
from pssr_live.scanners.profiles.on_core import answering, set_density
from pssr_live.scanners.references.plan import ReferencePlan
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.session_plan import SessionPlan, plan_session
from pssr_live.scanners.tally import Tally
from pssr_live.scanners.watch import cancelled_early
from pssr_live.storage.session import SessionFolder
from pssr_live.trust import Noises

log = logging.getLogger(__name__)


class Instrument:
    """One microscope, one model, one thing at a time.

    Parameters
    ----------
    feed : Feed
        Takes the pictures.
    on_trouble : callable
        Called, from any thread, with what ended live mode or a recording by itself.
    engine : str, optional
        Name of the inference engine; the best that works if left out.
    noise : mapping of str to ScanNoise, optional
        What noise scans have; what the profile's calibration says if left out.
    """

    def __init__(
        self,
        feed: Feed,
        on_trouble: Callable[[PssrLiveError], None],
        engine: str | None = None,
        noise: Noises | None = None,
    ) -> None:
        self._feed, self._on_trouble, self._engine = feed, on_trouble, engine
        self._given = self._noise = noise or {}
        self._core: ScanCore | None = None
        self._before: HardwareState | None = None
        self._profile: Profile | None = None
        self._model: Model | None = None
        self._restorer: Restorer | None = None
        self._live: LiveMode | None = None
        self._run: LiveRestoration | None = None

    # -- any thread

    def tally(self) -> Tally:
        """Return the counts of what is going on."""
        run, live = self._run, self._live
        if run is not None:
            return run.tally()
        return Tally() if live is None else live.tally()

    def engine(self) -> dict[str, Any] | None:
        """Return which engine is in use and which were refused; None before any."""
        restorer = self._restorer
        return None if restorer is None else restorer.engine_report()

    def newest_frame(self) -> Frame | None:
        """Return the newest raw frame of live mode, restored or not."""
        live = self._live
        return None if live is None else live.newest_frame

    def is_running(self) -> bool:
        """Return whether live mode gets frames."""
        live = self._live
        return live is not None and live.is_running

    def is_recording(self) -> bool:
        """Return whether frames of live mode are being kept, and may go on to come."""
        live = self._live
        return live is not None and live.keeps_frames

    def cancel(self) -> None:
        """End a plan that is running; what was acquired is kept."""
        core = self._core
        if core is not None and self._run is not None:
            core.mda.cancel()

    # -- the microscope

    def connect(self, config: Path, profile: str | None = None) -> ScannerState:
        """Open a configuration, and find the profile that suits it.

        Raises
        ------
        ScannerError
            If it cannot be loaded or has no camera, or the profile is not for it.
        """
        self.disconnect()
        # Else pymmcore-plus would call back through Qt, in the GUI thread.
        os.environ.setdefault("PYMM_SIGNALS_BACKEND", "psygnal")
        core = open_core(config)
        try:
            require_camera(core, config)
            self._profile = fitting_profile(core, profile)
            self._noise = self._given or noise_from(None, self._profile)
            self._before = HardwareState.read(
                core, addresses(self._profile), stage=False
            )
        except BaseException:
            close_core(core)
            raise
        self._core = core
        return self._at_the_models_density()

    def disconnect(self) -> None:
        """Stop everything, put the microscope back as it was, and let it go."""
        self.stop()
        core, self._core = self._core, None
        if core is None:
            return
        if self._before is not None:
            for said in self._before.put_back(core):
                log.warning("%s", said)
        close_core(core)

    def scanner(self) -> ScannerState:
        """Return what is set now.

        Raises
        ------
        ScannerError
            If the microscope does not answer.
        """
        return read_scanner(self._connected(), self._profile)

    def set_density(self, value: int) -> ScannerState:
        """Scan at another density; live mode pauses for it."""
        core, profile = self._connected(), self._profile
        if profile is None:
            raise ScannerError("There is no profile that tells how to set the density.")
        return self._between_frames(lambda: set_density(core, profile, value))

    def set_property(self, device: str, name: str, value: float) -> ScannerState:
        """Set a property of a device; live mode pauses for it."""
        core = self._connected()
        return self._between_frames(lambda: set_value(core, device, name, value))

    def apply(self, settings: Iterable[tuple[str, ...]]) -> None:
        """Set presets (group, preset) and properties (device, property, value)."""
        for setting in settings:
            set_value(self._connected(), *setting)

    # -- the model

    def use_model(self, name: str) -> Model:
        """Load a model and prove that an engine runs it; live mode ends.

        Raises
        ------
        ModelError, EngineError
            If it is refused; then there is none.
        """
        self.stop()
        self._forget_restorer()
        self._model = None
        model = load_model(name)
        self._restorer = Restorer(model, self._engine)
        self._model = model
        return model

    def fit_density(self) -> ScannerState | None:
        """Scan at the density that the model was made for; None if not connected."""
        return None if self._core is None else self._at_the_models_density()

    # -- looking

    def snap(self) -> None:
        """Scan and restore one frame."""
        core = self._connected()
        require_idle(core)
        with answering():
            core.snapImage()
            size_um = core.getPixelSizeUm() or None
            frame = Frame(core.getImage(), 0, {"t": 0}, pixel_size_um=size_um)
        check_frame(frame)
        for restored in self._ready().restore([frame]):
            self._feed.clear()
            self._feed.put_restored(restored)

    def go_live(self) -> None:
        """Start live mode."""
        if self._live is not None and self._live.is_running:
            return
        self._end_live()
        self._feed.clear()
        live = LiveMode(
            self._connected(),
            self._ready(),
            on_restored=self._feed.put_restored,
            on_trouble=self._on_trouble,
        )
        live.__enter__()
        self._live = live

    def record(self, folder: Path) -> None:
        """Record from now on; starts live mode where it is off.

        Raises
        ------
        StorageError
            If the folder cannot be used.
        """
        self.go_live()
        assert self._live is not None  # noqa: S101 - just started
        self._live.record(folder)

    def stop_recording(
        self, notes: str = "", progress: Progress | None = None
    ) -> dict[str, Any]:
        """End the recording and return its report; live mode goes on if it can."""
        live = self._live
        if live is None or not live.is_recording:
            raise ScannerError("Nothing is being recorded.")
        folder = live.recording_folder
        report = live.stop_recording(progress=progress)
        if notes.strip() and folder is not None:
            folder.write_notes(notes)
        if not live.is_running:
            self._end_live()
        return report

    def take_reference(self) -> Checked:
        """Scan the middle of the field at full density, and judge the picture by it."""
        live = self._live
        if live is None:
            raise ScannerError("References need live mode: start it first.")
        shown = live.latest
        taken = live.take_reference(ReferencePlan(density=full_density(self._profile)))
        if taken.scan is None:
            return Checked(None, taken.reason)
        if shown is None:
            return Checked(None, "nothing had been restored yet")
        return judged(shown, taken.scan.pixels, taken.scan.rectangle)

    def stop(self) -> None:
        """End live mode; a recording is finished."""
        self._end_live()

    # -- plans

    def plan(self, sequence: MDASequence, folder: Path) -> SessionPlan:
        """Work out a run, and refuse one that cannot succeed."""
        self.stop()
        return plan_session(
            self._connected(), sequence, self._ready(), folder, self._profile
        )

    def run(
        self,
        plan: SessionPlan,
        folder: Path,
        *,
        stopped: Callable[[], bool] = lambda: False,
        reference_every: int = 0,
        notes: str = "",
        scanning: Progress | None = None,
        catching_up: Progress | None = None,
    ) -> dict[str, Any]:
        """Run a plan, record and restore it, and return its report.

        Parameters
        ----------
        plan : SessionPlan
            As `plan` returned it.
        folder : Path
            For the session; new or empty.
        stopped : callable, optional
            Whether the run was cancelled before it began.
        reference_every : int
            Frames between two references; 0 for none.
        notes : str
            Kept with the session.
        scanning, catching_up : callable, optional
            Called with (done, total).
        """
        core = self._connected()
        self._feed.clear(position_names(plan.sequence))
        run = LiveRestoration(
            self._ready(),
            folder,
            core=core,
            on_restored=self._feed.put_restored,
            progress=catching_up,
            reference_every=reference_every or None,
            reference_density=full_density(self._profile) if reference_every else (),
        )
        self._run = run
        try:
            with cancelled_early(core, stopped):
                report = acquire(core, plan.sequence, run, scanning, plan.scan)
        finally:
            self._run = None
            self._forget_restorer()
            if notes.strip() and folder.is_dir():
                SessionFolder(folder).write_notes(notes)
        return report

    def close(self) -> None:
        """Stop everything and free everything; a recording is finished."""
        try:
            self.disconnect()
        finally:
            self._forget_restorer()

    # -- within

    def _connected(self) -> ScanCore:
        if self._core is None:
            raise ScannerError(
                "No microscope is connected: choose a configuration first."
            )
        return self._core

    def _ready(self) -> Restorer:
        """Return the restorer, a new one if the last was used up."""
        if self._model is None:
            raise ScannerError("No model is in use: choose one first.")
        if self._restorer is None:
            self._restorer = Restorer(self._model, self._engine)
        self._restorer.noise = self._noise
        return self._restorer

    def _forget_restorer(self) -> None:
        restorer, self._restorer = self._restorer, None
        if restorer is not None:
            restorer.close()

    def _end_live(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            try:
                live.__exit__(None, None, None)
            finally:
                self._forget_restorer()

    def _between_frames(self, change: Callable[[], None]) -> ScannerState:
        live = self._live
        if live is not None and live.is_recording:
            raise ScannerError(
                "A recording has one density and dwell: stop it before changing them."
            )
        was_running = live is not None and live.is_running
        if live is not None:
            live.stop()
        try:
            change()
        finally:
            if live is not None and was_running:
                live.start()
        return self.scanner()

    def _at_the_models_density(self) -> ScannerState:
        core, profile, model = self._connected(), self._profile, self._model
        if profile is not None and model is not None:
            fit_density(core, profile, model.card.scale)
        return self.scanner()
