"""The true account of a run: how it ended, in a word and a sentence, and how fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.errors import StorageError
from pssr_live.pipeline import Counters
from pssr_live.storage.session import RunStatus, read_log

Ending = tuple[RunStatus, str]
ENDED_EMPTY: Ending = ("aborted", "It was ended before its first frame came.")


def outcome(
    counters: Counters,
    *,
    lost: int = 0,
    interpolated: int = 0,
    early_end: Ending | None = None,
    trouble: Exception | None = None,
) -> Ending:
    """Return how a run ended.

    Parameters
    ----------
    counters : Counters
        What the pipeline counted.
    lost : int
        Frames that were expected and never came.
    interpolated : int
        Frames that no network restored, though one was wanted.
    early_end : (status, reason), optional
        How the run ended, if not by itself.
    trouble : Exception, optional
        The first thing that went wrong in the pipeline.
    """
    if unrecorded := counters.acquired - counters.recorded + counters.unkept:
        return "failed", f"{_frames(unrecorded)} could not be recorded: {trouble}"
    if early_end is not None:
        return early_end if trouble is None else ("failed", f"It was ended: {trouble}")
    if not counters.acquired:
        return "failed", "The camera gave no frame."
    if lost:
        return "partial", f"{_frames(lost)} never arrived; each place is marked."
    if (waiting := counters.recorded - counters.restored) > 0:
        why = f": {trouble}" if trouble else "; restore them with `pssr-live restore`."
        return (
            "partial",
            f"{waiting} of {counters.recorded} are not restored{why}",
        )
    if interpolated:
        return "partial", (
            f"{interpolated} frames are only interpolated, because the engine failed; "
            "restore them with `pssr-live restore`."
        )
    return "success", ""


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def diary_of(frame_log: Path) -> list[dict[str, Any]]:
    """Return the diary of a run; nothing where the disk that failed it refuses."""
    try:
        return read_log(frame_log)
    except StorageError:
        return []


def frames_by_engine(diary: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many frames each engine made."""
    return dict(Counter(line["engine"] for line in diary if "engine" in line))


def spread(values_ms: list[float]) -> dict[str, float] | None:
    """Return median, 95th and 99th percentile and maximum; None of nothing."""
    if not values_ms:
        return None
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "p99": round(float(p99), 3),
        "max": round(max(values_ms), 3),
    }
