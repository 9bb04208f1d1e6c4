"""Every name of TensorRT that our code uses exists, in both packages.

The names are taken from the code itself: chains that begin at `trt` or `.module`, what
is asked of the objects in `HELD`, and the methods that our subclasses override.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from types import ModuleType

import pytest

from pssr_live.engines import tensorrt as room

FOLDER = Path(room.__file__).parent
HELD = {
    "build.py": {
        "builder": "Builder",
        "config": "IBuilderConfig",
        "error": "ParserError",
        "network": "INetworkDefinition",
        "parser": "OnnxParser",
        "profile": "IOptimizationProfile",
        "tensor": "ITensor",
    },
    "flavour.py": {"config": "IBuilderConfig"},
    "messages.py": {},
    "plan_runner.py": {
        "_context": "IExecutionContext",
        "_plan": "ICudaEngine",
        "_runtime": "Runtime",
        "config": "IRuntimeConfig",
        "context": "IExecutionContext",
    },
    "progress.py": {},
    "runtime_cache.py": {"_cache": "IRuntimeCache", "config": "IRuntimeConfig"},
    "validity.py": {"runtime": "Runtime"},
}
OURS = {"ILogger.__init__", "ILogger.last"}  # in our subclasses, not in TensorRT
RTX_ONLY = {  # each behind a hasattr
    "BuilderFlag.REQUIRE_USER_ALLOCATION",
    "ComputeCapability",
    "ComputeCapability.__members__",
    "DynamicShapesKernelSpecializationStrategy",
    "DynamicShapesKernelSpecializationStrategy.EAGER",
    "EngineInvalidityDiagnostics",
    "EngineInvalidityDiagnostics.__members__",
    "EngineInvalidityDiagnostics.__members__.items",
    "EngineValidity",
    "EngineValidity.INVALID",
    "IBuilderConfig.num_compute_capabilities",
    "IBuilderConfig.set_compute_capability",
    "IExecutionContext.is_stream_capturable",
    "IRuntimeCache",
    "IRuntimeCache.deserialize",
    "IRuntimeCache.serialize",
    "IRuntimeConfig.create_runtime_cache",
    "IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy",
    "IRuntimeConfig.set_runtime_cache",
    "Runtime.engine_header_size",
    "Runtime.get_engine_validity",
}


def chain(node: ast.expr, known: dict[str, str]) -> str | None:
    """Return the dotted name, without its root, that an expression stands for."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    if node.attr == "module":
        return ""
    above = chain(node.value, known)
    if above is None:
        return known.get(node.attr)  # self._context
    return f"{above}.{node.attr}".lstrip(".")


def names_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    known = {"trt": "", **HELD.get(path.name, {})}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            alias = chain(node.value, known)
            if alias and isinstance(node.value, ast.Attribute):
                known[node.targets[0].id] = alias
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = chain(node, known)
            yield from [name] if name else []
        elif isinstance(node, ast.ClassDef):
            for base in filter(None, (chain(b, known) for b in node.bases)):
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
                yield from (f"{base}.{method.name}" for method in methods)


def used() -> set[str]:
    names = {name for path in FOLDER.glob("*.py") for name in names_in(path)}
    return {name for name in names if name[0].isupper()} - OURS


def missing(module: ModuleType) -> set[str]:
    return {name for name in used() if not exists(module, name)}


def exists(module: ModuleType, name: str) -> bool:
    try:
        reduce(getattr, name.split("."), module)
    except AttributeError:
        return False
    return True


def test_the_walk_finds_names_of_every_kind() -> None:
    assert {
        "BuilderFlag.TF32",
        "Builder.create_network",
        "ParserError.node_operator",
        "IProgressMonitor.step_complete",
        "IExecutionContext.execute_async_v3",
        "ICudaEngine.create_execution_context",
        "ExecutionContextAllocationStrategy.USER_MANAGED",
        "EngineValidity.INVALID",
    } <= used()


def test_every_file_that_holds_tensorrt_objects_is_looked_into() -> None:
    touching = {
        path.name
        for path in FOLDER.glob("*.py")
        if ".module" in path.read_text("utf-8")
    }
    assert touching <= set(HELD)


def test_all_names_exist_in_tensorrt_rtx() -> None:
    pytest.importorskip("tensorrt_rtx", reason="no TensorRT-RTX for this platform")
    assert missing(importlib.import_module("tensorrt_rtx")) == set()


def test_all_names_but_those_asked_for_first_exist_in_tensorrt() -> None:
    for name in ("tensorrt", "tensorrt_bindings"):
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError):
            continue
        assert missing(module) == RTX_ONLY
        return
    pytest.skip("TensorRT is not installed, or its libraries are missing")


def test_what_only_rtx_has_is_used() -> None:
    assert used() >= RTX_ONLY
