"""How a run is going, in numbers that may be read from any thread at any time."""

from __future__ import annotations

from dataclasses import dataclass

RECENT = 256  # pictures whose delays are told


@dataclass(frozen=True, slots=True)
class Tally:
    """The numbers of a run, or of live mode, at one moment.

    Attributes
    ----------
    acquired, restored : int
        Frames that the camera gave, and pictures made of them.
    deferred : int
        Frames put off because the engine was busy; a recording restores them at its
        end.
    lost : int
        Frames that the camera's buffer lost, or that never came.
    queued : int
        Frames that wait for the disk or for the engine.
    latency_ms : tuple of float
        Delays from frame to picture of the last pictures.
    """

    acquired: int = 0
    restored: int = 0
    deferred: int = 0
    lost: int = 0
    queued: int = 0
    latency_ms: tuple[float, ...] = ()
