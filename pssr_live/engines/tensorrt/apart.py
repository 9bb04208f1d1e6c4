"""Building a plan in a process apart, so that a builder takes nothing down with it.

A builder that crashes, eats all memory or hangs costs the plan and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from pssr_live.engines.engine import BuildProgress
from pssr_live.engines.tensorrt.flavour import FlavourName
from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.errors import EngineError

MODULE = "pssr_live.engines.tensorrt.build_process"
LOOK_EVERY_S = 0.02
TOLD_LINES = 3  # of what a builder that crashed said last


def build_apart(
    flavour: FlavourName,
    network: Path,
    spec: PlanSpec,
    progress: BuildProgress,
    cancelled: threading.Event,
) -> bytes:
    """Build the plan of a `model.onnx` in a process of its own.

    Parameters
    ----------
    flavour : "tensorrt" or "tensorrt_rtx"
        What builds.
    network : Path
        The model's `model.onnx`.
    spec : PlanSpec
        What is wanted.
    progress : callable
        Called from another thread with the share done, 0 to 1.
    cancelled : Event
        Once set, the process is ended.

    Returns
    -------
    bytes
        The plan.

    Raises
    ------
    EngineError
        If it cannot be built, was cancelled, or the process crashed.
    """
    with tempfile.TemporaryDirectory(prefix="pssr-live-build-") as name:
        folder = Path(name)
        plan, said = folder / "plan", folder / "errors"
        request = {
            "flavour": flavour,
            "network": str(network),
            "spec": spec.to_json(),
            "plan": str(plan),
        }
        with said.open("wb") as errors:
            status, refusal = _run(request, errors, progress, cancelled)
        if cancelled.is_set():
            raise EngineError("Building the plan was cancelled.")
        if refusal:
            raise EngineError(refusal)
        if status != 0 or not plan.is_file():
            raise EngineError(_crash(status, said.read_text("utf-8", "replace")))
        return plan.read_bytes()


def _run(
    request: dict[str, str],
    errors: IO[bytes],
    progress: BuildProgress,
    cancelled: threading.Event,
) -> tuple[int, str]:
    """Return the exit status of the process, and the sentence it refused with."""
    refusals: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own module, run by our own Python
        [sys.executable, "-P", "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        # It finds what we find, and nothing that lies about in the current folder.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        creationflags=_creation_flags(),
    ) as process:
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        listener = threading.Thread(
            target=_listen, args=(process.stdout, progress, refusals), daemon=True
        )
        listener.start()
        try:
            # Past the buffer: what is left in one would be written when it closes.
            os.write(process.stdin.fileno(), f"{json.dumps(request)}\n".encode())
            while process.poll() is None and not cancelled.wait(LOOK_EVERY_S):
                pass
        except BrokenPipeError:
            pass  # it ended before it was told: its status says how
        finally:
            process.kill()
            status = process.wait()
            listener.join()
    return status, "".join(refusals[-1:])


def _listen(stdout: IO[str], progress: BuildProgress, refusals: list[str]) -> None:
    """Take in what the process says, until it ends."""
    for line in stdout:
        word, _, rest = line.strip().partition(" ")
        if word == "progress":
            progress(float(rest))
        elif word == "failed":
            refusals.append(rest)


def _crash(status: int, said: str) -> str:
    how = f"status {status}"
    if status < 0:  # POSIX: ended by a signal
        known = {int(s): s.name for s in signal.Signals}
        how = f"signal {known.get(-status, -status)}"
    last = " / ".join(line.strip() for line in said.splitlines()[-TOLD_LINES:])
    return (
        f"The process that builds the plan ended with {how} ({last or 'no message'}): "
        "free some memory and try again, or use another engine."
    )


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0
