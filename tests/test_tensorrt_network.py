"""Small networks: exact counts, what is refused, what is rewritten for old GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from graphs import Given, run, shelf_model, small_network
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from pssr_live.engines.tensorrt.graph import counts_graph
from pssr_live.engines.tensorrt.turing import without_gemm
from pssr_live.errors import EngineError
from pssr_live.intensity import IntensityMap


def place(at: int) -> Any:
    return numpy_helper.from_array(np.array(at), "place")


def pick(at: int) -> bytes:
    """Return a network that gives one of its three frames back."""
    data: bytes = small_network(
        helper.make_node("Gather", ["frames", "place"], ["restored"], axis=1),
        weights=[place(at)],
    ).SerializeToString()
    return data


PICKING = counts_graph(pick(1), "float32")


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 65535), min_size=1, max_size=20),
    offset=st.integers(0, 2000),
    scale=st.floats(8, 60000, width=32),
)
def test_every_count_survives_the_way_there_and_back(
    counts: list[int], offset: int, scale: float
) -> None:
    windows = np.array(counts, np.uint16)[None, None, None].repeat(3, axis=1)
    fed = Given(windows, np.ones((1, 3), np.float32), IntensityMap(offset, scale))
    restored, _ = run(PICKING, fed)
    np.testing.assert_array_equal(restored[0, 0], counts)


def test_counts_are_rounded_to_even_and_clipped_to_the_limit() -> None:
    half = small_network(
        helper.make_node("Gather", ["frames", "place"], ["one"], axis=1),
        helper.make_node("Mul", ["one", "half"], ["restored"]),
        weights=[place(2), numpy_helper.from_array(np.float32(0.5), "half")],
    )
    windows = np.zeros((1, 3, 1, 6), np.uint16)
    windows[0, 2, 0] = [1, 3, 5, 7, 400, 512]
    graph = counts_graph(half.SerializeToString(), "float32")
    there = np.ones((1, 3), np.float32)
    restored, total = run(graph, Given(windows, there, IntensityMap(0, 1), limit=255))
    assert restored[0, 0].tolist() == [0, 2, 2, 4, 200, 255]
    assert total.tolist() == [464]  # of what the network gave, before all that
    below, _ = run(graph, Given(windows, there, IntensityMap(900, 1), limit=65535))
    assert below[0, 0, 0] == 450
    moved, _ = run(graph, Given(windows, there, IntensityMap(-900, 1), limit=65535))
    assert moved[0, 0].max() == 0


def test_missing_frames_are_zero_whatever_lies_in_their_place() -> None:
    windows = np.full((2, 3, 4, 4), 65535, np.uint16)
    valid = np.array([[0, 1, 1], [1, 1, 1]], np.float32)
    fed = Given(windows, valid, IntensityMap(100, 50))
    graph = counts_graph(pick(0), "float32")
    restored, total = run(graph, fed)
    assert (restored[0] == 100).all()
    assert total[0] == 0
    assert (restored[1] == 65535).all()


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("biased", [False, True])
def test_a_gemm_equals_what_replaces_it(transposed: int, biased: bool) -> None:
    rng = np.random.default_rng(0)
    shape = (4, 3) if transposed else (3, 4)
    weights = [numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), "w")]
    weights += [numpy_helper.from_array(np.float32([1, 2, 3, 4]), "b")]
    names = ["x", "w", "b"] if biased else ["x", "w"]
    graph = helper.make_graph(
        [helper.make_node("Gemm", names, ["y"], transB=transposed)],
        "gemm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        initializer=weights,
    )
    replaced = without_gemm(graph)
    assert "Gemm" not in {node.op_type for node in replaced.node}
    given_rows = {"x": rng.normal(size=(5, 3)).astype(np.float32)}
    first, second = (
        onnxruntime.InferenceSession(
            helper.make_model(
                each, opset_imports=[helper.make_opsetid("", 18)], ir_version=8
            ).SerializeToString()
        ).run(None, given_rows)[0]
        for each in (graph, replaced)
    )
    np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-6)


def altered(change: Callable[[Any], None]) -> bytes:
    model = onnx.load(shelf_model("em-sf-x4").onnx)
    change(model)
    data: bytes = model.SerializeToString()
    return data


def as_uint16(model: Any) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT16


def fixed_size(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 128


def any_frames(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "frames"


def five_axes(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = 1


def weights_elsewhere(model: Any) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="elsewhere.bin")


def other_names(model: Any) -> None:
    model.graph.input[1].name = "mask"


def old_opset(model: Any) -> None:
    model.opset_import[0].version = 12


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (b"no network", "no valid ONNX file"),
        (b"", "no valid ONNX file"),
        (altered(as_uint16), "frames in uint16 instead of float32"),
        (altered(fixed_size), "frames of any x 1 x 128 x any only"),
        (altered(any_frames), "does not say how many frames"),
        (altered(five_axes), "frames with 5 axes instead of 4"),
        (altered(other_names), "no valid ONNX file"),
        (altered(weights_elsewhere), "weights in another file"),
        (altered(old_opset), "opset 12, and 13 is the oldest"),
    ],
)
def test_what_is_no_network_is_refused_in_one_sentence(
    network: bytes, said: str
) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        counts_graph(network, "float32")
    assert len(str(caught.value).splitlines()) == 1


def test_float16_refuses_branches() -> None:
    same = [helper.make_node("Identity", ["one"], ["out"])]
    out = [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", "h", "w"])]
    branch = helper.make_graph(same, "branch", [], out)
    network = small_network(
        helper.make_node("ReduceMean", ["frames", "axis"], ["one"], keepdims=0),
        helper.make_node(
            "If", ["yes"], ["restored"], then_branch=branch, else_branch=branch
        ),
        weights=[
            numpy_helper.from_array(np.array([1]), "axis"),
            numpy_helper.from_array(np.array(True), "yes"),
        ],
    ).SerializeToString()
    with pytest.raises(EngineError, match=r"branch or loop \(If\).*float32"):
        counts_graph(network, "float16")
