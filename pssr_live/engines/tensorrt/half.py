"""Half precision where it is safe: the network in float16, its skip path in float32.

A restoring network adds a small correction to an interpolated picture. The correction
may be off by a thousandth of itself; the picture may not. So whatever leads from the
frames to the last addition without an activation on its way stays in float32, as does
all that follows, and so does each operator that is not known to be safe. A network
without such an addition is computed in float16 from end to end.

Every tensor may exist twice, as itself and as `<name>/half`; a Cast is put where one
is needed and only the other is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.errors import EngineError

if TYPE_CHECKING:
    import onnx

HALF = "/half"
ARRANGING = frozenset(
    "DepthToSpace Flatten Gather Identity Pad Reshape Slice Squeeze Transpose "
    "Unsqueeze".split()
)
LINEAR = ARRANGING | frozenset(
    "Cast Concat Constant Conv ConvTranspose Mul Resize Shape".split()
)
INTERPOLATING = frozenset(["Conv", "ConvTranspose", "Resize"])
SAFE = ARRANGING | frozenset(
    "Add AveragePool Clip Concat Conv ConvTranspose Elu Gelu Gemm HardSigmoid "
    "HardSwish LeakyRelu MatMul Max MaxPool Min Mul Neg PRelu Relu Sigmoid Split Sub "
    "Tanh".split()
)


def halve(model: onnx.ModelProto) -> onnx.GraphProto:
    """Return the graph of `model` with float16 inside; its ends stay float32.

    Raises
    ------
    EngineError
        If a weight is too large for float16, or the network has branches or loops.
    """
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model, strict_mode=True).graph
    halving = _Halving(graph)
    exact = skip_path(graph)
    for place, node in enumerate(graph.node):
        halving.take(node, half=place not in exact and node.op_type in SAFE)
    for output in graph.output:
        halving.in_full(output.name)
    return halving.result()


def skip_path(graph: onnx.GraphProto) -> set[int]:
    """Return the places of the nodes that make the interpolated picture.

    Returns
    -------
    set of int
        The nodes from the frames to the last addition, without an activation and
        with one interpolation at most; that addition, and what follows it. Empty if
        the network is not built like that.
    """
    maker = {name: at for at, node in enumerate(graph.node) for name in node.output}
    after = set()
    at = maker.get(graph.output[0].name)
    while at is not None and graph.node[at].op_type in ARRANGING:
        after.add(at)
        at = maker.get(graph.node[at].input[0])
    if at is None or graph.node[at].op_type != "Add":
        return set()
    sides = [_ancestors(graph, maker, name) for name in graph.node[at].input]
    plain = [side for side in sides if side and _interpolates(graph, side)]
    return after | {at} | plain[0] if len(plain) == 1 else set()


def _ancestors(graph: onnx.GraphProto, maker: dict[str, int], name: str) -> set[int]:
    """Return the places of all nodes that a tensor depends on."""
    found: set[int] = set()
    names = [name]
    while names:
        at = maker.get(names.pop())
        if at is not None and at not in found:
            found.add(at)
            names.extend(graph.node[at].input)
    return found


def _interpolates(graph: onnx.GraphProto, places: set[int]) -> bool:
    kinds = [graph.node[at].op_type for at in places]
    heavy = sum(kind in INTERPOLATING for kind in kinds)
    return heavy <= 1 and all(kind in LINEAR for kind in kinds)


class _Halving:
    """The new graph, node by node."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._weights = {weight.name: weight for weight in graph.initializer}
        self._floats = _float_tensors(graph)
        self._there = {value.name for value in graph.input} | set(self._weights)

    def take(self, node: onnx.NodeProto, half: bool) -> None:
        """Add a node that computes in half, or in full, precision."""
        import onnx

        if any(a.type == onnx.AttributeProto.GRAPH for a in node.attribute):
            raise EngineError(
                f"The network has a branch or loop ({node.op_type}), which float16 "
                "plans cannot have: ask for float32."
            )
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        convert = self.in_half if half else self.in_full
        copy.input[:] = [convert(name) for name in node.input]
        if half:
            copy.output[:] = [self._half_name(name) for name in node.output]
        self._nodes.append(copy)
        self._there.update(copy.output)

    def in_full(self, name: str) -> str:
        """Return the name of a tensor in its own precision."""
        import onnx

        if name not in self._there and name in self._floats:
            self._cast(name + HALF, name, onnx.TensorProto.FLOAT)
        return name

    def in_half(self, name: str) -> str:
        """Return the name of a tensor's half; of itself if it is no float32."""
        import onnx

        wanted = self._half_name(name)
        if wanted not in self._there:
            if name in self._weights:
                self._weights[wanted] = _half_weight(self._weights[name], wanted)
                self._there.add(wanted)
            else:
                self._cast(name, wanted, onnx.TensorProto.FLOAT16)
        return wanted

    def result(self) -> onnx.GraphProto:
        """Return the graph, with the weights that it uses."""
        from onnx import helper

        used = {name for node in self._nodes for name in node.input}
        weights = [self._weights[name] for name in self._weights if name in used]
        made: onnx.GraphProto = helper.make_graph(
            self._nodes,
            self._graph.name,
            self._graph.input,
            self._graph.output,
            initializer=weights,
        )
        return made

    def _half_name(self, name: str) -> str:
        return name + HALF if name in self._floats else name

    def _cast(self, name: str, wanted: str, kind: int) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node("Cast", [name], [wanted], to=kind))
        self._there.add(wanted)


def _float_tensors(graph: onnx.GraphProto) -> set[str]:
    """Return the names of all float32 tensors."""
    from onnx import TensorProto

    known: list[Any] = [*graph.input, *graph.output, *graph.value_info]
    kinds = {value.name: value.type.tensor_type.elem_type for value in known}
    kinds |= {weight.name: weight.data_type for weight in graph.initializer}
    return {name for name, kind in kinds.items() if kind == TensorProto.FLOAT}


def _half_weight(weight: onnx.TensorProto, name: str) -> onnx.TensorProto:
    from onnx import numpy_helper

    values = numpy_helper.to_array(weight)
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        raise EngineError(
            f"The weight {weight.name} reaches {np.abs(values).max():.3g}, more than "
            "float16 can hold: ask for float32."
        )
    made: onnx.TensorProto = numpy_helper.from_array(values.astype(np.float16), name)
    return made
