"""Building a plan in this process, with every refusal in one sentence.

A builder may take minutes and gigabytes, and it is foreign native code: an application
builds in a process apart (`build_apart`), which calls this.
"""

from __future__ import annotations

import threading
from typing import Any

from pssr_live.engines.engine import BuildProgress
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.messages import Messages, listening
from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.engines.tensorrt.progress import watching
from pssr_live.errors import EngineError


def build_plan(
    flavour: Flavour,
    graph: bytes,
    spec: PlanSpec,
    progress: BuildProgress = lambda share: None,
    cancelled: threading.Event | None = None,
) -> bytes:
    """Build the plan of a counts graph.

    Parameters
    ----------
    flavour : Flavour
        What builds.
    graph : bytes
        From `counts_graph`, in the precision of `spec`.
    spec : PlanSpec
        What is wanted.
    progress : callable
        Called with the share done, 0 to 1.
    cancelled : Event, optional
        Once set, building ends soon.

    Returns
    -------
    bytes
        What `trt.Runtime.deserialize_cuda_engine` takes.

    Raises
    ------
    EngineError
        If it cannot be built, or was cancelled.
    """
    trt = flavour.module
    cancelled = cancelled or threading.Event()
    logger = listening(flavour)
    builder = trt.Builder(logger)
    if not builder:
        raise EngineError(f"{flavour.name} cannot build here: {logger.last()}.")
    # The parser keeps no reference to its network: it must be held here.
    network = builder.create_network(flavour.network_flags())
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph):
        raise EngineError(_refusal(parser, graph))
    config = builder.create_builder_config()
    flavour.configure(config, spec)
    _add_profile(builder, network, config, spec, logger)
    monitor = watching(flavour, progress, cancelled)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if cancelled.is_set():
        raise EngineError("Building the plan was cancelled.")
    if plan is None:
        raise EngineError(f"{flavour.name} could not build the plan: {logger.last()}.")
    progress(1.0)
    return bytes(plan)


def _refusal(parser: Any, graph: bytes) -> str:
    """Say what the parser took exception to."""
    if not parser.num_errors:
        return "The network cannot be read by TensorRT: export it again."
    error = parser.get_error(0)
    reason = " ".join(error.desc().split()).rstrip(".")
    if _takes_uint16(graph):
        return (
            "TensorRT takes no 16-bit counts: give them as pairs of bytes, as the "
            "counts graph does."
        )
    operator, node = error.node_operator(), error.node_name()
    if not operator:
        return f"TensorRT cannot read the network ({reason}): export it again."
    return (
        f"TensorRT refuses the operator {operator} ({node}): {reason}; export the "
        "network without it, or use another engine."
    )


def _takes_uint16(graph: bytes) -> bool:
    """Tell whether that may be why the parser failed: it does not say so itself."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        inputs = onnx.load_model_from_string(graph).graph.input
    except DecodeError:
        return False
    kinds = {value.type.tensor_type.elem_type for value in inputs}
    return onnx.TensorProto.UINT16 in kinds


def _add_profile(
    builder: Any, network: Any, config: Any, spec: PlanSpec, logger: Messages
) -> None:
    """Tell the builder which sizes will come."""
    profile = builder.create_optimization_profile()
    for at in range(network.num_inputs):
        tensor = network.get_input(at)
        if -1 not in tuple(tensor.shape):
            continue
        profile.set_shape(
            tensor.name,
            *(
                _with_sizes(tuple(tensor.shape), shape)
                for shape in (spec.smallest, spec.usual, spec.largest)
            ),
        )
    if config.add_optimization_profile(profile) == -1:
        sizes = f"{spec.smallest} to {spec.largest}"
        raise EngineError(
            f"TensorRT refuses windows of {sizes} ({logger.last()}): ask for other "
            "sizes."
        )


def _with_sizes(shape: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Put (N, H, W) in the places that are open, in their order."""
    left = iter(sizes)
    return tuple(next(left) if length == -1 else length for length in shape)
