"""Reading a model's network, and saying in one sentence why it cannot become a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.errors import EngineError

if TYPE_CHECKING:
    import onnx

LEAST_OPSET = 13  # axes are inputs from here on
RANKS = {"frames": 4, "valid": 2, "restored": 3}


def read_network(network: bytes) -> onnx.ModelProto:
    """Parse and check a `model.onnx`.

    Raises
    ------
    EngineError
        If it is no ONNX file, its inputs and outputs are not `frames`, `valid` and
        `restored` in float32, or it is tied to one size of picture.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(network)
        wrong = _wrong_inside(model)  # before the checker looks for other files
        if not wrong:
            onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"The network is no valid ONNX file ({reason}): export it again."
        ) from error
    wrong = wrong or _wrong_end(model)
    if wrong:
        raise EngineError(f"The network {wrong}: export it again with pssr-live.")
    return model


def _wrong_end(model: onnx.ModelProto) -> str | None:
    """Say what is wrong with the inputs and outputs, if anything is."""
    from onnx import TensorProto

    weights = {weight.name for weight in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in weights]
    ends = [*given, *model.graph.output]
    names = [value.name for value in ends]
    if names != list(RANKS):
        return f"has the ends {', '.join(names)} instead of {', '.join(RANKS)}"
    for value in ends:
        kind = value.type.tensor_type.elem_type
        rank = len(value.type.tensor_type.shape.dim)
        if kind != TensorProto.FLOAT:
            found = TensorProto.DataType.Name(kind).lower()
            return f"has {value.name} in {found} instead of float32"
        if rank != RANKS[value.name]:
            return f"has {value.name} with {rank} axes instead of {RANKS[value.name]}"
    return _wrong_shape(given[0])


def _wrong_shape(frames: onnx.ValueInfoProto) -> str | None:
    shape = [dim.dim_value for dim in frames.type.tensor_type.shape.dim]
    if shape[1] == 0:
        return "does not say how many frames it takes"
    if shape[0] or shape[2] or shape[3]:
        told = " x ".join(str(length or "any") for length in shape)
        return f"takes frames of {told} only, instead of any number and size"
    return None


def _wrong_inside(model: onnx.ModelProto) -> str | None:
    from onnx import TensorProto

    opset = next((o.version for o in model.opset_import if o.domain == ""), 0)
    if 0 < opset < LEAST_OPSET:
        return f"is of ONNX opset {opset}, and {LEAST_OPSET} is the oldest that works"
    if any(w.data_location == TensorProto.EXTERNAL for w in model.graph.initializer):
        return "keeps its weights in another file"
    if model.functions:
        return "has functions of its own"
    return None
