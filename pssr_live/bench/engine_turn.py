"""One engine's turn: flat out, its network alone, and at the pace of a scanner.

* flat out: frame after frame, from a 16-bit frame in memory to a 16-bit picture in
  memory. Each call brings one new frame, as live; nothing else would show what an
  engine gains by keeping older ones on a GPU.
* network alone: `engine.run` on a window that is ready; for engines whose intensity
  map and tiles are around them, and for frames that are one tile.
* paced: the same as flat out, but a frame only every thirtieth of a second. Threads
  sleep in between, or do not: what they burn is what the acquisition has to do without.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from pssr_live.bench.spread import spread_ms
from pssr_live.bench.stream import Stream
from pssr_live.card import ModelCard
from pssr_live.engines.by_values import LARGEST_TILE, FloatEngine
from pssr_live.engines.engine import Engine

WARM_S = 0.15  # until a scheduler has spread the threads that slept over the cores
TURN_S = 0.4  # flat out; at most and at least so many calls:
FEWEST, MOST = 2, 1000
PACE_PER_S = 30
PACED_FRAMES = 15


class EngineTurn:
    """Times one engine on frames of one size.

    Parameters
    ----------
    engine : Engine
        It has passed its self-test.
    card : ModelCard
        What it runs.
    side : int
        Low-density pixels.
    """

    def __init__(self, engine: Engine, card: ModelCard, side: int) -> None:
        self.name, self.rounds = engine.name, 0
        self.gflop = card.gflop_per_lr_pixel * side**2 if engine.restores else None
        self._engine = engine
        self._stream = Stream(card, side)
        self._calls = FEWEST
        self._restore_ms: list[float] = []
        self._network_ms: list[float] = []
        self.network_round_ms: list[float] = []
        self._paced_ms: list[float] = []
        self._flat_out_s = np.zeros(2)  # wall, CPU
        self._paced_s = np.zeros(2)
        self._has_network = (
            engine.restores and isinstance(engine, FloatEngine) and side <= LARGEST_TILE
        )

    def warm_up(self) -> None:
        """Restore a few frames, and settle how many fit into a turn."""
        self._get_going()
        typical_ms = self._restore()
        self._calls = int(np.clip(1e3 * TURN_S / typical_ms, FEWEST, MOST))

    def turn(self) -> None:
        """Take the three measurements of a round."""
        self.rounds += 1
        self._get_going()
        before = _clocks()
        restored_ms = [self._restore() for _ in range(self._calls)]
        self._flat_out_s += _clocks() - before
        self._restore_ms += restored_ms
        network_ms = self._run_network() if self._has_network else restored_ms
        self.network_round_ms.append(float(np.median(network_ms)))
        self._pace()

    def result(self) -> dict[str, Any]:
        """Return everything measured, as JSON."""
        spread = spread_ms(self._restore_ms)
        calls, (wall_s, cpu_s) = len(self._restore_ms), self._flat_out_s
        paced_wall_s, paced_cpu_s = self._paced_s
        network_ms = float(np.median(self._network_ms)) if self._has_network else None
        return {
            "rounds": self.rounds,
            "calls": calls,
            **spread,
            "frames_per_s": calls / float(wall_s),
            "gflop": self.gflop,
            "gflop_per_s": _rate(self.gflop, spread["p50_ms"]),
            "network_ms": network_ms,
            "network_gflop_per_s": _rate(self.gflop, network_ms),
            "cores_used": float(cpu_s / wall_s),
            "paced": {
                "asked_per_s": PACE_PER_S,
                "frames_per_s": len(self._paced_ms) / float(paced_wall_s),
                **spread_ms(self._paced_ms),
                "cores_used": float(paced_cpu_s / paced_wall_s),
            },
        }

    def _get_going(self) -> None:
        """Run until all is as it is in the middle of a run."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < WARM_S:
            self._restore()

    def _restore(self) -> float:
        frame = self._stream.next_frame()
        begun = time.perf_counter()
        self._engine.restore(self._stream.window(frame))
        return 1e3 * (time.perf_counter() - begun)

    def _run_network(self) -> list[float]:
        window = self._stream.window(self._stream.next_frame())
        values, valid = window.values(), window.valid()
        taken_ms = []
        for _ in range(self._calls):
            begun = time.perf_counter()
            self._engine.run(values, valid)
            taken_ms.append(1e3 * (time.perf_counter() - begun))
        self._network_ms += taken_ms
        return taken_ms

    def _pace(self) -> None:
        before = _clocks()
        due = time.perf_counter()
        for _ in range(min(PACED_FRAMES, self._calls)):
            self._paced_ms.append(self._restore())
            due += 1 / PACE_PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
        self._paced_s += _clocks() - before


def _clocks() -> Any:
    return np.array([time.perf_counter(), time.process_time()])


def _rate(gflop: float | None, taken_ms: float | None) -> float | None:
    return None if gflop is None or taken_ms is None else 1e3 * gflop / taken_ms
