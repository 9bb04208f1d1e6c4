"""onnxruntime on the CPU, 8-bit integers: twice as fast, and not as good.

Asked for by name only. The network is quantised here at every start, which takes
half a second: nothing in a model folder depends on it. Only convolutions that keep
the number of channels become integers, which is nearly all of the work; the first and
the last layer, the interpolation, and every sum of the residual blocks stay float32.

The shipped models lose up to 0.045 dB of PSNR in this way, and brightness far beyond
what calibration showed is cut off, so their cards refuse it. A model whose card allows
more error may use it.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.calibration_windows import calibration_windows
from pssr_live.engines.installed import missing
from pssr_live.engines.onnx import SessionEngine, start_session
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray


class OnnxInt8Engine(SessionEngine):
    """Runs a quantised `model.onnx` with onnxruntime."""

    name = "onnxruntime-int8"
    rank = 620
    precision = "int8"
    opt_in = True

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return what is missing: the package that quantises."""
        return missing("int8", "onnx")

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        # On processors without VNNI sums of 8-bit products may saturate: the self-test
        # shows it, and a way around it costs all that is gained on the others.
        self._session = start_session(quantised(model))


def quantised(model: Model) -> bytes:
    """Return the ONNX file of a model with its widest layers in 8 bits.

    Weights have a scale for each output channel, activations one for each layer,
    from what `calibration_windows` and the stored window make them.

    Raises
    ------
    EngineError
        If onnxruntime cannot quantise it.
    """
    import onnx
    from onnxruntime import quantization

    network = onnx.load(model.onnx)
    with tempfile.TemporaryDirectory(prefix="pssr-live-") as scratch, _quiet():
        made = Path(scratch) / "int8.onnx"
        try:
            quantization.quantize_static(
                network,
                made,
                _reader(model),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_exclude=_kept_float(network),
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
        except Exception as error:  # whatever two libraries throw
            raise EngineError(
                f"onnxruntime cannot quantise {model.onnx} ({error}): use the engine "
                "onnxruntime, which computes in float32."
            ) from error
        return made.read_bytes()


def _kept_float(network: Any) -> list[str]:
    """Name the convolutions that change the number of channels."""
    shapes = {weight.name: weight.dims for weight in network.graph.initializer}
    found = []
    for node in network.graph.node:
        if node.op_type == "Conv":
            made, taken = shapes[node.input[1]][:2]
            if made != taken:
                found.append(node.name)
    return found


def _reader(model: Model) -> Any:
    """Return what feeds windows to onnxruntime's calibration."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc] # untyped package
        def __init__(self) -> None:
            self._left = _windows(model)

        def get_next(self) -> dict[str, FloatArray] | None:
            return next(self._left, None)

    return Reader()


def _windows(model: Model) -> Iterator[dict[str, FloatArray]]:
    there = np.ones((1, model.card.n_frames), np.float32)
    for frames in calibration_windows(model.card.n_frames):
        yield {"frames": frames[np.newaxis], "valid": there}
    with np.load(model.self_test, allow_pickle=False) as stored:
        yield {name: stored[name][np.newaxis] for name in ("frames", "valid")}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the advice that quantisation gives to developers to itself."""
    import onnxruntime

    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(3)
    try:
        yield
    finally:
        root.setLevel(before)
        onnxruntime.set_default_logger_severity(2)
