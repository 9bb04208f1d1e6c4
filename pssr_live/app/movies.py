"""What a person does with a movie that exists already, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from pssr_live.app.feed import Feed
from pssr_live.app.message import Kind, sentence_of
from pssr_live.app.movie_desk import Cancelled, MovieDesk, MovieFacts
from pssr_live.app.throttle import Throttled
from pssr_live.app.worker import Worker
from pssr_live.card import Model
from pssr_live.trust import Noises


class Movies(QObject):
    """Has a movie opened, shown, restored and saved; nothing here waits.

    Signals
    -------
    changed : dict
        Entries of the situation that are different now.
    opened : MovieFacts or None
        The movie on the desk.
    told : (Kind, str)
        A message for the banner.
    progressed : (str, int, int)
        How far the restoration is.
    """

    changed = Signal(dict)
    opened = Signal(object)
    told = Signal(object, str)
    progressed = Signal(str, int, int)

    def __init__(
        self, feed: Feed, engine: str | None, noise: Noises | None = None
    ) -> None:
        super().__init__()
        self.facts: MovieFacts | None = None
        self.model: Model | None = None  # that restored the movie on the desk
        self.engine: dict[str, Any] | None = None  # the report of the engine that did
        self._engine = engine
        self._desk = MovieDesk(feed, noise)
        self._reader = Worker("pssr-live movie")
        self._restorer = Worker("pssr-live movie restore")
        self._wanted: Mapping[str, int] = {}
        self._reading = False
        self._opening = self._put_away = 0  # how many are being; how often it was

    def open(self, path: Path, then: Callable[[], object] = lambda: None) -> None:
        """Open a movie; `then` is called once it is on the desk."""
        before = self._put_away

        def opened(facts: MovieFacts) -> None:
            self._opening -= 1
            if self._put_away > before:
                return
            self.facts = facts
            self._forget_maker()
            self._wanted = {}
            self.changed.emit({"movie": True, "restored": False})
            self.opened.emit(facts)
            then()

        def refused(error: Exception) -> None:
            self._opening -= 1
            self._refuse(error)

        self._opening += 1
        self._desk.show_again()
        self._reader.do(lambda: self._desk.open(path), opened, refused)

    def show(self, at: Mapping[str, int]) -> None:
        """Show a moment; of those asked for meanwhile only the last."""
        self._wanted = dict(at)
        if not self._reading:
            self._read()

    def restore(self, model: Model) -> None:
        """Restore the movie on the desk."""
        show = Throttled(
            lambda done, total: self.progressed.emit("Restoring", done, total)
        ).call

        def ended() -> None:
            self.progressed.emit("", 1, 1)
            self.changed.emit({"restoring": False})

        def restored(warnings: list[str]) -> None:
            ended()
            self.model, self.engine = model, self._desk.made_by["engine"]
            self.changed.emit({"restored": True})
            self.told.emit(
                Kind.INFO, "The movie is restored: look through it, save it."
            )
            for warning in warnings:
                self.told.emit(Kind.WARNING, warning)
            self.show(self._wanted)

        def refused(error: Exception) -> None:
            ended()
            self.changed.emit({"restored": self._desk.has_result})  # an earlier one
            if isinstance(error, Cancelled):
                self.told.emit(Kind.INFO, "The restoration was cancelled.")
            else:
                self._refuse(error)

        self.changed.emit({"restoring": True, "restored": False})
        self._desk.begin()
        self._restorer.do(
            lambda: self._desk.restore(model, self._engine, show), restored, refused
        )

    def cancel(self) -> None:
        """Give up the restoration."""
        self._desk.cancel()

    def save(self, target: Path) -> None:
        """Save the restored movie."""

        def saved(nothing: object) -> None:
            self.told.emit(Kind.INFO, f"The restored movie is saved as {target}.")

        self._restorer.do(lambda: self._desk.save(target), saved, self._refuse)

    def put_away(self) -> None:
        """Close the movie, also one that is being opened."""
        if self.facts is None and not self._opening:
            return
        self._put_away += 1
        self.facts = None
        self._forget_maker()
        self._desk.show_no_more()
        self._reader.do(self._desk.close)
        self.changed.emit({"movie": False, "restored": False, "restoring": False})
        self.opened.emit(None)

    def close(self) -> None:
        """End everything. Waits."""
        self._desk.cancel()
        self._restorer.close()
        self._reader.do(self._desk.close)
        self._reader.close()

    # -- within

    def _forget_maker(self) -> None:
        self.model = self.engine = None

    def _read(self) -> None:
        at = self._wanted
        self._reading = True

        def shown(nothing: object) -> None:
            self._reading = False
            if self._wanted != at:
                self._read()

        def refused(error: Exception) -> None:
            self._reading = False
            self._refuse(error)

        self._reader.do(lambda: self._desk.show(at), shown, refused)

    def _refuse(self, error: Exception) -> None:
        self.told.emit(Kind.ERROR, sentence_of(error))
