"""The counts graph: camera counts in, camera counts out, the network in between.

What a GPU is given is 8 or 16 bit counts, so that little crosses the bus and the
intensity map costs nothing on the host. TensorRT takes no 16-bit integers; counts
therefore travel as pairs of bytes, low byte first, as they lie in memory.

    counts    uint8   (N, T, H, W, 2)      the windows
    valid     float32 (N, T)               1 for each frame that is there
    map       float32 (3,)                 offset, scale, limit, all in counts
    restored  uint8   (N, s * H, s * W, 2)
    total     float32 (N,)                 sum of each window's output, in network
                                           units: not finite if any pixel is not

The graph is strongly typed (every change of number format is a Cast of its own) and
plain ONNX, so it gives the same numbers wherever it runs. The map is computed in
float32 in any case: float16 has 11 bits and counts have 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.engines.tensorrt.half import halve
from pssr_live.engines.tensorrt.network_file import read_network
from pssr_live.engines.tensorrt.plan_spec import Precision
from pssr_live.engines.tensorrt.turing import without_gemm

if TYPE_CHECKING:
    import onnx

INSIDE = "network/"  # before the model's own names, so that none meets ours
BYTE = 256.0


def counts_graph(network: bytes, precision: Precision) -> bytes:
    """Wrap a model's network into a graph from counts to counts.

    Parameters
    ----------
    network : bytes
        A `model.onnx`: frames (N, T, h, w) and valid (N, T) -> restored
        (N, s * h, s * w), all float32.
    precision : "float32" or "float16"
        What the network computes in.

    Returns
    -------
    bytes
        An ONNX model; the same bytes for the same arguments.

    Raises
    ------
    EngineError
        If `network` is not such a model.
    """
    from onnx import checker, compose, helper

    model = compose.add_prefix(read_network(network), INSIDE)
    ends = {value.name: value for value in model.graph.input}
    frames = ends[INSIDE + "frames"].type.tensor_type.shape.dim[1].dim_value
    inner = halve(model) if precision == "float16" else model.graph
    inner = without_gemm(inner)
    before, after = _Nodes(), _Nodes()
    _to_values(before)
    _to_counts(after)
    graph = helper.make_graph(
        [*before.nodes, *inner.node, *after.nodes],
        "counts",
        *_ends(frames),
        initializer=[*before.constants, *inner.initializer, *after.constants],
    )
    made = helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=model.ir_version
    )
    checker.check_model(made, full_check=True)
    text: bytes = made.SerializeToString(deterministic=True)
    return text


class _Nodes:
    """A list of nodes that is written like arithmetic."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, to: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [to], **attributes))
        return to

    def cast(self, name: str, kind: int, to: str) -> str:
        """Add a change of number format."""
        from onnx import helper

        self.nodes.append(helper.make_node("Cast", [name], [to], to=kind))
        return to

    def constant(self, name: str, values: Any) -> str:
        """Add a constant: whole numbers are places or axes, others are float32."""
        from onnx import numpy_helper

        kind = np.float32 if isinstance(values, float) else np.int64
        array = np.array(values, kind)
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def _to_values(g: _Nodes) -> None:
    """Bytes -> counts -> network units, with missing frames at 0."""
    from onnx import TensorProto

    pairs = g.cast("counts", TensorProto.FLOAT, to="pairs")
    low = g.add("Gather", pairs, g.constant("0", 0), to="low", axis=4)
    high = g.add("Gather", pairs, g.constant("1", 1), to="high", axis=4)
    high = g.add("Mul", high, g.constant("byte", BYTE), to="high_counts")
    whole = g.add("Add", low, high, to="whole")
    for place, name in enumerate(("offset", "scale", "limit")):
        g.add("Gather", "map", g.constant(f"place/{name}", place), to=name, axis=0)
    above = g.add("Sub", whole, "offset", to="above")
    values = g.add("Div", above, "scale", to="values")
    there = g.add("Unsqueeze", "valid", g.constant("axes", [2, 3]), to="there")
    # A network may expect that missing frames are 0, whatever the counts say.
    g.add("Mul", values, there, to=INSIDE + "frames")
    g.add("Identity", "valid", to=INSIDE + "valid")


def _to_counts(g: _Nodes) -> None:
    """Network units -> counts, rounded to even and clipped -> bytes; and the sum."""
    from onnx import TensorProto

    values = INSIDE + "restored"
    picture = g.constant("picture", [1, 2])
    g.add("ReduceSum", values, picture, to="total", keepdims=0)
    counts = g.add("Mul", values, "scale", to="scaled")
    counts = g.add("Add", counts, "offset", to="moved")
    counts = g.add("Round", counts, to="rounded")
    counts = g.add("Max", counts, g.constant("zero", 0.0), to="not_negative")
    counts = g.add("Min", counts, "limit", to="clipped")
    high = g.add("Mul", counts, g.constant("per_byte", 1 / BYTE), to="bytes")
    high = g.add("Floor", high, to="high_byte")
    low = g.add("Mul", high, "byte", to="high_part")
    low = g.add("Sub", counts, low, to="low_byte")
    last = g.constant("last", [3])
    low = g.add("Unsqueeze", low, last, to="low_last")
    high = g.add("Unsqueeze", high, last, to="high_last")
    pairs = g.add("Concat", low, high, to="pairs_back", axis=3)
    g.cast(pairs, TensorProto.UINT8, to="restored")


def _ends(
    frames: int,
) -> tuple[Sequence[onnx.ValueInfoProto], Sequence[onnx.ValueInfoProto]]:
    """Return the inputs and the outputs of the graph for windows of `frames`."""
    from onnx import TensorProto, helper

    def value(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
        made: onnx.ValueInfoProto = helper.make_tensor_value_info(name, kind, shape)
        return made

    byte, real = TensorProto.UINT8, TensorProto.FLOAT
    given = (
        value("counts", byte, "windows", frames, "height", "width", 2),
        value("valid", real, "windows", frames),
        value("map", real, 3),
    )
    made = (
        value("restored", byte, "windows", "restored_height", "restored_width", 2),
        value("total", real, "windows"),
    )
    return given, made
