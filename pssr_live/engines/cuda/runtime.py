"""Calls of the CUDA runtime, each of which succeeds or becomes one sentence.

Everything runs on the first GPU that is visible; CUDA_VISIBLE_DEVICES chooses another.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Any

from pssr_live.errors import EngineError

GPU = 0

log = logging.getLogger(__name__)


@functools.cache
def runtime() -> Any:
    """Return the CUDA runtime's Python bindings.

    Raises
    ------
    EngineError
        If they are not installed.
    """
    try:
        from cuda.bindings import runtime as bindings
    except ImportError as error:
        raise EngineError(
            f"cuda-bindings cannot be loaded ({error}): pip install cuda-bindings."
        ) from error
    return bindings


def call(name: str, *arguments: Any) -> Any:
    """Call a function of the CUDA runtime, and return what it gives.

    Raises
    ------
    EngineError
        If it gives anything but success.
    """
    cuda = runtime()
    code, *given = getattr(cuda, name)(*arguments)
    if code != cuda.cudaError_t.cudaSuccess:
        raise EngineError(_sentence(cuda, name, code))
    return given[0] if len(given) == 1 else tuple(given)


def release(name: str, *arguments: Any) -> None:
    """Call a function that frees something; a failure is logged and no more.

    It fails when the GPU is lost already, and then the next engine must start.
    """
    try:
        call(name, *arguments)
    except EngineError as error:
        log.info("%s", error)


def _sentence(cuda: Any, name: str, code: Any) -> str:
    if code == cuda.cudaError_t.cudaErrorMemoryAllocation:
        return (
            f"The GPU is out of memory ({name}): close other programs that use it, or "
            "scan smaller frames."
        )
    if code == cuda.cudaError_t.cudaErrorInsufficientDriver:
        return (
            f"The NVIDIA driver is too old for this CUDA runtime ({name}): install a "
            "newer driver."
        )
    _, said = cuda.cudaGetErrorString(code)
    reason = said.decode(errors="replace") if said else "no explanation"
    return f"{name} failed ({getattr(code, 'name', code)}): {reason}."


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What a plan or a report wants to know about the GPU.

    Attributes
    ----------
    name : str
        What it is called.
    capability : int
        Compute capability without its dot: 86 for 8.6.
    driver, runtime : int
        The newest CUDA that the driver knows and the one in use: 13000 for 13.0.
    free_bytes, total_bytes : int
        Of its memory.
    """

    name: str
    capability: int
    driver: int
    runtime: int
    free_bytes: int
    total_bytes: int


def gpu_facts() -> GpuFacts:
    """Ask the driver about the GPU.

    Raises
    ------
    EngineError
        If there is none, or its driver does not work.
    """
    properties = call("cudaGetDeviceProperties", GPU)
    call("cudaSetDevice", GPU)
    free_bytes, total_bytes = call("cudaMemGetInfo")
    return GpuFacts(
        name=properties.name.decode(errors="replace").rstrip("\0"),
        capability=10 * properties.major + properties.minor,
        driver=call("cudaDriverGetVersion"),
        runtime=call("cudaRuntimeGetVersion"),
        free_bytes=free_bytes,
        total_bytes=total_bytes,
    )
