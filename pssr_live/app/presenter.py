"""Shows in the window what the workers tell: one method for each kind of news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pssr_live.app.checked import Checked
from pssr_live.app.engine_words import engine_line, why_lines
from pssr_live.app.movie_desk import MovieFacts
from pssr_live.app.panes import PROMISE
from pssr_live.app.scanner_state import ScannerState
from pssr_live.app.situation import Action, Situation, allowed
from pssr_live.card import Model

if TYPE_CHECKING:
    from pssr_live.app.window import MainWindow


class Presenter:
    """Brings news to the widgets of a window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._setting: object = None  # of the microscope, which a reference checked

    def show_situation(self, now: Situation) -> None:
        """Let only be pressed what is possible."""
        panel, timeline, can = self._window.panel, self._window.timeline, allowed(now)
        panel.run.show_situation(now, can)
        for widget, action in (
            (panel.reference.now, Action.REFERENCE),
            (panel.scanner.density, Action.SCANNER),
            (panel.scanner.dwell, Action.SCANNER),
            (panel.scanner.photons, Action.SCANNER),
            (panel.scanner.config, Action.CONNECT),
            (panel.scanner.profile, Action.CONNECT),
            (panel.model.models, Action.MODEL),
            (timeline.save, Action.SAVE),
        ):
            widget.setEnabled(action in can)
        timeline.restore.setText("Cancel" if now.restoring else "Restore")
        timeline.restore.setEnabled(now.restoring or Action.RESTORE in can)
        timeline.close_movie.setEnabled(not now.restoring)
        restores = self._window.gauges.restores
        empty, promise = _invitation(now)
        self._window.panes.say(restores=restores, empty=empty, promise=promise)

    def show_scanner(self, state: ScannerState | None) -> None:
        """Show how the scanner is set; None if there is none."""
        self._window.panel.scanner.show_scanner(state)
        setting = self._window.conductor.config, state
        if setting != self._setting:
            self._setting = setting
            self.show_checked(None)  # what comes now is not what was checked
        if state is not None:
            self._show_bit_depth()
            self.show_pixel_size(state.pixel_size_um)

    def show_model(self, model: Model | None, name: str) -> None:
        """Show the model in use; None if it was refused."""
        self._window.panel.model.show_model(model, name)

    def show_pixel_size(self, size_um: float | None) -> None:
        """Compare a pixel size with the model: the movie's where one is open."""
        movie = self._window.movies.facts
        size_um = size_um if movie is None else movie.pixel_size_um
        self._window.panel.model.show_pixel_size(size_um)

    def show_checked(self, found: Checked | None) -> None:
        """Show what a reference said."""
        self._window.panel.reference.show_checked(found)
        self._window.gauges.see_checked(found)

    def show_movie(self, facts: MovieFacts | None) -> None:
        """Show the slider of a movie, or none."""
        self._window.timeline.show_movie(facts)
        self._show_bit_depth()
        state = self._window.conductor.scanner
        self.show_pixel_size(None if state is None else state.pixel_size_um)
        if facts is None:
            self._window.panes.clear()
            self._window.conductor.set_situation(picture=False, missing=False)

    def show_progress(self, what: str, done: int, total: int) -> None:
        """Show how far something is; nothing when it has ended."""
        if what:
            self._window.banners.wait(what, done, total)
        else:
            self._window.banners.wait_no_more()

    def look(self) -> None:
        """Read all counters again."""
        gauges, panes, strip = (
            self._window.gauges,
            self._window.panes,
            self._window.strip,
        )
        strip.show_readings(gauges.read(panes.painted))
        line, why = engine_line(gauges.engine), why_lines(gauges.engine)
        runs = line if gauges.engine is None else f"runs in {line}"
        self._window.panel.model.show_engine(runs, why, restores=gauges.restores)
        made_by = self._window.movies.engine or gauges.engine
        strip.show_engine(
            engine_line(made_by),
            why_lines(made_by),
            restores=made_by is None or bool(made_by["restores"]),
        )
        model = self._window.movies.model
        strip.light.show_light(gauges.light(panes.picture, model))
        now = self._window.conductor.now
        self.show_situation(now)
        self._window.panel.run.say(self._detail(now))

    def _show_bit_depth(self) -> None:
        """Tell where pixels are saturated: a movie's camera was perhaps another."""
        state, movie = self._window.conductor.scanner, self._window.movies.facts
        bits = None if state is None or movie is not None else state.bit_depth
        self._window.displays.set_bit_depth(bits)

    def _detail(self, now: Situation) -> str:
        if now.acquiring:
            kept = self._window.conductor.instrument.tally().acquired
            return "1 frame kept" if kept == 1 else f"{kept} frames kept"
        return "nothing is kept: press R to record" if now.live else ""


def _invitation(now: Situation) -> tuple[str, str]:
    """Return what the panes of raw and of restored pictures say without a picture."""
    if now.picture:
        return "", ""
    if now.missing:
        return "This frame is missing", ""
    if now.connected:
        return "Press L for live", PROMISE
    return now.busy or "Connect a microscope, or drop a movie here", PROMISE
