"""The process that a plan is built in: `python -m ...build_process`.

It is told what to build in one line of JSON on its standard input, which must then
stay open: when it ends, so does this process, because whoever asked is gone. On its
standard output it says `progress 0.25`, `failed <sentence>` and `done`, one a line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import IO

from pssr_live.engines.tensorrt.build import build_plan
from pssr_live.engines.tensorrt.flavour import flavour
from pssr_live.engines.tensorrt.graph import counts_graph
from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.errors import EngineError

ORPHANED = 70  # exit status


def main() -> int:
    """Build one plan; return 0 if it was built."""
    told = _own_output()
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _step_back()
    try:
        spec = PlanSpec.from_json(request["spec"])
        kind = flavour(request["flavour"])
        graph = counts_graph(Path(request["network"]).read_bytes(), spec.precision)
        plan = build_plan(
            kind, graph, spec, lambda at: _say(told, f"progress {at:.4f}")
        )
        Path(request["plan"]).write_bytes(plan)
    except EngineError as error:
        _say(told, f"failed {error}")
        return 2
    _say(told, "done")
    return 0


def _own_output() -> IO[str]:
    """Return the standard output for us alone; what libraries print goes to errors."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return told


def _say(told: IO[str], line: str) -> None:
    told.write(" ".join(line.split()) + "\n")
    told.flush()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(ORPHANED)  # a builder in native code cannot be asked to stop


def _step_back() -> None:
    """Let an acquisition on this computer go first, and live longer."""
    if sys.platform == "win32":
        return  # the parent sets it
    os.nice(10)
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")  # whoever runs out of memory, end the builder first


if __name__ == "__main__":
    sys.exit(main())
