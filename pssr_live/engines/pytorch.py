"""PyTorch on an NVIDIA GPU and on the CPU, from the weights of a model folder.

PyTorch takes more than a second to import, so nothing here does it before one of these
engines is really to be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.by_values import FloatEngine
from pssr_live.engines.cuda.driver import driver_problem
from pssr_live.engines.cuda.sessions import Sessions
from pssr_live.engines.installed import missing
from pssr_live.errors import EngineError, ModelError
from pssr_live.frame import Pixels
from pssr_live.intensity import FloatArray
from pssr_live.window import Window

if TYPE_CHECKING:
    from pssr_live.network import FastNet

WEIGHTS = "weights.safetensors"
LARGEST_PX = 512  # side of a piece, surroundings included
PIECES = 8  # at a time


class TorchEngine(FloatEngine):
    """Runs the weights with PyTorch on the CPU, in float32."""

    name = "torch"
    rank = 500

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why PyTorch cannot run `model`, or None; without importing it."""
        return _missing(model)

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        import torch

        self._net = _network(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one window (T, h, w) -> (scale * h, scale * w)."""
        import torch

        given = torch.from_numpy(np.require(frames, requirements="W"))[None]
        there = torch.from_numpy(np.require(valid, requirements="W"))[None]
        with torch.inference_mode():
            wide = given.to(memory_format=torch.channels_last)
            restored: FloatArray = self._net(wide, there)[0].numpy()
        return restored

    def close(self) -> None:
        """Free the network."""
        del self._net


class TorchCudaEngine(CountsEngine):
    """Runs the weights with PyTorch on an NVIDIA GPU, in float16."""

    name = "torch-cuda"
    rank = 300
    device = "cuda"
    precision = "float16"
    kind = "cuda"  # what PyTorch calls the device

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why PyTorch cannot run `model` on a GPU, or None.

        PyTorch is imported only if there is a GPU.
        """
        reason = _missing(model) or driver_problem()
        if reason is not None:
            return reason
        import torch

        if not torch.cuda.is_available():
            return (
                f"PyTorch {torch.__version__} does not use the GPU: install it for "
                "CUDA as pytorch.org says, or a newer driver."
            )
        return None

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        from pssr_live.engines.cuda.torch_device import TorchDevice
        from pssr_live.engines.cuda.torch_inference import torch_binding

        half = self.precision == "float16"
        bind = torch_binding(_network(model), self.kind, half)
        device = TorchDevice(self.kind)
        self.device = device.name
        self._sessions = Sessions(
            device, model.card, bind, largest=LARGEST_PX, most=PIECES
        )

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window of any size, in its own counts."""
        return self._sessions.restore(window)

    def close(self) -> None:
        """Free the device, except pictures that somebody holds."""
        self._sessions.close()


def _missing(model: Model) -> str | None:
    """Say which package or file is missing."""
    reason = missing("torch", "torch", "safetensors")
    if reason is not None:
        return reason
    if not (model.folder / WEIGHTS).is_file():
        return (
            f"{model.card.name} has no {WEIGHTS}: take the model folder anew, or use "
            "an engine that runs model.onnx."
        )
    return None


def _network(model: Model) -> FastNet:
    # A refusal, not an error of the model: other engines run its model.onnx.
    from pssr_live.weights import network_of

    try:
        return network_of(model)
    except ModelError as error:
        raise EngineError(str(error)) from error
