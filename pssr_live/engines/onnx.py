"""onnxruntime on the CPU, float32: the engine that works on any computer."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime

from pssr_live.card import Model
from pssr_live.engines.by_values import FloatEngine
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray


class OnnxEngine(FloatEngine):
    """Runs `model.onnx` with onnxruntime."""

    name = "onnxruntime"
    rank = 400

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        # Waiting threads must sleep: spinning would take the scanner's core.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(model.onnx), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own C++ exceptions
            raise EngineError(
                f"onnxruntime cannot load {model.onnx} ({error}): export it again."
            ) from error

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one window (T, h, w) -> (scale * h, scale * w)."""
        fed = {"frames": frames[np.newaxis], "valid": valid[np.newaxis]}
        (restored,) = self._session.run(["restored"], fed)
        picture: FloatArray = restored[0]
        return picture

    def close(self) -> None:
        """Free the session."""
        del self._session


def usable_cores() -> int:
    """Return the cores that this process may use, which may be fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
