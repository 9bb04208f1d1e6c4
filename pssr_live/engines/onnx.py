"""onnxruntime on the CPU, float32: the engine that works on any computer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.by_values import FloatEngine
from pssr_live.engines.cores import usable_cores
from pssr_live.errors import EngineError
from pssr_live.intensity import FloatArray

if TYPE_CHECKING:
    import onnxruntime

# From 1.29 on it reports what it runs to its makers, if it may when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class SessionEngine(FloatEngine):
    """Runs a network in a session of onnxruntime, which a subclass starts."""

    _session: onnxruntime.InferenceSession

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one window (T, h, w) -> (scale * h, scale * w)."""
        fed = {"frames": frames[np.newaxis], "valid": valid[np.newaxis]}
        (restored,) = self._session.run(["restored"], fed)
        picture: FloatArray = restored[0]
        return picture

    def close(self) -> None:
        """Free the session."""
        del self._session


class OnnxEngine(SessionEngine):
    """Runs `model.onnx` with onnxruntime."""

    name = "onnxruntime"
    rank = 400

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        try:
            self._session = start_session(str(model.onnx))
        except EngineError:
            raise
        except Exception as error:  # onnxruntime raises its own C++ exceptions
            raise EngineError(
                f"onnxruntime cannot load {model.onnx} ({error}): export it again."
            ) from error


def start_session(network: str | bytes) -> onnxruntime.InferenceSession:
    """Load a network for the CPU, to be run on all cores that it may use.

    Parameters
    ----------
    network : str or bytes
        An ONNX file's path, or its contents.

    Raises
    ------
    EngineError
        If onnxruntime is not here, or is here and does not start.
    """
    try:
        import onnxruntime
    except ImportError as error:  # on Windows also where a system library is too old
        raise EngineError(
            f"onnxruntime cannot be imported ({error}): "
            "`pip install --force-reinstall onnxruntime` mends it."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    # Waiting threads must sleep: spinning would take the scanner's core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        network, options, providers=["CPUExecutionProvider"]
    )
