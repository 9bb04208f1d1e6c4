"""Which engines take part, what it cost to get them going, and why the rest do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pssr_live.bench.fresh_start import FreshStart, fresh_start
from pssr_live.bench.rounds import Listener
from pssr_live.card import Model
from pssr_live.engines.engine import Engine
from pssr_live.engines.kinds import engine_classes, why_not
from pssr_live.engines.preparation import build, start
from pssr_live.errors import EngineError, ModelError


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that works here.

    Attributes
    ----------
    engine : Engine
        It has passed its self-test.
    self_test_error : float or None
        Largest difference from the stored output; None if it only interpolates.
    build_s : float
        What building took; 0 where nothing was to be built.
    start : FreshStart
        What starting it takes afterwards.
    """

    engine: Engine
    self_test_error: float | None
    build_s: float
    start: FreshStart

    def as_json(self) -> dict[str, Any]:
        """Return what is known of it before anything is timed."""
        engine = self.engine
        return {
            "device": engine.device,
            "precision": engine.precision,
            "restores": engine.restores,
            "opt_in": engine.opt_in,
            "self_test_error": self.self_test_error,
            "build_s": self.build_s,
            "start_s": self.start.start_s,
            "memory_mb": self.start.memory_mb,
        }


@dataclass(slots=True)
class Field:
    """All engines that take part, best first, and why others do not."""

    candidates: list[Candidate] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def chosen(self) -> Candidate:
        """The engine that a live run would use: what the bars are about."""
        restoring = [c for c in self.candidates if c.engine.restores]
        exact = [c for c in restoring if not c.engine.opt_in]
        return (exact or restoring or self.candidates)[0]

    def close(self) -> None:
        """Free all engines."""
        for candidate in self.candidates:
            candidate.engine.close()


def gather(
    model: Model,
    named: Collection[str],
    yardstick: bool,
    side: int,
    listen: Listener,
) -> Field:
    """Build and start every engine that works here, those that are opt-in too.

    Parameters
    ----------
    model : Model
        What they run.
    named : collection of str
        The engines wanted; all if there is no name.
    yardstick : bool
        Whether interpolation takes part though it is not named.
    side : int
        Low-density pixels of the frames that their memory is measured with.
    listen : callable
        Told what is being done.

    Raises
    ------
    EngineError
        If a name is unknown, or none of the named engines works.
    ModelError
        If the network is not what the card says.
    """
    kinds = engine_classes()
    _check_names(named, [kind.name for kind in kinds])
    asked = [k for k in kinds if not named or k.name in named]
    added = [k for k in kinds if yardstick and not k.restores and k not in asked]
    field = Field()
    for place, kind in enumerate([*asked, *added]):
        listen(f"Starting {kind.name}", place / len(asked))
        reason = why_not(kind, model)
        try:
            if reason is None:
                field.candidates.append(_candidate(kind, model, side, listen))
        except ModelError:
            raise  # no other engine would mend a model that is wrong
        except Exception as error:  # whatever a builder, driver or library throws
            reason = str(error) or type(error).__name__
        if reason is not None:
            field.refused[kind.name] = reason
    _check_any(field, [kind.name for kind in asked])
    return field


def _candidate(
    kind: type[Engine], model: Model, side: int, listen: Listener
) -> Candidate:
    begun = time.perf_counter()
    built = not kind.is_ready(model)
    building = f"Building {kind.name}"
    build(kind, model, lambda share: listen(building, share), threading.Event())
    build_s = time.perf_counter() - begun if built else 0.0
    proved = start(kind, model)
    try:
        fresh = fresh_start(model.folder, kind.name, side)
    except EngineError:
        proved.engine.close()
        raise
    return Candidate(proved.engine, proved.self_test_error, build_s, fresh)


def _check_names(named: Collection[str], known: list[str]) -> None:
    for name in named:
        if name not in known:
            raise EngineError(
                f"There is no engine {name!r}: give one of {', '.join(known)}."
            )


def _check_any(field: Field, asked: list[str]) -> None:
    if not any(c.engine.name in asked for c in field.candidates):
        field.close()
        reasons = "; ".join(
            f"{name}: {why.rstrip('.')}" for name, why in field.refused.items()
        )
        raise EngineError(
            f"No engine asked for works here ({reasons}): leave out --engine to "
            "measure all that do."
        )
