"""The plans that were built before, each used only while all it depends on holds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pssr_live.engines.tensorrt.plan_folder import VARIABLE, plan_folder
from pssr_live.engines.tensorrt.plan_key import Key
from pssr_live.engines.tensorrt.sealed import (
    Sidecar,
    Unfit,
    read_sealed,
    read_sidecar,
    write_sealed,
    write_sidecar,
)
from pssr_live.errors import EngineError

log = logging.getLogger(__name__)

PLAN = ".plan"
RUNTIME = ".runtime"
NONE_YET = "none was built yet"


@dataclass(frozen=True, slots=True)
class Stored:
    """What was found in the cache.

    Attributes
    ----------
    content : bytes or None
        A plan to use, or None.
    reason : str
        Why there is none, in a part of a sentence; empty if there is one.
    """

    content: bytes | None
    reason: str = ""


class Plans:
    """The plan cache of this user.

    Parameters
    ----------
    folder : Path, optional
        Where it is, instead of `plan_folder()`.

    Raises
    ------
    EngineError
        If the folder cannot be written, or is not this user's alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or plan_folder()

    def load(self, key: Key) -> Stored:
        """Find a plan; one that is stale, damaged or not ours is not given."""
        return self._load(key, PLAN)

    def store(self, key: Key, plan: bytes, build_s: float, reason: str) -> None:
        """Keep a plan.

        Parameters
        ----------
        key : Key
            What it depends on.
        plan : bytes
            The plan.
        build_s : float
            How long it took to build.
        reason : str
            Why it had to be built.

        Raises
        ------
        EngineError
            If it cannot be written.
        """
        facts = {"build_s": build_s, "built_because": reason, "self_test": None}
        self._store(key, PLAN, plan, facts)

    def record_self_test(self, key: Key, max_error: float, elapsed_ms: float) -> None:
        """Write down how a plan did in its self-test; in vain if it is gone.

        Parameters
        ----------
        key : Key
            Whose plan.
        max_error : float
            Largest difference from the stored output, in network units.
        elapsed_ms : float
            How long the stored window took.

        Raises
        ------
        EngineError
            If it cannot be written.
        """
        path = self._path(key, PLAN)
        try:
            old = read_sidecar(path)
        except (Unfit, FileNotFoundError) as error:
            log.info("The self-test of plan %s was not kept: %s", path.name, error)
            return
        result = {"max_error": max_error, "elapsed_ms": elapsed_ms}
        new = old.model_copy(update={"facts": {**old.facts, "self_test": result}})
        self._write(path, lambda: write_sidecar(path, new))

    def facts(self, key: Key) -> dict[str, Any]:
        """Return build seconds, reason and self-test of a plan; empty without one."""
        try:
            return read_sidecar(self._path(key, PLAN)).facts
        except (Unfit, FileNotFoundError):
            return {}

    def load_runtime(self, key: Key) -> Stored:
        """Find the kernels that TensorRT-RTX finished here before (`runtime_key`)."""
        return self._load(key, RUNTIME)

    def store_runtime(self, key: Key, kernels: bytes) -> None:
        """Keep the kernels that TensorRT-RTX finished (`runtime_key`).

        Raises
        ------
        EngineError
            If they cannot be written.
        """
        self._store(key, RUNTIME, kernels, {})

    def _load(self, key: Key, suffix: str) -> Stored:
        path = self._path(key, suffix)
        try:
            return Stored(read_sealed(path, key.digest))
        except FileNotFoundError:
            reason = self._what_changed(key, suffix)
        except Unfit as error:
            reason = str(error)
        log.info("The file %s is not used: %s", path.name, reason)
        return Stored(None, reason)

    def _store(
        self, key: Key, suffix: str, content: bytes, facts: dict[str, Any]
    ) -> None:
        path = self._path(key, suffix)
        self._write(
            path, lambda: write_sealed(path, content, key.digest, key.fields, facts)
        )

    def _what_changed(self, key: Key, suffix: str) -> str:
        """Say how the newest file for the same purpose differs."""
        others = self.folder.glob(f"{key.slot}-*{suffix}")
        newest: tuple[float, Sidecar] | None = None
        for path in others:
            try:
                found = path.stat().st_mtime, read_sidecar(path)
            except (Unfit, OSError):
                continue
            if newest is None or found[0] > newest[0]:
                newest = found
        return key.difference(newest[1].fields) if newest else NONE_YET

    def _path(self, key: Key, suffix: str) -> Path:
        return self.folder / f"{key.stem}{suffix}"

    def _write(self, path: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise EngineError(
                f"The plan {path} cannot be written ({reason}): free some space, or "
                f"set {VARIABLE} to another folder."
            ) from error
