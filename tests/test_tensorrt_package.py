"""What the package is asked at run time, against the package itself."""

from __future__ import annotations

from importlib.metadata import entry_points

import emulated_tensorrt
import pytest

from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.validity import WORDS, plan_problem


def test_the_emulation_has_nothing_that_the_package_has_not() -> None:
    real = pytest.importorskip("tensorrt_rtx")
    same = [
        getattr(emulated_tensorrt, name)
        for name in (
            "IRuntimeCache",
            "IRuntimeConfig",
            "IExecutionContext",
            "ICudaEngine",
            "ExecutionContextAllocationStrategy",
            "DynamicShapesKernelSpecializationStrategy",
            "EngineValidity",
            "EngineInvalidityDiagnostics",
        )
    ]
    for each in same:
        theirs = getattr(real, each.__name__)
        used = [name for name in vars(each) if not name.startswith("_")]
        assert used
        assert [name for name in used if not hasattr(theirs, name)] == []
    bits = real.EngineInvalidityDiagnostics.__members__
    assert set(bits) == set(WORDS)
    runtime = real.Runtime(real.Logger())
    assert runtime.engine_header_size == 64


def test_a_damaged_header_is_put_in_words_by_the_real_package() -> None:
    real = pytest.importorskip("tensorrt_rtx")
    known = Flavour("tensorrt_rtx", real, real.__version__)
    assert "damaged" in str(plan_problem(known, bytes(64)))


def test_engines_are_found_by_entry_point() -> None:
    names = {e.name for e in entry_points(group="pssr_live.engines")}
    assert {"tensorrt", "tensorrt_rtx", "torch-cuda", "torch"} <= names
