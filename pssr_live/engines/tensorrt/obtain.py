"""A plan for a model on this computer: the one kept from before, or a new one."""

from __future__ import annotations

import logging
import threading
import time

from pssr_live.card import Model
from pssr_live.engines.engine import BuildProgress
from pssr_live.engines.tensorrt.apart import build_apart
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.plan_key import Gpu, plan_key
from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.engines.tensorrt.plans import Plans

log = logging.getLogger(__name__)


def obtain_plan(
    model: Model,
    flavour: Flavour,
    spec: PlanSpec,
    gpu: Gpu,
    plans: Plans,
    progress: BuildProgress,
    cancelled: threading.Event,
) -> bytes:
    """Load a plan, or build it in a process apart and keep it.

    Parameters
    ----------
    model : Model
        Whose network.
    flavour : Flavour
        What builds and runs it.
    spec : PlanSpec
        What is wanted.
    gpu : Gpu
        What it shall run on.
    plans : Plans
        Where plans are kept.
    progress : callable
        Called with the share done, 0 to 1; may be from another thread.
    cancelled : Event
        Once set, building ends soon.

    Returns
    -------
    bytes
        What `trt.Runtime.deserialize_cuda_engine` takes.

    Raises
    ------
    EngineError
        If it cannot be built or kept, or building was cancelled.
    """
    key = plan_key(model, flavour, spec, gpu)
    found = plans.load(key)
    if found.content is None:
        log.info("Building the plan %s: %s", key.stem, found.reason)
        begun = time.perf_counter()
        content = build_apart(flavour.name, model.onnx, spec, progress, cancelled)
        plans.store(key, content, time.perf_counter() - begun, found.reason)
    else:
        content = found.content
    progress(1.0)
    return content
