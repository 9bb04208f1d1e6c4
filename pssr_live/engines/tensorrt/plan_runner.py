"""A plan on the GPU: loaded once, bound to as many sizes of picture as are wanted.

Every session has an execution context of its own, with memory of its own. A context
that a CUDA graph was recorded from must not be given other shapes or addresses, and
its memory must not be TensorRT's to move.
"""

from __future__ import annotations

from typing import Any

from pssr_live.engines.cuda.inference import Ends
from pssr_live.engines.cuda.protocol import Device
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.messages import Messages, listening
from pssr_live.engines.tensorrt.runtime_cache import RuntimeCache
from pssr_live.errors import EngineError


class PlanRunner:
    """A plan, ready to be bound.

    Parameters
    ----------
    flavour : Flavour
        What built the plan, and runs it.
    plan : bytes
        What it built.
    device : Device
        Where.
    cache : RuntimeCache
        Keeps what is compiled on the first run.
    scale : int
        Enlargement of the network.

    Raises
    ------
    EngineError
        If the plan cannot be loaded here.
    """

    def __init__(
        self,
        flavour: Flavour,
        plan: bytes,
        device: Device,
        cache: RuntimeCache,
        scale: int,
    ) -> None:
        self._device, self._cache, self._scale = device, cache, scale
        self._messages = listening(flavour)
        self._runtime = flavour.module.Runtime(self._messages)
        self._plan = self._runtime.deserialize_cuda_engine(plan)
        if self._plan is None:
            raise EngineError(
                f"{flavour.name} cannot load its plan ({self._messages.last()}): "
                "delete it, and it is built anew."
            )
        trt = flavour.module
        self._own_memory = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        self._config = self._configured(trt)

    def bind(self, ends: Ends) -> PlanInference:
        """Start the network on given ends.

        Raises
        ------
        EngineError
            If it does not take windows of this size.
        """
        how = self._own_memory if self._config is None else self._config
        context = self._plan.create_execution_context(how)
        if context is None:
            raise EngineError(
                f"TensorRT cannot start the plan ({self._messages.last()}): close "
                "other programs that use the GPU."
            )
        return PlanInference(context, ends, self._device, self._messages, self._scale)

    def close(self) -> None:
        """Free the plan."""
        del self._config, self._plan, self._runtime

    def _configured(self, trt: Any) -> Any:
        """Return how contexts shall be created, where the plan can be told."""
        if not hasattr(self._plan, "create_runtime_config"):
            return None
        config = self._plan.create_runtime_config()
        config.set_execution_context_allocation_strategy(self._own_memory)
        if hasattr(config, "dynamic_shapes_kernel_specialization_strategy"):
            # All compiling is done before the first frame, not beside the first ones.
            kinds = trt.DynamicShapesKernelSpecializationStrategy
            config.dynamic_shapes_kernel_specialization_strategy = kinds.EAGER
        self._cache.attach(config)
        return config


class PlanInference:
    """A plan, bound to its ends.

    Parameters
    ----------
    context : IExecutionContext
        Nobody else's.
    ends : Ends
        What it reads and writes.
    device : Device
        Where.
    messages : Messages
        What TensorRT said last.
    scale : int
        Enlargement of the network.
    """

    def __init__(
        self, context: Any, ends: Ends, device: Device, messages: Messages, scale: int
    ) -> None:
        self._context, self._messages = context, messages
        self._stream = device.stream
        windows, taken, height, width = ends.shape
        self._shape("counts", (windows, taken, height, width, 2))
        self._shape("valid", (windows, taken))
        open_ends = context.infer_shapes()
        found = tuple(context.get_tensor_shape("restored"))
        expected = (windows, scale * height, scale * width, 2)
        if open_ends or found != expected:
            raise EngineError(
                f"The plan gives {found} where {expected} was expected: delete it, and "
                "it is built anew."
            )
        for name in ("counts", "valid", "map", "restored", "total"):
            address = getattr(ends, name).address
            self._check(context.set_tensor_address(name, address), f"place {name}")
        nbytes = int(context.update_device_memory_size_for_shapes())
        self._memory = device.allocate(max(nbytes, 1))
        context.set_device_memory(self._memory.address, self._memory.nbytes)

    def enqueue(self) -> None:
        """Queue one run."""
        self._check(self._context.execute_async_v3(self._stream), "run the plan")

    def is_recordable(self) -> bool:
        """Tell, after the first run, whether a run can be part of a CUDA graph."""
        context = self._context
        if not hasattr(context, "is_stream_capturable"):
            return True
        return bool(context.is_stream_capturable(self._stream))

    def close(self) -> None:
        """Free the context and its memory."""
        del self._context
        self._memory.free()

    def _shape(self, name: str, shape: tuple[int, ...]) -> None:
        self._check(self._context.set_input_shape(name, shape), f"take {name} {shape}")

    def _check(self, done: bool, what: str) -> None:
        if not done:
            raise EngineError(f"TensorRT cannot {what}: {self._messages.last()}.")
