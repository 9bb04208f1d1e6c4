"""TensorRT on an emulated device: a plan is the counts graph, run by onnxruntime.

Only what the engine uses is here, under the names that the package has, and as strict
as a GPU would be: a context that was recorded may not be changed, memory must be given
and large enough, addresses must be aligned.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
from emulated_device import EmulatedDevice, EmulatedMemory

from pssr_live.engines.cuda.protocol import ALIGNMENT

SCRATCH = 1000  # bytes that a context wants
DTYPES = {"tensor(uint8)": "u1", "tensor(float)": "f4"}


class Severity(Enum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2


class ILogger:
    Severity = Severity


class ExecutionContextAllocationStrategy(Enum):
    STATIC = 0
    USER_MANAGED = 2


class DynamicShapesKernelSpecializationStrategy(Enum):
    LAZY = 0
    EAGER = 1


class ComputeCapability(IntEnum):
    NONE = 0
    CURRENT = 1
    SM75 = 75
    SM80 = 80
    SM86 = 86
    SM89 = 89
    SM120 = 120
    SM121 = 121


class EngineValidity(Enum):
    VALID = 0
    INVALID = 2


class EngineInvalidityDiagnostics(IntEnum):
    UNSUPPORTED_CC = 2
    OLD_CUDA_DRIVER = 4


class IRuntimeCache:
    def __init__(self) -> None:
        self.kernels = b""

    def serialize(self) -> bytes:
        return self.kernels

    def deserialize(self, blob: bytes) -> bool:
        self.kernels = blob
        return True


class IRuntimeConfig:
    def __init__(self) -> None:
        self.dynamic_shapes_kernel_specialization_strategy = (
            DynamicShapesKernelSpecializationStrategy.LAZY
        )
        self.strategy = ExecutionContextAllocationStrategy.STATIC
        self.cache: IRuntimeCache | None = None

    def create_runtime_cache(self) -> IRuntimeCache:
        return IRuntimeCache()

    def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
        self.cache = cache
        return True

    def set_execution_context_allocation_strategy(
        self, strategy: ExecutionContextAllocationStrategy
    ) -> None:
        self.strategy = strategy


class IExecutionContext:
    def __init__(
        self, session: onnxruntime.InferenceSession, device: EmulatedDevice
    ) -> None:
        self._session, self._device = session, device
        self._shapes: dict[str, tuple[int, ...]] = {"map": (3,)}
        self._addresses: dict[str, int] = {}
        self._scratch = 0
        self.runs = 0
        self.capturable = True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert not self.runs
        self._shapes[name] = shape
        return 1 <= shape[0] <= 8 and max(shape) <= 512 + 2 * 16

    def infer_shapes(self) -> list[str]:
        return [
            i.name for i in self._session.get_inputs() if i.name not in self._shapes
        ]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        windows, _, height, width, _ = self._shapes["counts"]
        return (windows, 4 * height, 4 * width, 2) if name == "restored" else (windows,)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert not self.runs
        self._addresses[name] = memory
        return memory % ALIGNMENT == 0

    def update_device_memory_size_for_shapes(self) -> int:
        assert "counts" in self._shapes
        return SCRATCH

    def set_device_memory(self, memory: int, size: int) -> None:
        assert memory % ALIGNMENT == 0
        self._scratch = size

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == self._device.stream
        assert self._scratch >= SCRATCH
        self.runs += 1
        fed = {i.name: self._tensor(i) for i in self._session.get_inputs()}
        put = {o.name: self._tensor(o) for o in self._session.get_outputs()}
        self._device.queue.append(lambda: self._compute(fed, put))
        return True

    def is_stream_capturable(self, stream: int) -> bool:
        return self.capturable

    def _compute(self, fed: dict[str, np.ndarray], put: dict[str, np.ndarray]) -> None:
        for name, value in zip(put, self._session.run(list(put), fed), strict=True):
            put[name][:] = value

    def _tensor(self, end: Any) -> np.ndarray:
        shape = self._shapes.get(end.name) or self.get_tensor_shape(end.name)
        block, offset = self._block(self._addresses[end.name])
        dtype = np.dtype(DTYPES[end.type])
        nbytes = int(np.prod(shape)) * dtype.itemsize
        assert offset + nbytes <= block.nbytes
        return block.array[offset : offset + nbytes].view(dtype).reshape(shape)

    def _block(self, address: int) -> tuple[EmulatedMemory, int]:
        for block in self._device.blocks:
            if block.address <= address < block.address + block.nbytes:
                return block, address - block.address
        raise AssertionError("an address in no block")


class ICudaEngine:
    def __init__(self, plan: bytes, device: EmulatedDevice) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            plan, options, providers=["CPUExecutionProvider"]
        )
        self._device = device
        self.contexts: list[IExecutionContext] = []

    def create_runtime_config(self) -> IRuntimeConfig:
        return IRuntimeConfig()

    def create_execution_context(self, how: Any) -> IExecutionContext:
        strategy = how
        if isinstance(how, IRuntimeConfig):
            strategy = how.strategy
            kinds = DynamicShapesKernelSpecializationStrategy
            assert how.dynamic_shapes_kernel_specialization_strategy is kinds.EAGER
            assert how.cache is not None
            how.cache.kernels += b"kernel "
        assert strategy is ExecutionContextAllocationStrategy.USER_MANAGED
        self.contexts.append(IExecutionContext(self._session, self._device))
        return self.contexts[-1]


def emulated_tensorrt(device: EmulatedDevice, rtx: bool) -> ModuleType:
    """Return a package whose plans run on `device`; with what only RTX has, or not."""

    class Runtime:
        engine_header_size = 64

        def __init__(self, logger: Any) -> None:
            self.logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> ICudaEngine | None:
            if package.broken:
                self.logger.log(Severity.ERROR, "Serialization assertion failed.")
                return None
            made = (ICudaEngine if rtx else PlainEngine)(plan, device)
            package.plans.append(made)
            return made

    class RtxRuntime(Runtime):
        def get_engine_validity(self, header: bytes) -> tuple[EngineValidity, int]:
            assert len(header) == self.engine_header_size
            return package.validity

    package: Any = ModuleType("emulated_tensorrt")
    package.plans, package.broken = [], False
    package.validity = (EngineValidity.VALID, 0)
    package.Runtime = RtxRuntime if rtx else Runtime
    if rtx:
        package.ComputeCapability = ComputeCapability
    for each in (
        ILogger,
        ExecutionContextAllocationStrategy,
        DynamicShapesKernelSpecializationStrategy,
        EngineValidity,
        EngineInvalidityDiagnostics,
    ):
        setattr(package, each.__name__, each)
    found: ModuleType = package
    return found


class PlainEngine(ICudaEngine):
    """An older TensorRT, which knows no runtime configuration."""

    create_runtime_config = property()  # type: ignore[assignment]
