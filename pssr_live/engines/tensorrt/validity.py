"""Does TensorRT-RTX think that a plan runs on this GPU? Asked of the plan's header."""

from __future__ import annotations

from typing import Any

from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.messages import listening

WORDS = {
    "VERSION_MISMATCH": "it was built by another version of TensorRT-RTX",
    "UNSUPPORTED_CC": "it was not built for this kind of GPU",
    "OLD_CUDA_DRIVER": "the NVIDIA driver is too old: install a newer one",
    "OLD_CUDA_RUNTIME": "the CUDA runtime is too old: install a newer cuda-bindings",
    "INSUFFICIENT_GPU_MEMORY": "the GPU has too little memory: close what else uses it",
    "MALFORMED_ENGINE": "it is damaged: delete it",
    "CUDA_ERROR": "the NVIDIA driver reports an error: restart the computer",
}


def plan_problem(flavour: Flavour, plan: bytes) -> str | None:
    """Say in a sentence why a plan does not run here; None if it does.

    Packages that cannot be asked are taken to say yes.
    """
    trt = flavour.module
    if not hasattr(trt.Runtime, "get_engine_validity"):
        return None
    messages = listening(flavour)
    runtime = trt.Runtime(messages)
    header = plan[: runtime.engine_header_size]
    validity, diagnostics = runtime.get_engine_validity(header)
    if validity != trt.EngineValidity.INVALID:
        return None
    reasons = "; ".join(_words(trt, int(diagnostics))) or messages.last()
    return f"{flavour.name} does not run its plan on this GPU: {reasons}."


def _words(trt: Any, diagnostics: int) -> list[str]:
    bits = trt.EngineInvalidityDiagnostics.__members__
    named = [name for name, bit in bits.items() if int(bit) & diagnostics]
    return [WORDS.get(name, name.lower().replace("_", " ")) for name in named]
