"""An engine that fails when it is told to, for windows that have to go on."""

from __future__ import annotations

from pssr_live.engines.onnx import OnnxEngine
from pssr_live.intensity import FloatArray


class Failing(OnnxEngine):
    """Works until it is told to fail."""

    name = "failing"
    rank = 1
    fails = False

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        if self.fails:
            raise RuntimeError("the device was lost")
        return super().run(frames, valid)
