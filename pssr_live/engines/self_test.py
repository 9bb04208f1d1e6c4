"""The proof that an engine must give before it is used: a stored window, restored."""

from __future__ import annotations

import time

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.engine import Engine
from pssr_live.errors import EngineError, ModelError


def self_test(engine: Engine, model: Model) -> float | None:
    """Run the stored window of `model` and return the largest error.

    Returns
    -------
    float or None
        In network units; None if the engine only interpolates, which no stored
        output can prove.

    Raises
    ------
    EngineError
        If the error exceeds the card's tolerance for its kind of engine, or the
        output is not finite.
    ModelError
        If the network is not what the card says.
    """
    if not engine.restores:
        return None
    with np.load(model.self_test, allow_pickle=False) as stored:
        begun = time.perf_counter()
        restored = engine.run(stored["frames"], stored["valid"])
        elapsed_ms = 1e3 * (time.perf_counter() - begun)
        _check_shapes(stored["frames"].shape, restored.shape, model)
        error = float(np.abs(restored - stored["restored"]).max())
    card = model.card
    allowed = card.opt_in_tolerance if engine.opt_in else card.tolerance
    # Written so that NaN, which compares false with everything, fails.
    if not error <= allowed:
        raise EngineError(
            f"Its self-test differs by {error:.3g} from the stored output; "
            f"{allowed:.3g} is allowed."
        )
    engine.keep_proof(error, elapsed_ms)
    return error


def _check_shapes(
    given: tuple[int, ...], restored: tuple[int, ...], model: Model
) -> None:
    card = model.card
    frames, height, width = given
    if frames != card.n_frames:
        raise ModelError(
            f"The network of {card.name} takes {frames} frames and its card says "
            f"{card.n_frames}: correct the card, or take the model folder anew."
        )
    if restored != (height * card.scale, width * card.scale):
        raise ModelError(
            f"The network of {card.name} turns {height} x {width} pixels into "
            f"{' x '.join(map(str, restored))} and its card says x{card.scale}: "
            "correct the card, or take the model folder anew."
        )
