"""Many clips at once, on all cores. Each is seeded by its number, whoever makes it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError

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

    Raises
    ------
    SettingsError
        If a process that makes clips was ended from outside.
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
        workers, get_context("spawn"), _live_as_long_as_the_parent
    ) as processes:
        try:
            made = processes.map(partial(_half, make), range(count), chunksize=CHUNK)
            for number, clip in enumerate(made):
                pool[number] = clip
                progress(number + 1, count)
        except BrokenProcessPool as error:
            raise SettingsError(
                "A process that makes clips was ended from outside, perhaps for lack "
                "of memory: close other programs, or lower data.clips in the recipe."
            ) from error
        except BaseException:
            processes.shutdown(wait=True, cancel_futures=True)
            raise
    return pool


def _live_as_long_as_the_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _half(make: Callable[[int], Clip], number: int) -> Pool:
    """Make a clip where it is made as small as it is kept: it is sent then."""
    return make(number).astype(np.float16)
