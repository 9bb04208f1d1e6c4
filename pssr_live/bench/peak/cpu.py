"""The processor's peak: how much arithmetic and copying it does at the very most.

Two ways, the better one counts: a loop of multiply-adds in machine code, where the
processor is an x86-64, and the product of two matrices (sgemm). Both are short bursts
on all cores, one after the other in every round of a measurement, so that a machine
that slows down lowers the peak of that round and not only the figures below it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pssr_live.bench.peak.fma import FmaLoop, best_vectors
from pssr_live.engines.cores import usable_cores

BURST_S = 0.04  # long enough that threads which begin one by one do not matter
BURSTS = 3  # of each kind in a turn
SIDE = 1024  # of the matrices
COPIED_BYTES = 1 << 27  # 128 MiB, more than any cache holds


@dataclass(frozen=True, slots=True)
class CpuPeak:
    """What the bursts reached.

    Attributes
    ----------
    instructions : str or None
        What the loop of multiply-adds is made of; None where there is none.
    fma_gflop_per_s : float or None
        The best burst of that loop.
    sgemm_gflop_per_s : float
        The best matrix product.
    copy_gb_per_s : float
        Memory read and written, all cores together.
    cores_got : float
        How many cores the bursts were given, which want all of them.
    """

    instructions: str | None
    fma_gflop_per_s: float | None
    sgemm_gflop_per_s: float
    copy_gb_per_s: float
    cores_got: float

    @property
    def gflop_per_s(self) -> float:
        """The peak: the larger of the two."""
        return max(self.fma_gflop_per_s or 0.0, self.sgemm_gflop_per_s)


class CpuTurn:
    """Takes the bursts, and keeps the best of them."""

    name = "peak"

    def __init__(self) -> None:
        self.rounds = 0
        self._loop = _loop()
        self._loop_rounds = 1_000_000
        self._fma_gflop_per_s = self._sgemm_gflop_per_s = self._copy_gb_per_s = 0.0
        self._cpu_s = self._wall_s = 0.0
        rng = np.random.default_rng(0)
        self._left = rng.random((SIDE, SIDE), np.float32)
        self._right = rng.random((SIDE, SIDE), np.float32)
        self._product = np.empty((SIDE, SIDE), np.float32)
        self._memory = np.ones((2, COPIED_BYTES // 8))

    def warm_up(self) -> None:
        """Wake the cores, and find out how long a burst has to be."""
        self.turn()
        if self._loop is not None:
            flop = usable_cores() * self._loop.vectors.flop_per_round
            per_s = 1e9 * self._fma_gflop_per_s / flop
            self._loop_rounds = max(int(per_s * BURST_S), 1)
        self.rounds, self._cpu_s, self._wall_s = 0, 0.0, 0.0

    def turn(self) -> None:
        """Take the bursts of one round."""
        self.rounds += 1
        self._copy()
        for _ in range(BURSTS if self._loop is not None else 0):
            self._multiply_add()
        for _ in range(BURSTS):  # last: its threads wait actively for a while
            self._multiply_matrices()

    def result(self) -> CpuPeak:
        """Return the best bursts of all rounds."""
        loop = self._loop
        return CpuPeak(
            None if loop is None else loop.vectors.name,
            None if loop is None else self._fma_gflop_per_s,
            self._sgemm_gflop_per_s,
            self._copy_gb_per_s,
            self._cpu_s / self._wall_s,
        )

    def _multiply_add(self) -> None:
        loop, rounds, cores = self._loop, self._loop_rounds, usable_cores()
        assert loop is not None  # noqa: S101 - asked for only where there is one
        took_s = self._timed(lambda core: loop(rounds, loop.registers()))
        rate = 1e-9 * cores * rounds * loop.vectors.flop_per_round / took_s
        self._fma_gflop_per_s = max(self._fma_gflop_per_s, rate)

    def _multiply_matrices(self) -> None:
        begun = time.perf_counter()
        np.matmul(self._left, self._right, out=self._product)
        rate = 2e-9 * SIDE**3 / (time.perf_counter() - begun)
        self._sgemm_gflop_per_s = max(self._sgemm_gflop_per_s, rate)

    def _copy(self) -> None:
        parts = [np.array_split(each, usable_cores()) for each in self._memory]
        took_s = self._timed(lambda core: np.copyto(parts[1][core], parts[0][core]))
        rate = 1e-9 * self._memory.nbytes / took_s
        self._copy_gb_per_s = max(self._copy_gb_per_s, rate)

    def _timed(self, work: Callable[[int], None]) -> float:
        wall_s, cpu_s = on_all_cores(work)
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        return wall_s


def on_all_cores(work: Callable[[int], None]) -> tuple[float, float]:
    """Run `work(0)`, `work(1)`, ... at once, one a core.

    Returns
    -------
    wall_s, cpu_s : float
        Seconds from the first that begins to the last that ends, for starting threads
        does not count, and the seconds of all cores that they were given.
    """
    cores = usable_cores()
    ready = threading.Barrier(cores)
    begun_s, ended_s, cpu_s = ([0.0] * cores for _ in range(3))

    def one(core: int) -> None:
        _stay_on(core)
        ready.wait()
        begun_s[core], before_s = time.perf_counter(), time.thread_time()
        work(core)
        cpu_s[core] = time.thread_time() - before_s
        ended_s[core] = time.perf_counter()

    threads = [threading.Thread(target=one, args=(core,)) for core in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(ended_s) - min(begun_s), sum(cpu_s)


def _stay_on(core: int) -> None:
    """Keep this thread on a core of its own: a scheduler takes its time to do so."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def _loop() -> FmaLoop | None:
    try:
        vectors = best_vectors()
        return None if vectors is None else FmaLoop(vectors)
    except OSError:  # no program may make code here: matrices have to do
        return None
