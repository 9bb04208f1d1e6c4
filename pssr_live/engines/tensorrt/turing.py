"""What the oldest GPUs cannot do, written in terms of what they can.

TensorRT-RTX has no float32 Gemm for Turing (compute capability 7.5). A small one, like
the one that tells a network which frames are there, is a product and a sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

LARGEST = 16384  # weights; a larger product would cost memory
PLAIN = {"alpha": 1.0, "beta": 1.0, "transA": 0}


def without_gemm(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Return `graph` with its small float32 Gemm nodes replaced by equal ones."""
    import onnx
    from onnx import TensorProto

    result = onnx.GraphProto()
    result.CopyFrom(graph)
    weights = {
        weight.name: weight
        for weight in graph.initializer
        if weight.data_type == TensorProto.FLOAT
    }
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        weight = weights.get(node.input[1]) if _is_plain(node) else None
        if weight is None or int(np.prod(weight.dims)) > LARGEST:
            nodes.append(node)
        else:
            nodes += _product(node, weight, result)
    del result.node[:]
    result.node.extend(nodes)
    return result


def _is_plain(node: onnx.NodeProto) -> bool:
    if node.op_type != "Gemm":
        return False
    told = _attributes(node)
    return all(told.get(name, wanted) == wanted for name, wanted in PLAIN.items())


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _product(
    node: onnx.NodeProto, weight: onnx.TensorProto, graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """Return (N, K) x (M, K) -> (N, M), as (N, 1, K) * (M, K) summed over K."""
    from onnx import helper, numpy_helper

    name = node.output[0]
    values = numpy_helper.to_array(weight)
    if not _attributes(node).get("transB", 0):
        values = values.T
    for suffix, array in (
        ("weight", np.ascontiguousarray(values)),
        ("rows", np.array([1])),
        ("terms", np.array([2])),
    ):
        graph.initializer.append(numpy_helper.from_array(array, f"{name}/{suffix}"))
    bias = list(node.input[2:])
    summed = f"{name}/sum" if bias else name
    make = helper.make_node
    nodes = [
        make("Unsqueeze", [node.input[0], f"{name}/rows"], [f"{name}/row"]),
        make("Mul", [f"{name}/row", f"{name}/weight"], [f"{name}/products"]),
        make("ReduceSum", [f"{name}/products", f"{name}/terms"], [summed], keepdims=0),
    ]
    return [*nodes, make("Add", [summed, *bias], [name])] if bias else nodes
