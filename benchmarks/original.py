"""The original network's time, in turns with ours, on the same window.

The original is favoured where there is a choice: its weight norms are folded away,
and of two memory layouts the faster one counts. The only module here that brings torch
in, and only when it is asked to measure: its threads wait actively for a while after
each call, which would slow everything else.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from pssr_mf import PssrMf, profile

from pssr_live.engines.onnx import usable_cores
from pssr_live.intensity import FloatArray

REST_S = 0.5  # until torch's threads sleep


@dataclass(frozen=True, slots=True)
class OriginalTimings:
    """What one frame costs: there, and here in the same minutes."""

    original_ms: float
    original_runs: int
    layout: str
    restore_ms: float
    parameters: int
    gflop: float

    @property
    def ratio(self) -> float:
        """How many of our whole restorations fit into one pass of the original."""
        return self.original_ms / self.restore_ms


def time_original(
    values: FloatArray, restore_ms: Callable[[], float], runs: int
) -> OriginalTimings:
    """Run the original on a window (T, h, w), `runs` times in each layout.

    Parameters
    ----------
    values : ndarray, (T, h, w)
        A full window of five frames.
    restore_ms : callable
        Takes our own time a frame, in ms; called after each run of the original.
    runs : int
        How often; one more before warms it up.
    """
    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    parameters, gflop = profile(values.shape[-1])
    net = PssrMf().folded()
    frames = torch.from_numpy(values)[None]
    last = torch.channels_last
    candidates = {
        "contiguous": (net, frames),
        "channels_last": (
            copy.deepcopy(net).to(memory_format=last),  # type: ignore[call-overload]
            frames.to(memory_format=last),
        ),
    }
    theirs: dict[str, list[float]] = {layout: [] for layout in candidates}
    ours = []
    for _ in range(1 + runs):
        for layout, (network, given) in candidates.items():
            theirs[layout].append(_time_ms(network, given))
            time.sleep(REST_S)
            ours.append(restore_ms())
    medians = {name: float(np.median(ms[1:])) for name, ms in theirs.items()}
    fastest = min(medians, key=lambda name: medians[name])
    ours_ms = float(np.median(ours[len(candidates) :]))
    return OriginalTimings(medians[fastest], runs, fastest, ours_ms, parameters, gflop)


def _time_ms(network: PssrMf, frames: torch.Tensor) -> float:
    begun = time.perf_counter()
    with torch.inference_mode():
        network(frames)
    return 1e3 * (time.perf_counter() - begun)
