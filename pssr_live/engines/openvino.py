"""OpenVINO on the CPU, bfloat16: about twice as fast where the processor has it.

Asked for by name only, because 8 bits of a number are not 24. What they cost is kept
small by where they are used: the network mends an interpolated frame, and only the
mending is computed in bfloat16. The interpolation and the sum are float32, which
halves the largest error for a thirtieth of the time.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.by_values import FloatEngine
from pssr_live.engines.cores import usable_cores
from pssr_live.engines.installed import missing
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray

if TYPE_CHECKING:
    import openvino

DEVICE = "CPU"
TELEMETRY = "openvino_telemetry"


class OpenVinoEngine(FloatEngine):
    """Runs `model.onnx` with OpenVINO, everything but the interpolation in bfloat16."""

    name = "openvino-bf16"
    rank = 610
    precision = "bfloat16"
    opt_in = True

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return what is missing: the package, or bfloat16 in the processor."""
        reason = missing("openvino", "openvino")
        if reason is not None:
            return reason
        if "BF16" not in _capabilities():
            return (
                "This processor has no bfloat16 arithmetic, so OpenVINO would compute "
                "in float32: use the engine onnxruntime, which does that too."
            )
        return None

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        core = load_openvino().Core()
        try:
            network = core.read_model(model.onnx)
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot load {model.onnx} ({error}): export it again."
            ) from error
        mending, sum_ = split(network)
        self._mending = _compiled(core, mending, "bf16")
        self._sum = _compiled(core, sum_, "f32")

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one window (T, h, w) -> (scale * h, scale * w)."""
        fed = {"frames": frames[np.newaxis], "valid": valid[np.newaxis]}
        mended = self._mending.infer(fed, share_inputs=True, share_outputs=True)[0]
        restored = self._sum.infer(fed | {"mended": mended}, share_inputs=True)[0]
        picture: FloatArray = restored[0]
        return picture

    def close(self) -> None:
        """Free both halves."""
        del self._mending, self._sum


def load_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    Its import reports home and leaves an identity in the user's home folder, unless
    the package that does so is missing, which it allows for.
    """
    if TELEMETRY in sys.modules:  # somebody else's choice, made before
        return importlib.import_module("openvino")
    sys.modules[TELEMETRY] = None  # type: ignore[assignment] # an import of it fails
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[TELEMETRY]


def split(network: openvino.Model) -> tuple[openvino.Model, openvino.Model]:
    """Cut a network where what it mends meets the interpolated frame.

    OpenVINO takes one precision for a whole graph, hence two graphs.

    Parameters
    ----------
    network : openvino.Model
        Taken apart: it is not to be used afterwards.

    Returns
    -------
    tuple of openvino.Model
        (frames, valid) -> mended, and (frames, valid, mended) -> restored.

    Raises
    ------
    EngineError
        If the network does not end in such a sum.
    """
    openvino = load_openvino()
    entry = _entry_of_mended(network)
    source = entry.get_source_output()
    given = network.get_parameters()
    mending = openvino.Model([source], given, "mending").clone()
    mended = openvino.opset13.parameter(
        source.get_partial_shape(), source.get_element_type(), name="mended"
    )
    mended.output(0).get_tensor().set_names({"mended"})
    entry.replace_source_output(mended.output(0))
    return mending, openvino.Model(network.get_results(), [*given, mended], "sum")


def _entry_of_mended(network: openvino.Model) -> Any:
    """Find where the last addition takes what is no interpolation of one frame."""
    for node in reversed(network.get_ordered_ops()):
        if node.get_type_name() == "Add":
            entries = node.inputs()
            alone = [_interpolates(e.get_source_output().get_node()) for e in entries]
            if sorted(alone) == [False, True]:
                return entries[alone.index(False)]
    raise EngineError(
        "The network adds nothing to an interpolated frame, so it cannot be split "
        "between bfloat16 and float32: use the engine onnxruntime."
    )


def _interpolates(node: openvino.Node) -> bool:
    """Tell whether a node is a convolution of one channel."""
    if node.get_type_name() != "Convolution":
        return False
    return bool(node.input(1).get_partial_shape()[1] == 1)


def _compiled(
    core: openvino.Core, graph: openvino.Model, precision: str
) -> openvino.InferRequest:
    """Compile for one window at a time on the cores that this process may use."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": usable_cores(),
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = core.compile_model(graph, DEVICE, settings)
    got = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if got != precision:
        raise EngineError(
            f"OpenVINO was asked for {precision} and computes in {got}: use the "
            "engine onnxruntime."
        )
    return compiled.create_infer_request()


def _capabilities() -> list[str]:
    """Return what OpenVINO says that the processor can do."""
    core = load_openvino().Core()
    try:
        found: list[str] = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    except RuntimeError:  # no plugin for this kind of processor
        return []
    return found
