"""What live mode counts, and how it says that the camera ended it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pymmcore_plus import CMMCorePlus

from pssr_live.errors import PssrLiveError, ScannerError
from pssr_live.scanners.tally import RECENT, Tally

NUMBER = "ImageNumber"


@dataclass
class LiveCounts:
    """What live mode has seen since it was started; one thread writes."""

    frames: int = 0
    lost: int = 0
    shown: int = 0
    latency_ms: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _last_number: int = -1

    def lost_before(self, tags: Any) -> int:
        """Return, and count, the images that the buffer lost before one with `tags`.

        The camera numbers its images; one without a number follows the last.
        """
        if NUMBER not in tags:
            return 0
        number = int(tags.get(NUMBER))
        lost = max(0, number - self._last_number - 1)
        self._last_number = number
        self.lost += lost
        return lost

    def tally(self) -> Tally:
        """Return how it is going, in the words of a run."""
        return Tally(
            acquired=self.frames,
            restored=self.shown,
            lost=self.lost,
            latency_ms=tuple(self.latency_ms),
        )


def ended(what: str, error: Exception) -> PssrLiveError:
    """Return the sentence for a camera that `what`, such as "stopped"."""
    if isinstance(error, PssrLiveError) and what == "could not be recorded":
        return error
    reason = " ".join(str(error).split()).rstrip(" .") or type(error).__name__
    return ScannerError(
        f"The camera {what}: {reason}; check it and start live mode again."
    )


def require_block(is_open: bool) -> None:
    """Refuse to light the sample, or make a folder, where nothing would end it.

    Raises
    ------
    ScannerError
        If live mode is not, or not any more, in its `with` block.
    """
    if not is_open:
        raise ScannerError(
            "LiveMode was used outside its `with` block: write "
            "`with LiveMode(core, model) as live:`, which starts the camera, and stops "
            "it at its end."
        )


def require_startable(core: CMMCorePlus, *, is_running: bool) -> None:
    """Refuse to start a camera that runs, for whomever, or that has several detectors.

    Raises
    ------
    ScannerError
        Saying which of them it is.
    """
    if is_running or core.isSequenceRunning() or core.mda.is_running():
        raise ScannerError(
            "The camera is running already; stop its live mode or MDA first."
        )
    if core.getNumberOfCameraChannels() > 1:
        raise ScannerError(
            f"The camera has {core.getNumberOfCameraChannels()} channels and live "
            "mode shows one: choose a single camera, or run an MDA."
        )
