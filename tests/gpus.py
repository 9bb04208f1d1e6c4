"""The engines for NVIDIA GPUs on a GPU, if there is one."""

from __future__ import annotations

import threading

import pytest

from pssr_live.card import Model
from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.cuda.driver import driver_problem
from pssr_live.engines.preparation import build
from pssr_live.engines.pytorch import TorchCudaEngine
from pssr_live.engines.tensorrt.engine import TensorRtEngine, TensorRtRtxEngine

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
        build(kind, model, lambda share: None, threading.Event())
        reason = kind.is_incompatible(model)  # a plan may say more of itself
    if reason is not None:
        pytest.skip(reason)
