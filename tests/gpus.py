"""The engines for NVIDIA GPUs on a GPU, if there is one."""

from __future__ import annotations

import threading

import pytest

from pssr_live.card import Model
from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.cuda.driver import driver_problem
from pssr_live.engines.cuda.runtime import gpu_facts
from pssr_live.engines.preparation import build
from pssr_live.engines.pytorch import TorchCudaEngine
from pssr_live.engines.tensorrt.engine import TensorRtEngine, TensorRtRtxEngine
from pssr_live.engines.tensorrt.flavour import flavour
from pssr_live.errors import EngineError

Kind = type[CountsEngine]
KINDS: tuple[Kind, ...] = (TensorRtEngine, TensorRtRtxEngine, TorchCudaEngine)


def skip_without_a_gpu() -> None:
    reason = driver_problem()
    if reason is not None:
        pytest.skip(reason)


def skip_what_is_refused(kind: Kind, model: Model) -> None:
    """Build what `kind` needs; skip if this computer cannot have it."""
    skip_without_a_gpu()
    reason = kind.is_incompatible(model)
    if reason is None:
        try:
            build(kind, model, lambda share: None, threading.Event())
        except EngineError as error:
            if kind.name != "tensorrt_rtx" or _knows_this_gpu():
                raise
            pytest.skip(str(error))
        reason = kind.is_incompatible(model)  # a plan may say more of itself
    if reason is not None:
        pytest.skip(reason)


def _knows_this_gpu() -> bool:
    """Tell whether TensorRT-RTX names the kind of GPU in this computer."""
    return gpu_facts().capability in flavour("tensorrt_rtx").targets()
