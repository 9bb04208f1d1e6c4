"""Which machine a figure was measured on: without it no figure means anything."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pssr_live.engines.cores import usable_cores

PACKAGES = (
    "pssr-live", "numpy", "onnxruntime", "openvino", "torch", "tensorrt",
    "tensorrt-rtx", "pymmcore-plus",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Return the processor, how busy it is, and the versions of what computes."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def cpu_model() -> str:
    """Return the name of the processor, as well as the system knows it."""
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
