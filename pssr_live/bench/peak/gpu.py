"""The peak of a GPU, by way of torch: matrix products, and copies to and from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SIDE = 8192  # of the matrices
COPIED_BYTES = 1 << 28
RUNS = 5
TERA, GIGA = 1e12, 1e9


def gpu_peak() -> dict[str, Any] | None:
    """Return what the first GPU reaches, the best of a few runs, or None without one.

    Needs a torch that was built for CUDA; without it nothing can be said.
    """
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    host = torch.ones(COPIED_BYTES, dtype=torch.uint8).pin_memory()
    here, there = (torch.empty_like(host, device="cuda") for _ in range(2))
    return {
        "name": torch.cuda.get_device_name(),
        "tflop_per_s": {
            "float32": _matrices(torch, torch.float32),
            "float16": _matrices(torch, torch.float16),
            "bfloat16": _matrices(torch, torch.bfloat16),
        },
        "upload_gb_per_s": _copied(torch, lambda: here.copy_(host, non_blocking=True)),
        "download_gb_per_s": _copied(
            torch, lambda: host.copy_(here, non_blocking=True)
        ),
        # Within the device every byte is read and written.
        "copy_gb_per_s": 2 * _copied(torch, lambda: there.copy_(here)),
    }


def _matrices(torch: Any, kind: Any) -> float:
    one, other = (torch.rand(SIDE, SIDE, device="cuda", dtype=kind) for _ in range(2))
    return 2 * SIDE**3 / _best_s(torch, lambda: one @ other) / TERA


def _copied(torch: Any, copy: Callable[[], Any]) -> float:
    return COPIED_BYTES / _best_s(torch, copy) / GIGA


def _best_s(torch: Any, work: Callable[[], Any]) -> float:
    taken = []
    for _ in range(1 + RUNS):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    return min(taken[1:])
