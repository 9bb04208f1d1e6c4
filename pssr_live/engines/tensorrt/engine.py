"""The fastest engines: a plan for this GPU, whole windows of counts, CUDA graphs."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import ClassVar

from pssr_live.card import Model
from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.cuda.device import CudaDevice
from pssr_live.engines.cuda.driver import driver_problem
from pssr_live.engines.cuda.protocol import Device
from pssr_live.engines.cuda.runtime import gpu_facts
from pssr_live.engines.cuda.sessions import Sessions
from pssr_live.engines.engine import BuildProgress
from pssr_live.engines.installed import missing
from pssr_live.engines.tensorrt.flavour import EXTRAS, Flavour, FlavourName, flavour
from pssr_live.engines.tensorrt.obtain import obtain_plan
from pssr_live.engines.tensorrt.plan_key import Gpu, Key, plan_key, runtime_key
from pssr_live.engines.tensorrt.plan_runner import PlanRunner
from pssr_live.engines.tensorrt.plan_spec import (
    MOST_WINDOWS,
    TILE_PX,
    PlanSpec,
    Precision,
)
from pssr_live.engines.tensorrt.plans import Plans
from pssr_live.engines.tensorrt.runtime_cache import RuntimeCache
from pssr_live.engines.tensorrt.validity import plan_problem
from pssr_live.errors import EngineError
from pssr_live.frame import Pixels
from pssr_live.window import Window

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The plan that a model needs on this computer, and where it is kept."""

    flavour: Flavour
    spec: PlanSpec
    gpu: Gpu
    plans: Plans
    key: Key


class TensorRtEngine(CountsEngine):
    """Runs a TensorRT plan, in float16 with the skip path in float32."""

    name = "tensorrt"
    rank = 100
    device = "cuda"
    precision: Precision = "float16"
    package: ClassVar[FlavourName] = "tensorrt"

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why a plan cannot run on this computer, or None.

        The package is imported only if there is a GPU.
        """
        reason = cls._missing() or driver_problem()
        if reason is not None:
            return reason
        try:
            wanted = cls._wanted(model)
        except EngineError as error:
            return str(error)
        gpu = wanted.gpu
        reason = wanted.flavour.gpu_problem(gpu.name, gpu.capability)
        if reason is not None:
            return reason
        plan = wanted.plans.load(wanted.key).content
        return None if plan is None else plan_problem(wanted.flavour, plan)

    @classmethod
    def is_ready(cls, model: Model) -> bool:
        """Tell whether a plan for this GPU was built before."""
        wanted = cls._wanted(model)
        return wanted.plans.load(wanted.key).content is not None

    @classmethod
    def prepare(
        cls, model: Model, progress: BuildProgress, cancelled: threading.Event
    ) -> None:
        """Build the plan, in a process apart, and keep it."""
        w = cls._wanted(model)
        obtain_plan(model, w.flavour, w.spec, w.gpu, w.plans, progress, cancelled)

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        wanted = self._wanted(model)
        found = wanted.plans.load(wanted.key)
        if found.content is None:
            raise EngineError(f"Its plan cannot be used: {found.reason}.")
        problem = plan_problem(wanted.flavour, found.content)
        if problem is not None:
            raise EngineError(problem)
        self._plans, self._key = wanted.plans, wanted.key
        key = runtime_key(wanted.key, wanted.flavour, wanted.gpu)
        self._cache, self._sizes_kept = RuntimeCache(wanted.plans, key), 0
        device = self._open_device()
        self.device = device.name
        try:
            self._runner = PlanRunner(
                wanted.flavour, found.content, device, self._cache, model.card.scale
            )
        except BaseException:
            device.close()
            raise
        self._sessions = Sessions(
            device,
            model.card,
            self._runner.bind,
            largest=TILE_PX + 2 * model.card.receptive_radius,
            most=MOST_WINDOWS,
        )

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window of any size, in its own counts."""
        restored = self._sessions.restore(window)
        if self._sizes_kept < self._sessions.opened:  # a new size, freshly compiled
            self._sizes_kept = self._sessions.opened
            self._cache.save()
        return restored

    def keep_proof(self, error: float, elapsed_ms: float) -> None:
        """Write the self-test's result beside the plan."""
        try:
            self._plans.record_self_test(self._key, error, elapsed_ms)
        except EngineError as refusal:  # an engine that works is worth more
            log.warning("The self-test was not written down: %s", refusal)

    def close(self) -> None:
        """Free the GPU, except pictures that somebody holds; keep what was compiled."""
        self._sessions.close()
        self._cache.close()
        self._runner.close()

    @classmethod
    def _missing(cls) -> str | None:
        return missing(EXTRAS[cls.package], cls.package, "cuda", "onnx")

    @classmethod
    def _wanted(cls, model: Model) -> Wanted:
        """Return what is to be built or loaded for a model, on this GPU."""
        kind, facts = flavour(cls.package), cls._facts()
        spec = PlanSpec.dynamic(cls.precision, model.card.receptive_radius)
        return Wanted(kind, spec, facts, Plans(), plan_key(model, kind, spec, facts))

    @classmethod
    def _facts(cls) -> Gpu:
        facts = gpu_facts()
        driver = f"for CUDA {facts.driver // 1000}.{facts.driver % 1000 // 10}"
        return Gpu(facts.name, facts.capability, driver)

    @classmethod
    def _open_device(cls) -> Device:
        return CudaDevice()


class TensorRtRtxEngine(TensorRtEngine):
    """Runs a TensorRT-RTX plan, which is built in a second and finished on the GPU."""

    name = "tensorrt_rtx"
    rank = 200
    package = "tensorrt_rtx"
