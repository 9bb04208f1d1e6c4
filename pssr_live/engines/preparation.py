"""Engines that are being built while another one already serves frames.

They are built in one thread, quickest first (a plan that takes a second must not wait
for one that takes minutes), each proved by its self-test there, and then offered: the
ladder takes the offer between two windows, so no frame is lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pssr_live.card import Model
from pssr_live.engines.engine import BuildProgress, Engine
from pssr_live.engines.self_test import self_test
from pssr_live.errors import EngineError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proved:
    """An engine that works, and the largest error of its self-test."""

    engine: Engine
    self_test_error: float | None


def start(kind: type[Engine], model: Model) -> Proved:
    """Start an engine and prove it.

    Raises
    ------
    ModelError
        If the network is not what the card says.
    Exception
        Whatever the engine's driver or library throws.
    """
    engine = kind(model)
    try:
        return Proved(engine, self_test(engine, model))
    except BaseException:
        engine.close()
        raise


class Preparation:
    """Builds engines in the background.

    Parameters
    ----------
    model : Model
        What they shall run.
    kinds : sequence of Engine classes
        What to build, in this order.
    refuse : callable
        Called with a kind's name and the reason why it cannot be used.

    Attributes
    ----------
    building : str or None
        Name of what is being built now.
    share : float
        How much of it is done, 0 to 1.
    """

    def __init__(
        self,
        model: Model,
        kinds: Sequence[type[Engine]],
        refuse: Callable[[str, str], None],
    ) -> None:
        self.building: str | None = None
        self.share = 0.0
        self._model, self._kinds, self._refuse = model, kinds, refuse
        self._cancelled = threading.Event()
        self._offer: Proved | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._build_all, name="pssr-live build", daemon=True
        )
        self._thread.start()

    def take(self) -> Proved | None:
        """Return the best engine built since the last call, if there is one."""
        with self._lock:
            offer, self._offer = self._offer, None
        return offer

    def wait(self) -> None:
        """Wait until nothing is left to build."""
        self._thread.join()

    def cancel(self) -> None:
        """Stop building, wait for that, and close what nobody took."""
        self._cancelled.set()
        self._thread.join()
        offer = self.take()
        if offer is not None:
            offer.engine.close()

    def _build_all(self) -> None:
        for kind in self._kinds:
            if self._cancelled.is_set():
                return
            self.building, self.share = kind.name, 0.0
            try:
                build(kind, self._model, self._tick, self._cancelled)
                self._put(start(kind, self._model))
            except Exception as error:  # whatever a builder, driver or library throws
                if not self._cancelled.is_set():  # nobody waits for it any more
                    self._refuse(kind.name, str(error) or type(error).__name__)
            finally:
                self.building = None

    def _put(self, proved: Proved) -> None:
        with self._lock:
            worse, self._offer = self._offer, proved
        if worse is not None:
            worse.engine.close()

    def _tick(self, share: float) -> None:
        self.share = share


def build(
    kind: type[Engine],
    model: Model,
    progress: BuildProgress,
    cancelled: threading.Event,
) -> None:
    """Build what an engine needs, if it needs anything that is not there yet.

    Raises
    ------
    EngineError
        If it cannot be built, or was cancelled.
    """
    if kind.is_ready(model):
        return
    kind.prepare(model, progress, cancelled)
    if cancelled.is_set():
        raise EngineError("Building it was cancelled.")
