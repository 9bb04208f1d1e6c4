"""The counts graph gives the reference engine's numbers, whatever a camera gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from graphs import (
    SHELF,
    Given,
    as_counts,
    expected,
    graph_of,
    run,
    shelf_model,
    small_network,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pssr_live.engines.tensorrt.graph import counts_graph
from pssr_live.engines.tensorrt.half import skip_path
from pssr_live.engines.tensorrt.plan_key import SCHEMA
from pssr_live.engines.tensorrt.plan_spec import Precision
from pssr_live.errors import EngineError
from pssr_live.intensity import IntensityMap

HELD = IntensityMap(100, 180)
STRUCTURE = {1: "4e8d322e8e3b58f5"}  # of each schema


def noise(frames: int, *shape: int, windows: int = 1) -> Any:
    rng = np.random.default_rng(0)
    return rng.poisson(220, (windows, frames, *shape)).astype(np.uint16)


def all_there(counts: Any) -> Any:
    return np.ones(counts.shape[:2], np.float32)


def hot_pixel(frames: int) -> Given:
    counts = noise(frames, 20, 21)
    counts[..., 9, 9] = 65535
    return Given(counts, all_there(counts), IntensityMap(200, 8))


def eight_bit(frames: int) -> Given:
    counts = np.minimum(noise(frames, 16, 16), 255)
    return Given(counts, all_there(counts), IntensityMap(150, 60), limit=255)


def gaps(frames: int) -> Given:
    """Two windows of which one lacks its oldest frames, which hold rubbish."""
    counts = noise(frames, 12, 16, windows=2)
    valid = all_there(counts)
    valid[0, : frames // 2] = 0
    counts[0, : frames // 2] = 65535
    return Given(counts, valid, HELD)


def even(level: int) -> Callable[[int], Given]:
    def make(frames: int) -> Given:
        counts = np.full((1, frames, 9, 9), level, np.uint16)
        return Given(counts, all_there(counts), HELD)

    return make


def sized(*shape: int) -> Callable[[int], Given]:
    def make(frames: int) -> Given:
        counts = noise(frames, *shape)
        return Given(counts, all_there(counts), HELD)

    return make


CASES = {
    "noise": sized(24, 24),
    "odd": sized(17, 31),
    "one line": sized(1, 40),
    "one pixel": sized(1, 1),
    "black": even(0),
    "white": even(65535),
    "hot pixel": hot_pixel,
    "8 bit": eight_bit,
    "gaps": gaps,
}


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SHELF)
def test_it_agrees_with_the_reference(name: str, case: str, precision: str) -> None:
    card = shelf_model(name).card
    fed = CASES[case](card.n_frames)
    counts, values = expected(name, fed)
    restored, total = run(graph_of(name, precision), fed)
    assert restored.shape == counts.shape
    allowed = 1.0
    if precision == "float16":
        spread = max(1.0, float(np.ptp(values)), float(np.abs(values).max()))
        allowed += card.tolerance * spread * fed.intensity.scale
    assert np.abs(restored.astype(int) - counts.astype(int)).max() <= allowed
    assert restored.max() <= fed.limit
    rounding = card.tolerance * np.abs(values).sum((1, 2)) + 1e-3
    assert (np.abs(total - values.sum((1, 2), dtype=np.float64)) <= rounding).all()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20)),
    offset=st.integers(0, 60000),
    scale=st.floats(8, 60000, width=32),
    limit=st.sampled_from([255, 4095, 65535]),
    pattern=st.integers(0, 31),
)
def test_any_window_and_map_give_the_reference_within_a_count(
    seed: int,
    shape: tuple[int, int, int],
    offset: int,
    scale: float,
    limit: int,
    pattern: int,
) -> None:
    rng = np.random.default_rng(seed)
    windows, *size = shape
    counts = rng.integers(0, limit, (windows, 5, *size), np.uint16, endpoint=True)
    bits = np.array([pattern >> t & 1 for t in range(5)], np.float32)
    valid = np.tile(bits, (windows, 1))
    fed = Given(counts, valid, IntensityMap(offset, scale), limit)
    wanted, _ = expected("mito-mf5-x4", fed)
    restored, _ = run(graph_of("mito-mf5-x4", "float32"), fed)
    assert np.abs(restored.astype(int) - wanted.astype(int)).max() <= 1


@pytest.mark.parametrize("name", SHELF)
def test_float16_at_every_step_stays_within_tolerance(name: str) -> None:
    """onnxruntime widens float16 between nodes; the ONNX reference rounds each."""
    model = shelf_model(name)
    with np.load(model.self_test) as stored:
        frames, valid = stored["frames"][None, :, :20, :20], stored["valid"][None]
    low, spread = float(frames.min()), max(float(np.ptp(frames)), 1.0)
    scale = 65535 / (2 * spread)
    fine = IntensityMap((0.5 * spread - low) * scale, scale)
    fed = Given(fine.inverse(frames.copy(), np.dtype(np.uint16)), valid, fine)
    pairs, _ = ReferenceEvaluator(onnx.load_from_string(graph_of(name, "float16"))).run(
        None, fed.feed
    )
    _, values = expected(name, fed)
    assert np.abs(fine.forward(as_counts(pairs)) - values).max() < model.card.tolerance


@pytest.mark.parametrize("name", SHELF)
def test_only_the_skip_path_convolves_in_float32(name: str) -> None:
    graph = onnx.shape_inference.infer_shapes(
        onnx.load_from_string(graph_of(name, "float16")), strict_mode=True
    ).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    full = [
        node.input[1]
        for node in graph.node
        if node.op_type == "Conv" and kinds[node.input[0]] == TensorProto.FLOAT
    ]
    assert full == ["network/skip.weight"]


def test_the_skip_path_is_found_by_structure_not_by_name() -> None:
    model = onnx.load(shelf_model("em-sf-x4").onnx)
    found = skip_path(model.graph)
    for place, node in enumerate(model.graph.node):
        node.name = str(place)
    add = next(n for n in model.graph.node if n.output[0] == "add_155")
    add.input[:] = reversed(add.input)
    assert skip_path(model.graph) == found
    assert found


def test_a_network_without_a_skip_path_is_halved_from_end_to_end() -> None:
    model = onnx.load(shelf_model("em-sf-x4").onnx)
    for node in model.graph.node:
        node.input[:] = [
            "conv2d_9" if name == "add_155" else name for name in node.input
        ]
    assert skip_path(model.graph) == set()
    graph = counts_graph(model.SerializeToString(), "float16")
    halves = {w.name for w in onnx.load_from_string(graph).graph.initializer}
    assert "network/tail.weight/half" in halves
    assert "network/tail.weight" not in halves
    restored, total = run(graph, sized(9, 8)(1))
    assert restored.shape == (1, 36, 32)
    assert np.isfinite(total).all()


def poisoned(value: float) -> bytes:
    """Return a network with one weight that is no number, felt when frames lack."""
    model = onnx.load(shelf_model("mito-mf5-x4").onnx)
    weight = next(w for w in model.graph.initializer if w.name == "pattern.weight")
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] = value
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("precision", "value"),
    [("float32", np.nan), ("float32", np.inf), ("float16", np.nan)],
)
def test_what_is_not_finite_shows_in_the_total(precision: Any, value: float) -> None:
    _, total = run(counts_graph(poisoned(value), precision), gaps(5))
    assert not np.isfinite(total[0])


def test_float16_refuses_weights_that_it_cannot_hold() -> None:
    with pytest.raises(EngineError, match=r"reaches inf.*ask for float32"):
        counts_graph(poisoned(np.inf), "float16")


def test_the_same_network_gives_the_same_bytes() -> None:
    network = shelf_model("mito-mf5-x4").onnx.read_bytes()
    for precision in ("float32", "float16"):
        first = graph_of("mito-mf5-x4", precision)
        assert counts_graph(network, precision) == first


def test_a_changed_graph_has_a_new_schema() -> None:
    """Plans that were kept are found by the schema: it must follow the graph."""
    weights = [
        numpy_helper.from_array(np.ones(shape, np.float32), name)
        for name, shape in (("w", (4, 3, 1, 1)), ("k", (4, 3, 1, 1)), ("g", (3, 3)))
    ]
    weights.append(numpy_helper.from_array(np.array(0), "first"))
    make = helper.make_node
    network = small_network(
        make("Gemm", ["valid", "g"], ["known"]),
        make("Conv", ["frames", "w"], ["body"]),
        make("Relu", ["body"], ["tail"]),
        make("Conv", ["frames", "k"], ["skip"]),
        make("Add", ["tail", "skip"], ["phases"]),
        make("DepthToSpace", ["phases"], ["shuffled"], blocksize=2),
        make("Gather", ["shuffled", "first"], ["restored"], axis=1),
        weights=weights,
    ).SerializeToString()
    digest = hashlib.sha256()
    for precision in get_args(Precision):
        graph = onnx.load_from_string(counts_graph(network, precision)).graph
        for node in graph.node:
            digest.update(node.SerializeToString(deterministic=True))
    assert digest.hexdigest()[:16] == STRUCTURE[SCHEMA]
