"""Is there an NVIDIA driver and a GPU? Asked of the driver itself.

No package is needed for this and none is imported, so every engine for NVIDIA GPUs can
ask before it loads anything heavy.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def driver_problem() -> str | None:
    """Say why no NVIDIA GPU can be used here, in a sentence; None if one can."""
    try:
        driver: Any = ctypes.CDLL(LIBRARY)
    except OSError:
        return (
            "There is no NVIDIA driver on this computer: install it if there is an "
            "NVIDIA GPU."
        )
    count = ctypes.c_int()
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code not in (0, NO_DEVICE):
        return (
            f"The NVIDIA driver does not start (CUDA error {code}): restart the "
            "computer, or install the driver anew."
        )
    if code == NO_DEVICE or not count.value:
        return (
            "The NVIDIA driver sees no GPU: check the card, and CUDA_VISIBLE_DEVICES."
        )
    return None
