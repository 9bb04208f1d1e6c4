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
    named = emulated_tensorrt.ComputeCapability.__members__
    assert list(named) == list(real.ComputeCapability.__members__)
    bits = real.EngineInvalidityDiagnostics.__members__
    assert set(bits) == set(WORDS)
    runtime = real.Runtime(real.Logger())
    assert runtime.engine_header_size == 64


def test_a_damaged_header_is_put_in_words_by_the_real_package() -> None:
    real = pytest.importorskip("tensorrt_rtx")
    known = Flavour("tensorrt_rtx", real, real.__version__)
    assert "damaged" in str(plan_problem(known, bytes(64)))


def test_the_real_package_names_the_gpus_that_it_leaves_out() -> None:
    """One of 9.0 was met: whatever was built, it could not be loaded there."""
    real = pytest.importorskip("tensorrt_rtx")
    known = Flavour("tensorrt_rtx", real, real.__version__)
    assert known.gpu_problem("H100", 90) == (
        f"H100 has compute capability 9.0, and tensorrt_rtx {real.__version__} runs on "
        "7.5, 8.0, 8.6, 8.9, 12.0, 12.1 and newer only: use another engine."
    )
    assert [known.gpu_problem("GPU", at) for at in known.targets()] == [None] * 6


def test_engines_are_found_by_entry_point() -> None:
    names = {e.name for e in entry_points(group="pssr_live.engines")}
    assert {"tensorrt", "tensorrt_rtx", "torch-cuda", "torch"} <= names
