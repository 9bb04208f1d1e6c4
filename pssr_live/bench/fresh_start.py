"""What it costs to start an engine in a fresh process: seconds, and memory.

    python -m pssr_live.bench.fresh_start MODEL ENGINE SIDE

is that process. It says "ready" when the engine has passed its self-test, restores a
few frames, and prints a JSON object. The clock is its parent's: it begins before
Python itself does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pssr_live.errors import EngineError

READY = "ready"
FRAMES = 5


@dataclass(frozen=True, slots=True)
class FreshStart:
    """What a start cost.

    Attributes
    ----------
    start_s : float
        From the call of Python to an engine that has passed its self-test.
    memory_mb : float or None
        What the process grew by until a few frames were restored; None on a system
        that does not say how much a process holds.
    """

    start_s: float
    memory_mb: float | None


def fresh_start(model: Path, engine: str, side: int) -> FreshStart:
    """Start an engine in a process of its own.

    Raises
    ------
    EngineError
        If it fails there.
    """
    words = ["-m", "pssr_live.bench.fresh_start", str(model), engine, str(side)]
    begun = time.perf_counter()
    # A file takes whatever libraries have to say; a pipe could fill up and stop them.
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(  # noqa: S603 - our own module, in our own Python
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child:
            assert child.stdout is not None  # noqa: S101 - a pipe was asked for
            started = any(line.strip() == READY for line in child.stdout)
            start_s = time.perf_counter() - begun
            said = child.stdout.read().splitlines()
        if not started or child.returncode:
            raise EngineError(
                f"In a fresh process it does not start: {_last_line(errors)}"
            )
    return FreshStart(start_s, json.loads(said[-1])["memory_mb"])


def _last_line(errors: IO[str]) -> str:
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    return lines[-1] if lines else "it says nothing."


def main() -> None:
    """Be the fresh process."""
    before_mb = resident_mb()
    model, engine, side = sys.argv[1:]
    from pssr_live.bench.stream import Stream
    from pssr_live.restorer import Restorer

    restorer = Restorer(model, engine)
    print(READY, flush=True)
    stream = Stream(restorer.card, int(side))
    for _ in range(FRAMES):
        restorer.restore_window(stream.window(stream.next_frame()))
    grown_mb = None
    if before_mb is not None and (after_mb := resident_mb()) is not None:
        grown_mb = after_mb - before_mb
    print(json.dumps({"memory_mb": grown_mb}))
    restorer.close()


def resident_mb() -> float | None:
    """Return the memory that this process holds, where the system says so."""
    told = Path("/proc/self/status")
    if told.is_file():
        for line in told.read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key == "VmRSS":
                return int(value.split()[0]) / 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return None


if __name__ == "__main__":
    main()
