"""Which engines there are: every class that an entry point names."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from pssr_live.card import Model
from pssr_live.engines.engine import Engine
from pssr_live.errors import EngineError

log = logging.getLogger(__name__)


def engine_classes() -> list[type[Engine]]:
    """Return every engine that is installed, best first."""
    found: list[tuple[int, type[Engine]]] = []
    for entry in entry_points(group="pssr_live.engines"):
        try:
            kind: type[Engine] = entry.load()
            found.append((kind.rank, kind))
        except Exception as error:  # somebody else's package, broken in any way
            log.warning("Engine %s cannot be imported: %s", entry.name, error)
    return [kind for _, kind in sorted(found, key=lambda one: one[0])]


def why_not(kind: type[Engine], model: Model) -> str | None:
    """Return why an engine cannot run `model` here, or None.

    One whose package is here and does not import cannot even tell by itself.
    """
    try:
        return kind.is_incompatible(model)
    except Exception as error:  # whatever a half installed package throws
        return str(error) or type(error).__name__


def wanted(kinds: list[type[Engine]], only: str | None) -> list[type[Engine]]:
    """Return the engines to try: all that need not be asked for, or one and bicubic.

    Raises
    ------
    EngineError
        If there is none called `only`.
    """
    if only is None:
        return [kind for kind in kinds if not kind.opt_in]
    names = [kind.name for kind in kinds]
    if only not in names:
        raise EngineError(
            f"There is no engine {only!r}: give one of {', '.join(names)}."
        )
    return [kind for kind in kinds if kind.name == only or not kind.restores]
