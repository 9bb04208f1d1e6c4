"""The folder that plans are kept in: this user's alone, for a plan is native code."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from platformdirs import user_cache_path

from pssr_live.errors import EngineError

VARIABLE = "PSSR_LIVE_PLANS"
PRIVATE = 0o700


def plan_folder() -> Path:
    """Return the folder for plans, made if it was missing.

    `PSSR_LIVE_PLANS` names another one than the user's cache.

    Raises
    ------
    EngineError
        If it cannot be made or written, or others could put plans into it.
    """
    told = os.environ.get(VARIABLE)
    folder = Path(told) if told else user_cache_path("pssr-live") / "plans"
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EngineError(
            f"Plans cannot be kept in {folder} ({reason}): set {VARIABLE} to a folder "
            "that you can write."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EngineError(
            f"Plans cannot be kept in {folder}, which you cannot write: set {VARIABLE} "
            "to a folder that you can."
        )
    if sys.platform != "win32":
        _refuse_if_shared(folder, status)
    return folder


def _refuse_if_shared(folder: Path, status: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise EngineError(
            f"The folder for plans, {folder}, belongs to another user, who could "
            f"change them: set {VARIABLE} to a folder of your own."
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EngineError(
            f"The folder for plans, {folder}, can be written by others: take that "
            f"right away (chmod go-w), or set {VARIABLE} to another folder."
        )
