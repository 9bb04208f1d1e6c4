"""Whoever restores is another thread than the one that proved the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from emulated_device import EmulatedDevice, EmulatedGraph, onnx_binding
from emulated_device import graph_of as counts_graph_of
from frames import make_movie

from pssr_live.card import load_model
from pssr_live.engines.cuda.sessions import Sessions
from pssr_live.errors import EngineError
from pssr_live.window import RollingWindow


@dataclass
class OnceInEachThread(EmulatedDevice):
    """Has to do something once in each thread that must not be recorded."""

    here: Any = field(default_factory=threading.local)

    def run(self, work: Callable[[], None]) -> None:
        self.here.ready = True
        work()

    def capture(self, work: Callable[[], None]) -> EmulatedGraph:
        if not hasattr(self.here, "ready"):
            raise EngineError(
                "The operation is not permitted when stream is capturing."
            )
        return super().capture(work)


def test_each_thread_runs_once_before_it_records(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = load_model("mito-mf5-x4-live")
    device = OnceInEachThread()
    bind = onnx_binding(device, counts_graph_of(model, "float32"), model.card.scale)
    sessions = Sessions(device, model.card, bind, largest=512, most=1)
    rolling = RollingWindow(model.card.n_frames, model.card.lookahead)
    windows = [w for frame in make_movie(12) for w in rolling.push(frame)]
    restored: list[np.ndarray] = []
    launches = []
    for part in (windows[:1], windows[1:2], windows[2:]):
        serve = threading.Thread(
            target=lambda part: restored.extend(map(sessions.restore, part)),
            args=(part,),
        )
        serve.start()
        serve.join()
        launches.append(device.launches)
    sessions.close()
    assert len(restored) == len(windows)
    assert launches == [0, 0, len(windows[2:]) - 1]
    assert "step by step" not in caplog.text
