"""Everything that is measured while a session goes on, for strip and trust light."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from pssr_live.app.checked import Checked
from pssr_live.app.conductor import Conductor
from pssr_live.app.engine_words import fall_of, only_interpolates
from pssr_live.app.message import Kind
from pssr_live.app.picture import Picture
from pssr_live.app.rates import Rate
from pssr_live.app.status import Reading, Speeds, minutes_left, readings
from pssr_live.app.trust import Evidence, Light, light
from pssr_live.app.worker import Worker
from pssr_live.card import Model
from pssr_live.storage.disk import free_bytes
from pssr_live.storage.recorder import frame_bytes

DISK_S = 2.0  # how often the disk is asked, which may be far away


class Gauges(QObject):
    """Reads counters, disk and engine.

    Signals
    -------
    told : (Kind, str)
        A message for the banner: an engine that failed.
    """

    told = Signal(object, str)

    def __init__(self, conductor: Conductor) -> None:
        super().__init__()
        self._conductor = conductor
        self._rates = _no_rates()
        self._counted: object = None  # whose counters the rates are of
        self._worker = Worker("pssr-live disk")
        self._free: int | None = None
        self._next_disk_s = 0.0
        self._checked: Checked | None = None
        self.engine: dict[str, Any] | None = None

    @property
    def restores(self) -> bool:
        """Whether the engine in use restores."""
        return self.engine is None or bool(self.engine["restores"])

    def see_checked(self, found: Checked | None) -> None:
        """Remember what the last reference said."""
        self._checked = found

    def read(self, painted: int) -> list[Reading]:
        """Return the readings of the strip; `painted` pictures were shown so far."""
        now_s, conductor = time.monotonic(), self._conductor
        counted = conductor.now.recording, conductor.now.running, conductor.now.live
        if counted != self._counted:
            self._counted, self._rates = counted, _no_rates()
        self._ask_disk(now_s)
        self._watch_engine()
        tally = conductor.instrument.tally()
        speeds = Speeds(
            self._rates["acquired"].update(now_s, tally.acquired),
            self._rates["restored"].update(now_s, tally.restored),
            self._rates["shown"].update(now_s, painted),
        )
        model = conductor.model
        lookahead = None if model is None else model.card.lookahead
        return readings(tally, speeds, lookahead, self._minutes(speeds.acquired))

    def light(self, shown: Picture | None, model: Model | None = None) -> Light:
        """Return the trust light for what is on the screen.

        `model` made it; the one in use if left out.
        """
        model, checked = model or self._conductor.model, self._checked
        if shown is None or model is None or shown.restored is None:
            return light(Evidence())
        size_um = next(iter(shown.here.values())).frame.pixel_size_um
        return light(
            Evidence(
                restored=True,
                engine_restores=shown.restores,
                mismatch=model.card.sample.mismatch(size_um) or "",
                pixel_size_known=size_um is not None,
                reference_gain_db=None if checked is None else checked.gain_db,
                reference_failed="" if checked is None else checked.reason,
                is_movie=self._conductor.now.movie,
                consistency=shown.consistency,
            )
        )

    def close(self) -> None:
        """End the thread that asks the disk."""
        self._worker.close()

    # -- within

    def _ask_disk(self, now_s: float) -> None:
        if now_s < self._next_disk_s or not self._worker.is_idle:
            return
        self._next_disk_s = now_s + DISK_S
        folder: Path = self._conductor.folder

        def known(free: int) -> None:
            self._free = free

        ask: Callable[[], int] = lambda: free_bytes(folder)  # noqa: E731
        self._worker.do(ask, known)

    def _minutes(self, frames_per_s: float) -> float | None:
        state, model = self._conductor.scanner, self._conductor.model
        if self._free is None or state is None or model is None:
            return None
        size = sum(frame_bytes(state.shape, state.pixel_bytes, model.card.scale))
        return minutes_left(self._free, size, frames_per_s)

    def _watch_engine(self) -> None:
        now = self._conductor.instrument.engine()
        if now is None:
            return
        fallen = fall_of(self.engine, now)
        if fallen is None and self.engine is None:
            fallen = only_interpolates(now)
        self.engine = now
        if fallen is not None:
            self.told.emit(Kind.ERROR, fallen)


def _no_rates() -> dict[str, Rate]:
    return {name: Rate() for name in ("acquired", "restored", "shown")}
