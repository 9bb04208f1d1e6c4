"""TensorRT and TensorRT-RTX behind one name; whatever differs between them is here.

`tensorrt` plans belong to the GPU that they were built on. `tensorrt_rtx` plans can be
built anywhere, for a list of GPUs, and are finished on the GPU when they are loaded.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, get_args

from pssr_live.engines.tensorrt.plan_spec import PlanSpec
from pssr_live.errors import EngineError

FlavourName = Literal["tensorrt", "tensorrt_rtx"]
EXTRAS = {"tensorrt": "tensorrt", "tensorrt_rtx": "rtx"}
OLDEST = 75  # compute capability of Turing: `tensorrt` cannot be asked what it knows


@dataclass(frozen=True, slots=True)
class Flavour:
    """One of the two packages, imported.

    Attributes
    ----------
    name : "tensorrt" or "tensorrt_rtx"
        As it is imported.
    module : module
        The package itself.
    version : str
        Its full version; plans are good for no other.
    """

    name: FlavourName
    module: ModuleType
    version: str

    @property
    def builds_for_other_gpus(self) -> bool:
        """Whether a plan can be built for GPUs that are not in this computer."""
        return hasattr(self.module, "ComputeCapability")

    def network_flags(self) -> int:
        """Return the flags of a strongly typed network, if there are others."""
        trt = self.module
        kinds = trt.NetworkDefinitionCreationFlag
        if not hasattr(kinds, "STRONGLY_TYPED"):
            return 0
        return 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)

    def configure(self, config: Any, spec: PlanSpec) -> None:
        """Set what a plan needs on an `IBuilderConfig`.

        Raises
        ------
        EngineError
            If a GPU is not known to this package, or none can be named.
        """
        trt = self.module
        # Ten bits of mantissa are not float32: the skip path would lose counts.
        config.clear_flag(trt.BuilderFlag.TF32)
        # Capturing a CUDA graph needs memory that is not the plan's to move.
        if hasattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION"):
            config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
        if self.builds_for_other_gpus or spec.targets:
            self._set_targets(config, spec.targets)

    def gpu_problem(self, gpu: str, capability: int) -> str | None:
        """Say in a sentence why no plan of this package runs on a GPU; None if one may.

        Parameters
        ----------
        gpu : str
            What it is called.
        capability : int
            Its compute capability without the dot: 89 for 8.9.
        """
        known = self.targets() or (OLDEST,)
        # What came later is not named, and may run; what was left out never does.
        if capability in known or capability > max(known):
            return None
        return (
            f"{gpu} has compute capability {_list([capability])}, and {self.name} "
            f"{self.version} runs on {_list(known)} and newer only: use another engine."
        )

    def targets(self) -> tuple[int, ...]:
        """Return the compute capabilities that plans can be built for, if named."""
        trt = self.module
        if not self.builds_for_other_gpus:
            return ()
        known = trt.ComputeCapability.__members__
        return tuple(int(name[2:]) for name in known if name.startswith("SM"))

    def _set_targets(self, config: Any, targets: tuple[int, ...]) -> None:
        trt = self.module
        if not self.builds_for_other_gpus:
            raise EngineError(
                f"{self.name} builds plans for the GPU of this computer only: leave "
                f"out the targets {targets}, or build with tensorrt_rtx."
            )
        unknown = sorted(set(targets) - set(self.targets()))
        if unknown:
            raise EngineError(
                f"{self.name} {self.version} cannot build for compute capability "
                f"{_list(unknown)}: it knows {_list(self.targets())}."
            )
        names = [f"SM{target}" for target in targets] or ["CURRENT"]
        config.num_compute_capabilities = len(names)
        for place, name in enumerate(names):
            config.set_compute_capability(getattr(trt.ComputeCapability, name), place)


def flavour(name: FlavourName) -> Flavour:
    """Import one of the two packages.

    Raises
    ------
    EngineError
        If it is not installed, or its libraries cannot be loaded here.
    """
    if name not in get_args(FlavourName):
        known = " or ".join(get_args(FlavourName))
        raise EngineError(f"There is no TensorRT called {name!r}: give {known}.")
    install = f'pip install "pssr-live[{EXTRAS[name]}]"'
    try:
        module = importlib.import_module(name)
        return Flavour(name, module, str(module.__version__))
    except ModuleNotFoundError as error:
        raise EngineError(f"{name} is not installed: {install}.") from error
    except Exception as error:  # a library missing, or of another version
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EngineError(
            f"{name} cannot be loaded ({reason}): {install} --force-reinstall."
        ) from error


def _list(capabilities: tuple[int, ...] | list[int]) -> str:
    return ", ".join(f"{number // 10}.{number % 10}" for number in capabilities)
