"""Many clips at once, on all cores. Each is seeded by its number, whoever makes it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt

Clip = npt.NDArray[np.floating[Any]]
Pool = npt.NDArray[np.float16]
Progress = Callable[[int, int], None]
FEW = 48  # clips that are made before the other processes would have started
CHUNK = 4


def make_clips(
    make: Callable[[int], Clip],
    count: int,
    shape: tuple[int, int, int],
    progress: Progress,
) -> Pool:
    """Return a pool (count, *shape) of what `make` gives for each number.

    Parameters
    ----------
    make : callable
        Number of a clip -> the clip; it must be one that other processes can be sent.
    count : int
        How many clips.
    shape : tuple of int
        Frames, height and width of a clip.
    progress : callable
        Called with (made, count).
    """
    pool = np.empty((count, *shape), np.float16)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    workers = min(cores or os.cpu_count() or 1, 61)  # what Windows can wait for
    if count < FEW or workers == 1:
        for number in range(count):
            pool[number] = make(number)
            progress(number + 1, count)
        return pool
    # A fork would copy the threads of torch, and hang.
    with ProcessPoolExecutor(
        workers,
        get_context("spawn"),
        partial(signal.signal, signal.SIGINT, signal.SIG_IGN),
    ) as processes:
        try:
            made = processes.map(partial(_half, make), range(count), chunksize=CHUNK)
            for number, clip in enumerate(made):
                pool[number] = clip
                progress(number + 1, count)
        except BaseException:
            processes.shutdown(wait=True, cancel_futures=True)
            raise
    return pool


def _half(make: Callable[[int], Clip], number: int) -> Pool:
    """Make a clip where it is made as small as it is kept: it is sent then."""
    return make(number).astype(np.float16)
