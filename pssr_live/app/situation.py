"""What is going on, and what a person may do about it. Pure; knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

STARTING = "starting"
STARTING_TO_RECORD = "starting to record"
SETTING = "setting the scanner"
CHECKING = "taking a reference"
BRIEF = (STARTING, SETTING, CHECKING)  # over in a moment: a recording begins right then


class Action(StrEnum):
    """What buttons and keys ask for."""

    SNAP = "snap"
    LIVE = "live"
    RECORD = "record"
    STOP = "stop"
    REFERENCE = "reference"
    PLAN = "plan"
    CONNECT = "connect"
    SCANNER = "scanner"
    MODEL = "model"
    OPEN = "open"
    RESTORE = "restore"
    SAVE = "save"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of a session.

    Attributes
    ----------
    connected : bool
        Whether there is a microscope with a camera.
    model : bool
        Whether a model can be used.
    live, recording, running : bool
        Live mode is on; frames are recorded; an MDA runs.
    finishing : bool
        A recording has ended and its files are not whole yet.
    busy : str
        What is being done just now that must not be disturbed; empty if nothing.
    movie : bool
        Whether a movie is open.
    restoring, restored : bool
        Whether it is being restored, or has been.
    picture : bool
        Whether there is anything on the screen.
    missing : bool
        Whether there is nothing because the movie has no frame of this moment.
    """

    connected: bool = False
    model: bool = False
    live: bool = False
    recording: bool = False
    running: bool = False
    finishing: bool = False
    busy: str = ""
    movie: bool = False
    restoring: bool = False
    restored: bool = False
    picture: bool = False
    missing: bool = False

    @property
    def acquiring(self) -> bool:
        """Whether frames are kept that closing the window would end."""
        return self.recording or self.running or self.finishing

    @property
    def word(self) -> str:
        """What is going on, in a word or two."""
        if self.busy:
            return self.busy
        if self.running:
            return "running the plan"
        if self.recording:
            return "recording"
        if self.live:
            return "live"
        if self.restoring:
            return "restoring the movie"
        if self.movie:
            return "movie"
        return "ready" if self.connected else "not connected"


def allowed(now: Situation) -> frozenset[Action]:
    """Return what can be done now."""
    can: set[Action] = set()
    if now.picture:
        can.add(Action.EXPORT)
    if now.live or now.running or now.restoring:
        can.add(Action.STOP)
    if now.running or now.busy:
        begins = now.busy in BRIEF and now.connected and now.model
        # Neither to begin nor to end may it have to wait for a lucky moment.
        if now.recording or (begins and not (now.running or now.restoring)):
            can.add(Action.RECORD)
        return frozenset(can)
    if not (now.recording or now.restoring):
        can |= {Action.CONNECT, Action.MODEL, Action.OPEN}
    if now.movie and now.model and not now.restoring:
        can.add(Action.RESTORE)
    if now.restored and not now.restoring:
        can.add(Action.SAVE)
    if not now.connected or now.restoring:
        return frozenset(can)
    if not now.recording:
        can.add(Action.SCANNER)
    if now.model:
        can |= {Action.RECORD, Action.REFERENCE if now.live else Action.SNAP}
        if not now.recording:
            can |= {Action.LIVE, Action.PLAN}
    return frozenset(can)
