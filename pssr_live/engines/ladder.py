"""The ladder: the best engine that proves itself, and the next one if it fails.

Engines are tried by rank. One that is refused, cannot start or fails its self-test
leaves a reason behind, which `doctor` and every report show: no fallback is silent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import entry_points

import numpy as np

from pssr_live.card import Model
from pssr_live.engines.engine import Engine
from pssr_live.errors import EngineError, ModelError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An engine that is not used, and why."""

    engine: str
    reason: str


class EngineLadder:
    """Holds the engine in use for one model.

    Parameters
    ----------
    model : Model
        What to run.
    only : str, optional
        Name of the one engine wanted; no other is tried but bicubic, and that only
        if the wanted one fails later, in mid-run.

    Raises
    ------
    EngineError
        If `only` is unknown or refused.

    Attributes
    ----------
    engine : Engine
        The engine in use.
    refusals : list of Refusal
        Those before it, with reasons.
    self_test_error : float or None
        Largest difference from the stored output; None if the engine only
        interpolates, which no stored output can prove.
    """

    def __init__(self, model: Model, only: str | None = None) -> None:
        self._model = model
        self._rungs = _engine_classes()
        self.refusals: list[Refusal] = []
        self.self_test_error: float | None = None
        if only is not None:
            self._keep_only(only)
        self.engine = self._climb()
        if only is not None and self.engine.name != only:
            raise EngineError(
                f"The engine {only!r} cannot be used: {self.refusals[-1].reason} "
                "Leave out --engine to take the best one that works."
            )

    def step_down(self, reason: str) -> Engine:
        """Replace the engine in use, which failed for `reason`, by the next one."""
        failed = self.engine
        self._refuse(failed.name, reason)
        if not failed.restores:
            raise EngineError(
                f"The last engine failed ({reason}): the raw frames are safe, restore "
                "them later with `pssr-live restore`."
            )
        failed.close()
        self.engine = self._climb()
        return self.engine

    def _climb(self) -> Engine:
        while self._rungs:
            kind = self._rungs.pop(0)
            reason = kind.is_incompatible(self._model)
            if reason is None:
                try:
                    engine = kind(self._model)
                    self.self_test_error = self_test(engine, self._model)
                except ModelError:
                    raise  # no other engine would mend a model that is wrong
                except Exception as error:  # whatever a driver or library throws
                    reason = str(error) or type(error).__name__
                else:
                    return engine
            self._refuse(kind.name, reason)
        raise EngineError("No inference engine works here: reinstall pssr-live.")

    def _keep_only(self, only: str) -> None:
        names = [kind.name for kind in self._rungs]
        if only not in names:
            raise EngineError(
                f"There is no engine {only!r}: give one of {', '.join(names)}."
            )
        self._rungs = [
            kind for kind in self._rungs if kind.name == only or not kind.restores
        ]

    def _refuse(self, engine: str, reason: str) -> None:
        log.warning("Engine %s is not used: %s", engine, reason)
        self.refusals.append(Refusal(engine, reason))


def self_test(engine: Engine, model: Model) -> float | None:
    """Run the stored window of `model` and return the largest error.

    Raises
    ------
    EngineError
        If the error exceeds the card's tolerance, or the output is not finite.
    ModelError
        If the network is not what the card says.
    """
    if not engine.restores:
        return None
    with np.load(model.self_test, allow_pickle=False) as stored:
        restored = engine.run(stored["frames"], stored["valid"])
        _check_shapes(stored["frames"].shape, restored.shape, model)
        error = float(np.abs(restored - stored["restored"]).max())
    # Written so that NaN, which compares false with everything, fails.
    if not error <= model.card.tolerance:
        raise EngineError(
            f"Its self-test differs by {error:.3g} from the stored output; "
            f"{model.card.tolerance:.3g} is allowed."
        )
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


def _engine_classes() -> list[type[Engine]]:
    classes: list[type[Engine]] = []
    for entry in entry_points(group="pssr_live.engines"):
        try:
            classes.append(entry.load())
        except ImportError as error:
            log.warning("Engine %s cannot be imported: %s", entry.name, error)
    return sorted(classes, key=lambda kind: kind.rank)
