"""When a run has ended, whichever thread it is in, and why it ended early.

`core.mda.run` blocks and `core.run_mda` does not; Ctrl-C in the first leaves the
relay thread of pymmcore-plus waiting for ever for a signal that nobody sends, which
would keep Python from exiting. Both are sorted out here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pymmcore_plus import CMMCorePlus
from pymmcore_plus.mda import FinishReason, RunState
from pymmcore_plus.mda._thread_relay import MDARelayThread

from pssr_live.scanners.account import Ending
from pssr_live.scanners.signals import wait_for

START_S = 1.0  # in which a run in another thread must have begun
CANCEL_S = 2.0  # in which a cancelled run must have ended
LOOK_S = 0.1
_IN_ITS_THREAD: Ending = (
    "failed",
    "The acquisition stopped with an error, which its thread has printed; every "
    "acquired frame is there.",
)


class RunWatch:
    """Watches one run of a core.

    Attributes
    ----------
    ended : Event
        Set when no frame will follow.
    cancelled : bool
        Whether somebody ended the run early on purpose.
    errored : bool
        Whether an error ended it.
    asked_for : bool
        Whether a run has been given what brings its frames. Without, whatever the core
        does is another's run.
    """

    def __init__(self, core: CMMCorePlus) -> None:
        self.ended = threading.Event()
        self.cancelled = self.errored = self.asked_for = False
        self._core = core
        self._began = threading.Event()
        self._caller: threading.Thread | None = None

    def begin(self) -> None:
        """Take note of a run that begins; called by what brings its frames."""
        self._caller = threading.current_thread()
        self.ended.clear()
        self._began.set()

    def end(self) -> None:
        """Take note that the run is over; called by what brought its frames."""
        self.errored = self._core.mda.status.finish_reason == FinishReason.ERRORED
        self.ended.set()

    def wait(self, error: BaseException | None) -> KeyboardInterrupt | None:
        """Return when no frame will follow.

        Parameters
        ----------
        error : BaseException, optional
            What goes wrong at this moment: then the run is broken off.

        Returns
        -------
        KeyboardInterrupt or None
            A Ctrl-C that came while waiting, which broke the run off.
        """
        if error is not None:
            self._break_off()
            return None
        try:
            if self._has_begun():
                while not self._has_ended(LOOK_S) and self._may_go_on():
                    pass
                if not self.ended.is_set():
                    self.end()  # the relay thread may leave before its last signal
        except KeyboardInterrupt as interrupt:
            self._break_off()
            return interrupt
        return None

    def early_end(self, error: BaseException | None) -> Ending | None:
        """Return status and reason of a run that did not come to its own end."""
        if self.cancelled or isinstance(error, KeyboardInterrupt):
            return "aborted", "The run was cancelled; every acquired frame is there."
        if error is None:
            return _IN_ITS_THREAD if self.errored else None
        if self._core.mda.status.finish_reason == FinishReason.ERRORED:
            return "failed", str(error) or type(error).__name__
        if not self.ended.is_set():
            reason = str(error) or type(error).__name__
            return "aborted", f"An error in the script ended the run: {reason}"
        return None  # it went wrong after the run

    def _has_begun(self) -> bool:
        """Return whether a run brings frames; one that is under way is waited for."""
        while not wait_for(self._core, self._began, START_S):
            if not self.asked_for or self._core.mda.status.phase == RunState.IDLE:
                return False
        return True

    def _has_ended(self, timeout_s: float) -> bool:
        return wait_for(self._core, self.ended, timeout_s)

    def _may_go_on(self) -> bool:
        if isinstance(self._caller, MDARelayThread):
            return self._caller.is_alive()
        return self._core.mda.status.phase != RunState.IDLE

    def _break_off(self) -> None:
        if not self.asked_for:
            return
        self._core.mda.cancel()
        if not self._has_begun() or self._has_ended(CANCEL_S):
            return
        with suppress(Exception):
            self._core.stopSequenceAcquisition()
        if isinstance(self._caller, MDARelayThread):
            self._caller.stop()
            self._caller.join(CANCEL_S)


@contextmanager
def cancelled_early(core: CMMCorePlus, wanted: Callable[[], bool]) -> Iterator[None]:
    """Cancel a run in this block that was to be cancelled before it began.

    Until a run has begun the MDA runner forgets whoever cancels it.
    """

    def look() -> None:
        if wanted():
            core.mda.cancel()

    core.mda.events.sequenceStarted.connect(look)
    try:
        yield
    finally:
        core.mda.events.sequenceStarted.disconnect(look)
