"""Counts graphs, run on the CPU, and what the reference engine makes of the same."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper

from pssr_live.card import Model, load_model, shipped_models
from pssr_live.engines.onnx import OnnxEngine
from pssr_live.engines.tensorrt.graph import counts_graph
from pssr_live.intensity import IntensityMap

SHELF = sorted(card.parent.name for card in shipped_models().glob("*/card.toml"))


@dataclass(frozen=True)
class Given:
    """What one run of a counts graph is given: windows and the map of each count."""

    counts: Any  # (N, T, H, W) uint16
    valid: Any  # (N, T) float32
    intensity: IntensityMap
    limit: int = 65535

    @property
    def feed(self) -> dict[str, Any]:
        """The inputs of the graph."""
        told = self.intensity.offset, self.intensity.scale, self.limit
        pairs = self.counts.astype("<u2")[..., None].view(np.uint8)
        return {
            "counts": pairs,
            "valid": self.valid,
            "map": np.array(told, np.float32),
        }

    def values(self) -> Any:
        """Return the windows in network units, with missing frames at 0."""
        values = np.stack([self.intensity.forward(window) for window in self.counts])
        return values * self.valid[:, :, None, None]


@functools.cache
def shelf_model(name: str) -> Model:
    return load_model(name)


@functools.cache
def graph_of(name: str, precision: Any) -> bytes:
    return counts_graph(shelf_model(name).onnx.read_bytes(), precision)


@functools.cache
def session(graph: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


@functools.cache
def reference_engine(name: str) -> OnnxEngine:
    return OnnxEngine(shelf_model(name))


def run(graph: bytes, given: Given) -> tuple[Any, Any]:
    """Return restored counts (N, s * H, s * W) and totals (N,)."""
    pairs, total = session(graph).run(["restored", "total"], given.feed)
    return as_counts(pairs), total


def as_counts(pairs: Any) -> Any:
    return np.ascontiguousarray(pairs).view("<u2")[..., 0]


def expected(name: str, given: Given) -> tuple[Any, Any]:
    """Return what the reference engine gives: counts, and network units."""
    engine = reference_engine(name)
    windows = zip(given.values(), given.valid, strict=True)
    values = np.stack([engine.run(frames, valid) for frames, valid in windows])
    counts = given.intensity.inverse(values.copy(), np.dtype(np.uint16))
    return np.minimum(counts, given.limit), values


def small_network(*nodes: Any, weights: Any = (), opset: int = 18) -> ModelProto:
    """Return a network of three frames with the given inside."""
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        list(nodes),
        "small",
        [
            helper.make_tensor_value_info("frames", real, ["n", 3, "h", "w"]),
            helper.make_tensor_value_info("valid", real, ["n", 3]),
        ],
        [helper.make_tensor_value_info("restored", real, ["n", "sh", "sw"])],
        initializer=list(weights),
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)
