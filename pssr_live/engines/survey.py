"""Every engine, tried one by one: which work on this computer, and why not the rest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.by_counts import window_of
from pssr_live.engines.engine import BuildProgress, Engine
from pssr_live.engines.kinds import engine_classes, why_not
from pssr_live.engines.preparation import build, start

SIDE = 128  # low-density pixels
RUNS = 5

State = Literal["works", "to be built", "refused"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One engine, and what came of trying it.

    Attributes
    ----------
    name : str
        How it is called.
    restores : bool
        False if it only interpolates.
    opt_in : bool
        Whether it is used only when asked for by name.
    state : str
        "works", "to be built" (nothing else is known to be wrong), or "refused".
    reason : str
        Why it is refused; empty otherwise.
    device, precision : str
        Where and in which numbers it computes.
    self_test_error : float or None
        Largest difference from the stored output, in network units.
    window_ms : float or None
        Time for one frame of 128 x 128 pixels; a hint, not a measurement.
    """

    name: str
    restores: bool
    opt_in: bool
    state: State
    reason: str = ""
    device: str = ""
    precision: str = ""
    self_test_error: float | None = None
    window_ms: float | None = None


def survey(model: Model, progress: BuildProgress | None = None) -> list[Rung]:
    """Try every installed engine on a model.

    Parameters
    ----------
    model : Model
        What they shall run.
    progress : callable, optional
        If given, what must be built is built now, and this is called with the share
        done. If not, such an engine is only said to be unbuilt.
    """
    return [_try(kind, model, progress) for kind in engine_classes()]


def _try(kind: type[Engine], model: Model, progress: BuildProgress | None) -> Rung:
    about = (kind.name, kind.restores, kind.opt_in)
    reason = why_not(kind, model)
    if reason is not None:
        return Rung(*about, "refused", reason)
    try:
        if progress is not None:
            build(kind, model, progress, threading.Event())
        elif not kind.is_ready(model):
            return Rung(*about, "to be built")
        proved = start(kind, model)
    except Exception as error:  # whatever a builder, driver or library throws
        reason = str(error) or type(error).__name__
        return Rung(*about, "refused", reason)
    engine = proved.engine
    try:
        window_ms = _time_ms(engine, model)
    finally:
        engine.close()
    return Rung(
        *about,
        "works",
        device=engine.device,
        precision=engine.precision,
        self_test_error=proved.self_test_error,
        window_ms=window_ms,
    )


def _time_ms(engine: Engine, model: Model) -> float:
    card = model.card
    frames = np.random.default_rng(0).random((card.n_frames, SIDE, SIDE), np.float32)
    there = np.ones(card.n_frames, np.float32)
    window = window_of(frames, there, card.n_frames - 1 - card.lookahead)
    taken = []
    for _ in range(1 + RUNS):
        begun = time.perf_counter()
        engine.restore(window)
        taken.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(taken[1:]))
