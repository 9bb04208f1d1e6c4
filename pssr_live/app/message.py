"""Messages to a person: how serious they are, and how a session ended. No Qt."""

from __future__ import annotations

import re
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


_RESTORE = re.compile(r"restore them (later )?with `pssr-live restore`")
_PIXEL_SIZE = ": `pssr-live restore --pixel-size-um` tells it"
_KINDS = {"success": Kind.INFO, "failed": Kind.ERROR}


def in_window(text: str) -> str:
    """Return a message with what a window has, where it names a command to type.

    >>> in_window("2 of 9 are not restored; restore them with `pssr-live restore`.")
    '2 of 9 are not restored; open the raw movie (O) and restore it (G).'
    """
    return _RESTORE.sub("open the raw movie (O) and restore it (G)", text).replace(
        _PIXEL_SIZE, ""
    )


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
