"""Engines report to nobody: no connection, and nothing left in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pssr_live.card import load_model
from pssr_live.engines.engine import Engine
from pssr_live.engines.kinds import engine_classes

KINDS = [kind for kind in engine_classes() if kind.restores and kind.device == "cpu"]
# Packages that report home do it on import, from threads, or when they are started.
RUN = """
import os, sys, time

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(3)

sys.addaudithook(watch)
from pssr_live.card import load_model
from pssr_live.engines.kinds import engine_classes

model = load_model("fluo-sf-x4")
(kind,) = [kind for kind in engine_classes() if kind.name == sys.argv[1]]
assert kind.is_incompatible(model) is None
kind(model).close()
time.sleep(0.3)
"""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_engine_reports_to_nobody(kind: type[Engine], tmp_path: Path) -> None:
    reason = kind.is_incompatible(load_model("fluo-sf-x4"))
    if reason is not None:
        pytest.skip(reason)
    # Some are silent only in CI, and where their home is elsewhere.
    loud = ("CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY", "TF_BUILD")
    env = {key: value for key, value in os.environ.items() if key not in loud}
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    command = [sys.executable, "-c", RUN, kind.name]
    done = subprocess.run(
        command, env=env | home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
