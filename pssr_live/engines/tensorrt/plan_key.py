"""What a plan depends on: it is used only while every word of this still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pssr_live.card import Model
from pssr_live.engines.tensorrt.flavour import Flavour
from pssr_live.engines.tensorrt.plan_spec import PlanSpec

SCHEMA = 1  # raise it whenever `graph.py` or `build.py` make something else
ENDS = "counts uint8 pairs, valid float32, map float32 -> restored uint8 pairs, total"
FLAGS = "strongly typed, no TF32, memory given"
SHORT = 16  # characters of a hash in a file name


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, as far as plans depend on it.

    Attributes
    ----------
    name : str
        As the driver calls it.
    capability : int
        Compute capability without its dot: 89 for 8.9.
    driver : str
        The driver's version.
    """

    name: str
    capability: int
    driver: str


@dataclass(frozen=True)
class Key:
    """What a stored file was made from.

    Attributes
    ----------
    slot : str
        What it is for; files of one slot replace each other's purpose.
    fields : mapping of str to str
        Everything that it depends on, in words.
    """

    slot: str
    fields: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """Return the sha256 of all fields, in hexadecimal."""
        return _sha256(json.dumps(dict(self.fields), sort_keys=True).encode())

    @property
    def stem(self) -> str:
        """Return the name of its files, without their suffix."""
        return f"{self.slot}-{self.digest[:SHORT]}"

    def difference(self, others: Mapping[str, str]) -> str:
        """Say which fields differ from those of another file."""
        changed = [
            f"{name} was {_brief(others.get(name, 'not known'))} and is {_brief(value)}"
            for name, value in self.fields.items()
            if others.get(name) != value
        ]
        return "; ".join(changed) or "it has other fields"


def plan_key(model: Model, flavour: Flavour, spec: PlanSpec, gpu: Gpu) -> Key:
    """Return what the plan of a model depends on.

    A plan for named targets does not depend on the GPU or driver here; any other does.
    """
    where = (
        {"targets": ", ".join(map(str, spec.targets))} if spec.targets else _here(gpu)
    )
    fields = {
        "schema": str(SCHEMA),
        "network": model.card.sha256["model.onnx"],
        "builder": f"{flavour.name} {flavour.version}",
        **where,
        "spec": spec.to_json(),
        "ends": ENDS,
        "flags": FLAGS,
    }
    purpose = "|".join([spec.to_json(), where.get("gpu", "")])
    short = _sha256(purpose.encode())[:8]
    return Key(f"{model.card.name}-{flavour.name}-{spec.precision}-{short}", fields)


def runtime_key(plan: Key, flavour: Flavour, gpu: Gpu) -> Key:
    """Return what the kernels depend on that TensorRT-RTX finished for one GPU."""
    fields = {
        "schema": str(SCHEMA),
        "plan": plan.digest,
        "builder": f"{flavour.name} {flavour.version}",
        **_here(gpu),
    }
    return Key(f"{plan.slot}-{_sha256(gpu.name.encode())[:8]}-runtime", fields)


def _here(gpu: Gpu) -> dict[str, str]:
    return {
        "gpu": gpu.name,
        "capability": str(gpu.capability),
        "driver": gpu.driver,
    }


def _brief(value: str) -> str:
    is_hash = len(value) == 64 and value.isalnum()
    return f"{value[:12]}..." if is_hash else value


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
