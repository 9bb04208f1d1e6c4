"""The ladder: the best engine that proves itself, and the next one if it fails.

Engines are tried by rank. One that is refused, cannot start or fails its self-test
leaves a reason behind, which `doctor` and every report show: no fallback is silent.
One that must be built first is built in the background while the next one serves,
and takes over between two windows.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

from pssr_live.card import Model
from pssr_live.engines.engine import Engine
from pssr_live.engines.kinds import engine_classes, wanted, why_not
from pssr_live.engines.preparation import Preparation, build, start
from pssr_live.errors import EngineError, ModelError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An engine that is not used, and why.

    Attributes
    ----------
    engine : str
        Its name.
    reason : str
        A sentence.
    absent : bool
        Whether it cannot work here at all (no such package, no such device), rather
        than having failed.
    """

    engine: str
    reason: str
    absent: bool = False


class EngineLadder:
    """Holds the engine in use for one model.

    Parameters
    ----------
    model : Model
        What to run.
    only : str, optional
        Name of the one engine wanted; it is built first if it must be, and no other
        is tried but bicubic, and that only if the wanted one fails in mid-run.
    build : bool
        Whether what must be built first is built in the background.

    Raises
    ------
    EngineError
        If `only` is unknown or refused.

    Attributes
    ----------
    engine : Engine
        The engine in use.
    self_test_error : float or None
        Largest difference from the stored output; None if the engine only
        interpolates, which no stored output can prove.
    """

    def __init__(
        self, model: Model, only: str | None = None, *, build: bool = True
    ) -> None:
        self._model = model
        self._unbuilt = BEING_BUILT if build else UNBUILT
        self._reasons: dict[str, str] = {}
        self._absent: set[str] = set()
        self._preparation: Preparation | None = None
        self.self_test_error: float | None = None
        self._kinds = wanted(engine_classes(), only)
        if only is not None:
            self._build_now(only)
        self.engine = self._climb()
        if only is not None and self.engine.name != only:
            raise EngineError(
                f"The engine {only!r} cannot be used: {self._reasons[only]} "
                "Leave out --engine to take the best one that works."
            )
        self._build_the_rest()

    @property
    def refusals(self) -> list[Refusal]:
        """The engines that are not used, best first, with reasons."""
        order = [kind.name for kind in self._kinds]
        reasons = dict(self._reasons)  # a thread that builds may add to them
        known = sorted(reasons.items(), key=lambda item: order.index(item[0]))
        return [Refusal(*item, absent=item[0] in self._absent) for item in known]

    def in_use(self) -> Engine:
        """Return the engine for the next window: a better one as soon as it is built.

        To be called by the one thread that restores.
        """
        offer = self._preparation.take() if self._preparation else None
        if offer is not None:
            old, self.engine = self.engine, offer.engine
            self.self_test_error = offer.self_test_error
            self._reasons.pop(offer.engine.name, None)
            log.info("Engine %s takes over from %s", offer.engine.name, old.name)
            old.close()
        return self.engine

    def step_down(self, reason: str, *, free: bool = True) -> Engine:
        """Replace the engine in use, which failed for `reason`, by the next one.

        Without `free` the failed one is left as it is: closing it might never return.
        """
        failed = self.engine
        self._refuse(failed.name, reason)
        if not failed.restores:
            raise EngineError(
                f"The last engine failed ({reason}): the raw frames are safe, restore "
                "them later with `pssr-live restore`."
            )
        if free:
            failed.close()
        self.engine = self._climb()
        return self.engine

    def report(self) -> dict[str, Any]:
        """Return which engine runs, how it proved itself, and which were refused."""
        engine = self.engine
        return {
            "name": engine.name,
            "device": engine.device,
            "precision": engine.precision,
            "restores": engine.restores,
            "self_test_error": self.self_test_error,
            "refused": {r.engine: r.reason for r in self.refusals},
            "absent": [r.engine for r in self.refusals if r.absent],
        }

    def close(self, *, free: bool = True) -> None:
        """Stop building and, unless told otherwise, free the engine."""
        if self._preparation is not None:
            self._preparation.cancel()
        if free:
            self.engine.close()

    def _climb(self) -> Engine:
        for kind in self._kinds:
            if kind.name in self._reasons:
                continue
            reason = why_not(kind, self._model)
            if reason is not None:
                self._absent.add(kind.name)
                self._refuse(kind.name, reason, logging.INFO)
            elif not kind.is_ready(self._model):
                self._refuse(kind.name, self._unbuilt, logging.INFO)
            elif (engine := self._try(kind)) is not None:
                return engine
        raise EngineError("No inference engine works here: reinstall pssr-live.")

    def _try(self, kind: type[Engine]) -> Engine | None:
        try:
            proved = start(kind, self._model)
        except ModelError:
            raise  # no other engine would mend a model that is wrong
        except Exception as error:  # whatever a driver or library throws
            self._refuse(kind.name, str(error) or type(error).__name__)
            return None
        self.self_test_error = proved.self_test_error
        return proved.engine

    def _build_now(self, only: str) -> None:
        kind = next(kind for kind in self._kinds if kind.name == only)
        if why_not(kind, self._model) is not None:
            return  # climbing will say why
        try:
            build(kind, self._model, lambda share: None, threading.Event())
        except Exception as error:  # whatever a builder throws
            self._refuse(only, str(error) or type(error).__name__)

    def _build_the_rest(self) -> None:
        waiting = [k for k in self._kinds if self._reasons.get(k.name) == BEING_BUILT]
        if waiting:
            # The lower rung is the quicker one to build.
            self._preparation = Preparation(self._model, waiting[::-1], self._refuse)

    def _refuse(self, engine: str, reason: str, level: int = logging.WARNING) -> None:
        log.log(level, "Engine %s is not used: %s", engine, reason)
        self._reasons[engine] = reason


BEING_BUILT = "It is being built for this machine, and takes over when it is ready."
UNBUILT = "It is to be built for this machine: `pssr-live doctor --build --model` does."
