"""Messages to a person: how serious they are, and how a session ended. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pssr_live.errors import PssrLiveError


class Kind(StrEnum):
    """How serious a message is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_KINDS = {"success": Kind.INFO, "failed": Kind.ERROR}


def outcome_of(report: Mapping[str, Any], folder: Path | None) -> tuple[Kind, str]:
    """Return how serious it is, and the line."""
    where = "" if folder is None else f" in {folder}"
    counts = f"{_frames(report['frames_recorded'])} saved{where}"
    late = report["frames_deferred"]
    if late:
        counts += f", {late} of them restored after the run"
    if report["status"] == "success":
        return Kind.INFO, f"{counts}."
    kind = _KINDS.get(report["status"], Kind.WARNING)
    reason = str(report["reason"]).rstrip(".")
    return kind, f"{reason}. {counts}."


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def sentence_of(error: Exception) -> str:
    """Return what an error says; one that nobody foresaw names its kind too."""
    said = " ".join(str(error).split())
    if isinstance(error, PssrLiveError):
        return said
    return (
        f"Something unforeseen happened: {type(error).__name__}: {said or 'no word'}."
    )
