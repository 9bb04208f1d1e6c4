"""The peak is measured by code that computes what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pssr_live.bench.peak.cpu import CpuTurn, on_all_cores
from pssr_live.bench.peak.fma import AVX2, AVX512, FmaLoop, best_vectors
from pssr_live.bench.peak.machine_code import instructions, is_x86_64
from pssr_live.engines.cores import usable_cores

needs_x86_64 = pytest.mark.skipif(not is_x86_64(), reason="no x86-64 processor")
KINDS = [pytest.param(kind, id=kind.name) for kind in (AVX2, AVX512)]


def runs_here(kind):
    has = instructions()
    return {AVX2: has.avx2_fma, AVX512: has.avx512}[kind]


@needs_x86_64
def test_the_processor_says_what_the_system_says_of_it():
    listed = Path("/proc/cpuinfo")
    if not listed.is_file():
        pytest.skip("only Linux lists it in a file")
    flags = set(listed.read_text().split("flags", 1)[1].splitlines()[0].split())
    has = instructions()
    assert has.avx512 == ("avx512f" in flags)
    assert has.avx2_fma == ({"avx2", "fma"} <= flags)
    best = {True: AVX512, False: AVX2 if has.avx2_fma else None}[has.avx512]
    assert best_vectors() is best


@needs_x86_64
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rounds", [1, 2, 1000])
def test_each_accumulator_gets_one_multiply_add_a_round(kind, rounds):
    if not runs_here(kind):
        pytest.skip(f"no {kind.name}")
    loop = FmaLoop(kind)
    registers = loop.registers(factor=3.0)
    begun = np.arange(registers[:-1].size, dtype=np.float32).reshape(-1, kind.lanes)
    registers[:-1] = begun
    loop(rounds, registers)
    np.testing.assert_array_equal(registers[:-1], begun + 9 * rounds)
    np.testing.assert_array_equal(registers[-1], 3)
    assert loop.vectors.flop_per_round == 2 * begun.size


def test_registers_of_another_shape_are_not_handed_to_machine_code():
    if best_vectors() is None:
        pytest.skip("no vectors")
    loop = FmaLoop(best_vectors())
    good = loop.registers()
    for rounds, given in [(0, good), (1, good[:-1]), (1, good.T), (1, good[:, ::2])]:
        with pytest.raises(ValueError, match="rounds over"):
            loop(rounds, given)


def test_the_loop_reaches_at_least_what_matrices_reach():
    turn = CpuTurn()
    turn.warm_up()
    assert turn.rounds == 0
    for _ in range(60):  # a busy machine may spoil many bursts, not all of them
        turn.turn()
        reached = turn.result()
        if (reached.fma_gflop_per_s or np.inf) >= 0.9 * reached.sgemm_gflop_per_s:
            break
    else:
        pytest.fail(f"{reached}")
    assert (reached.fma_gflop_per_s is None) == (best_vectors() is None)
    assert reached.gflop_per_s >= reached.sgemm_gflop_per_s > 0
    assert reached.copy_gb_per_s > 0
    assert 0 < reached.cores_got <= 1.05 * usable_cores()


def test_work_on_all_cores_is_done_once_on_each():
    done = []
    wall_s, cpu_s = on_all_cores(done.append)
    assert sorted(done) == list(range(usable_cores()))
    assert wall_s > 0
    assert cpu_s >= 0
