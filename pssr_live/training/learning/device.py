"""Where a training runs: the device, its precision, and how many processes share it.

Several GPUs or computers are used through torchrun, one process each:

    torchrun --nproc-per-node 4 -m pssr_live train recipe.toml
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric

from pssr_live.errors import SettingsError


def make_fabric(device: str, precision: str) -> Fabric:
    """Return the Fabric that a recipe asks for, launched.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
        "auto" takes a CUDA GPU where there is one.
    precision : {"auto", "float32", "bfloat16"}
        "auto" is bfloat16 on a GPU, and on a CPU that has instructions for it;
        float32 on the others, where it would be slow.

    Raises
    ------
    SettingsError
        If a GPU is asked for and not there.
    """
    here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it is chatty
    on_gpu = device == "gpu" or (device == "auto" and here > 0)
    if on_gpu and here < processes:
        raise SettingsError(
            f"The training asks for {processes} GPU and {here} are usable here: set "
            'training.device = "cpu" in the recipe, or see to the driver and a CUDA '
            "build of torch."
        )
    if precision == "auto":
        precision = "bfloat16" if on_gpu or _cpu_has_bfloat16() else "float32"
    fabric = Fabric(
        accelerator="cuda" if on_gpu else "cpu",
        devices=processes,
        num_nodes=int(os.environ.get("WORLD_SIZE", 1)) // processes,
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    if on_gpu:
        # Steps are all alike: what is quickest for the first is for all.
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    return fabric


def _cpu_has_bfloat16() -> bool:
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def name_of(device: torch.device) -> str:
    """Return what a card calls a device."""
    on_gpu = device.type == "cuda"
    return torch.cuda.get_device_name(device) if on_gpu else "CPU"


def is_first() -> bool:
    """Whether this process is the one that talks and writes."""
    return int(os.environ.get("RANK", 0)) == 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread a process, so that CPU seconds are seconds.

    The networks are small: a second thread hardly makes a step faster.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_errors(batch: int, crop: int) -> Iterator[None]:
    """Say what to lower where a device has no memory left.

    Raises
    ------
    SettingsError
        Instead of torch's own error.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        short = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not short and "not enough memory" not in str(error):
            raise
        raise SettingsError(
            f"There is not enough memory for a batch of {batch} crops of {crop} pixels:"
            " lower training.batch or training.crop in the recipe, then go on with "
            "--resume."
        ) from error
