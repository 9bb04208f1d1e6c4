"""The numbers of the status strip, as words. Pure; knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pssr_live.scanners.tally import Tally

LITTLE_MINUTES = 10.0
SLOW = 0.9  # of the acquired frames: below this the restoration lags
MANY_MINUTES = 100_000.0


class Tone(StrEnum):
    """How a reading is meant."""

    PLAIN = "plain"
    FAINT = "faint"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of the strip: its caption, its value, and what it means."""

    name: str
    value: str
    tone: Tone = Tone.PLAIN
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Speeds:
    """Frames per second that came, were restored, and were painted."""

    acquired: float = 0.0
    restored: float = 0.0
    shown: float = 0.0


def readings(
    tally: Tally,
    speeds: Speeds,
    lookahead: int | None,
    disk_minutes: float | None,
) -> list[Reading]:
    """Return the strip from left to right.

    Parameters
    ----------
    tally : Tally
        Counts of the run or of live mode.
    speeds : Speeds
        What the counters grew by.
    lookahead : int or None
        Frames that the model waits for; None without a model.
    disk_minutes : float or None
        How long the disk lasts at this speed; None where that is not known.
    """
    return [
        *_speeds(speeds),
        Reading(
            "latency p95",
            late(tally.latency_ms),
            tip="95 % of the pictures came sooner after their frame than this.",
        ),
        Reading(
            "lookahead",
            "–" if lookahead is None else f"{lookahead}",
            tip="Later frames that the model waits for before it restores one.",
        ),
        *_counts(tally),
        Reading(
            "disk",
            minutes(disk_minutes),
            Tone.BAD
            if disk_minutes is not None and disk_minutes < LITTLE_MINUTES
            else Tone.PLAIN,
            "How long a recording at this speed fits on the disk.",
        ),
    ]


def minutes_left(free: int, frame_bytes: int, frames_per_s: float) -> float | None:
    """Return for how many minutes a disk lasts; None if nothing comes.

    >>> minutes_left(600_000_000, 1_000_000, 10)
    1.0
    """
    if frame_bytes <= 0 or frames_per_s <= 0:
        return None
    return free / (frame_bytes * frames_per_s) / 60


def minutes(value: float | None) -> str:
    """Return a time on the disk as people say it.

    >>> [minutes(m) for m in (None, 0.4, 7.2, 95, 400, 9e9)]
    ['–', '24 s', '7 min', '95 min', '6.7 h', '> 69 days']
    """
    if value is None:
        return "–"
    if value > MANY_MINUTES:
        return f"> {MANY_MINUTES / 1440:.0f} days"
    if value < 1:
        return f"{60 * value:.0f} s"
    return f"{value:.0f} min" if value < 120 else f"{value / 60:.1f} h"


def late(latency_ms: tuple[float, ...]) -> str:
    """Return the 95th percentile of delays.

    >>> late(()), late((10.0, 20.0)), late((4000.0,))
    ('–', '20 ms', '4.0 s')
    """
    if not latency_ms:
        return "–"
    p95 = float(np.percentile(latency_ms, 95))
    return f"{p95:.0f} ms" if p95 < 1000 else f"{p95 / 1000:.1f} s"


def _rate(per_s: float) -> str:
    if per_s <= 0:
        return "–"
    return f"{per_s:.1f} /s" if per_s < 100 else f"{per_s:.0f} /s"


def _speeds(speeds: Speeds) -> list[Reading]:
    return [
        Reading("acquired", _rate(speeds.acquired), tip="Frames per second scanned."),
        Reading(
            "restored",
            _rate(speeds.restored),
            Tone.WARN if 0 < speeds.restored < SLOW * speeds.acquired else Tone.PLAIN,
            "Frames per second restored. Fewer than scanned: the engine is too slow "
            "for this scan; a recording restores the rest at its end.",
        ),
        Reading(
            "shown", _rate(speeds.shown), tip="Pictures per second painted, at most 30."
        ),
    ]


def _counts(tally: Tally) -> list[Reading]:
    return [
        Reading(
            "deferred",
            f"{tally.deferred}",
            Tone.WARN if tally.deferred else Tone.FAINT,
            "Recorded frames that the engine could not do in time; they are restored "
            "when the recording ends.",
        ),
        Reading(
            "lost",
            f"{tally.lost}",
            Tone.BAD if tally.lost else Tone.FAINT,
            "Frames that the camera's buffer lost, or that never came.",
        ),
        Reading(
            "queue",
            f"{tally.queued}",
            Tone.PLAIN if tally.queued else Tone.FAINT,
            "Frames waiting for the disk or the engine.",
        ),
    ]
