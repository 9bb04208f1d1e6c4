"""The main window: what belongs where, and which key and button asks for what."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QByteArray, Qt, Signal
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)
from useq import MDASequence

from pssr_live.app import asking
from pssr_live.app.banner import Banners
from pssr_live.app.cards import found_by, known_models
from pssr_live.app.conductor import Conductor, Start
from pssr_live.app.dialogs import card_dialog, closing_dialog
from pssr_live.app.displays import Displays
from pssr_live.app.exporting import Exporter
from pssr_live.app.feed import Feed
from pssr_live.app.gauges import Gauges
from pssr_live.app.keyboard import bind_keys
from pssr_live.app.message import Kind
from pssr_live.app.movies import Movies
from pssr_live.app.panes import Panes
from pssr_live.app.picture import Display, Look
from pssr_live.app.plan_dialog import PlanDialog
from pssr_live.app.presenter import Presenter
from pssr_live.app.remembered import Remembered, recall, remember
from pssr_live.app.renderer import Renderer
from pssr_live.app.side_panel import SidePanel
from pssr_live.app.situation import Action, Situation
from pssr_live.app.strip import Strip
from pssr_live.app.timeline import Timeline
from pssr_live.app.worker import Worker
from pssr_live.card import CARD
from pssr_live.scanners.profiles import profile_files

SIZE = (1440, 900)


class MainWindow(QMainWindow):
    """The window of a session.

    Parameters
    ----------
    start : Start
        What it begins with.
    settings : Path
        The file that remembers how it was left.
    """

    _picture_ready = Signal()

    def __init__(self, start: Start, settings: Path) -> None:
        super().__init__()
        self.setWindowTitle("pssr-live")
        self.setAcceptDrops(True)
        self.resize(*SIZE)
        self._settings = settings
        self._remembered = recall(settings)
        self._plan: MDASequence | None = None
        self._may_close = self._closing = self._is_closed = False
        self.feed = Feed()
        self.renderer = Renderer(self.feed, self._picture_ready.emit)
        self.conductor = Conductor(self.feed, start)
        noise = start.noise if start.movies_too else {}
        self.movies = Movies(self.feed, start.engine, noise)
        self.gauges = Gauges(self.conductor)
        self.exporter = Exporter()
        self.helper = Worker("pssr-live helper")
        self.panes, self.displays = Panes(), Displays()
        self.timeline, self.strip = Timeline(), Strip()
        self.banners, self.panel = Banners(), SidePanel()
        self.presenter = Presenter(self)
        self._lay_out()
        self._connect_views()
        self._connect_work()
        bind_keys(self)
        self._restore_settings(start.folder)

    def begin(self) -> None:
        """Load the model and connect the microscope, while the window is there."""
        self.panel.scanner.offer_profiles(profile_files())
        self.helper.do(known_models, self.panel.model.offer)
        self.conductor.begin()
        self.presenter.look()

    @property
    def is_closed(self) -> bool:
        """Whether everything has ended."""
        return self._is_closed

    # -- Qt

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask first where frames are being kept; then end everything."""
        if self.conductor.now.acquiring and not self._may_close:
            event.ignore()
            self._ask_or_wait()
            return
        self._remember()
        self.hide()  # the end may take a moment
        self._end()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the movie that was dropped, or use the model."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls()]
        if len(paths) > 1:
            text = (
                f"{len(paths)} files were dropped and one movie can be shown: drop one "
                "file, or a folder of single images."
            )
            self.banners.say(Kind.WARNING, text)
        elif paths and (paths[0] / CARD).is_file():
            self._use_model(paths[0])
        elif paths and paths[0].name:
            self.open_movie(paths[0])

    # -- what a person asks for

    def open_movie(self, path: Path) -> None:
        """Open a movie; live mode ends, a recording does not."""
        if self._may(Action.OPEN, f"{path.name} is not opened"):
            self.conductor.end_live(
                lambda: self.movies.open(path, self.renderer.forget_levels)
            )

    def export(self) -> None:
        """Save what is on the screen as a picture, with COMPUTED burnt in."""
        if self.panes.picture is not None:
            self.exporter.export(
                self.conductor.folder, self.panes.picture, self.displays.display
            )

    def show_plan(self) -> None:
        """Open the plan of an MDA."""
        state = self.conductor.scanner
        if state is None or not self.conductor.can(Action.PLAN):
            return
        dialog = PlanDialog(
            self,
            self._plan,
            state.groups,
            has_stage=state.has_stage,
            has_focus=state.has_focus,
        )
        dialog.run_wanted.connect(self._run_plan)
        dialog.finished.connect(self.activateWindow)  # for its keys
        dialog.open()

    def show_card(self) -> None:
        """Open the card of the model in use."""
        if self.conductor.model is not None:
            card_dialog(self, self.conductor.model).open()

    # -- within: what belongs where

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self.panes, 1)
        left.addWidget(self.timeline)
        left.addWidget(self.displays)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addLayout(left, 1)
        middle.addWidget(self.panel)
        inside = QWidget()
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.banners)
        whole.addLayout(middle, 1)
        whole.addWidget(self.strip)
        self.setCentralWidget(inside)
        self.panes.setFocus()

    def _connect_views(self) -> None:
        self._picture_ready.connect(
            self._show_picture, Qt.ConnectionType.QueuedConnection
        )
        self.displays.changed.connect(self.renderer.show)
        self.displays.began_afresh.connect(self.renderer.forget_levels)
        self.panes.room_changed.connect(lambda: self.displays.set_room(self.panes.room))
        self.displays.side.clicked.connect(lambda: self.split(False))
        self.displays.split.clicked.connect(lambda: self.split(True))
        self.displays.flicker.clicked.connect(self.panes.flicker)
        self.displays.fit.clicked.connect(self.panes.fit)
        self.timeline.moved.connect(self.movies.show)
        self.timeline.restore.clicked.connect(self._restore_or_cancel)
        self.timeline.save.clicked.connect(self._ask_save)
        self.timeline.close_movie.clicked.connect(self.movies.put_away)

    def _connect_work(self) -> None:
        conductor, panel = self.conductor, self.panel
        conductor.notes = panel.session.notes.toPlainText
        conductor.changed.connect(self.presenter.show_situation)
        conductor.scanner_changed.connect(self.presenter.show_scanner)
        conductor.model_changed.connect(self.presenter.show_model)
        conductor.checked.connect(self.presenter.show_checked)
        conductor.looked.connect(self.presenter.look)
        for source in (conductor, self.movies):
            source.progressed.connect(self.presenter.show_progress)
        for teller in (conductor, self.movies, self.gauges, self.exporter):
            teller.told.connect(self.banners.say)
        self.movies.changed.connect(lambda c: conductor.set_situation(**c))
        self.movies.opened.connect(self.presenter.show_movie)
        for button, ask in (
            (panel.run.live, self._live),
            (panel.run.record, self._record),
            (panel.run.snap, self._snap),
            (panel.run.stop, self._stop),
            (panel.run.plan, self.show_plan),
            (panel.run.open, self.ask_open),
            (panel.reference.now, conductor.take_reference),
            (panel.scanner.config, self._ask_config),
        ):
            button.clicked.connect(lambda checked=False, ask=ask: ask())
        panel.scanner.profile_chosen.connect(conductor.use_profile)
        panel.scanner.density_chosen.connect(conductor.set_density)
        panel.scanner.dwell_chosen.connect(conductor.set_dwell)
        panel.scanner.photons_chosen.connect(conductor.set_photons)
        panel.scanner.pixel_size_moved.connect(self.presenter.show_pixel_size)
        panel.model.chosen.connect(conductor.use_model)
        panel.model.card_wanted.connect(self.show_card)
        panel.session.folder_wanted.connect(self.ask_folder)
        panel.reference.every.valueChanged.connect(self._reference_every)

    # -- within: what buttons do

    def _may(self, action: Action, refused: str) -> bool:
        """Return whether something that was dropped can be taken now; say why not."""
        now, can = self.conductor.now, self.conductor.can(action)
        if not can:
            cure = "drop it again when that is done" if now.busy else "stop that first"
            self.banners.say(Kind.WARNING, f"{refused} while {now.word}: {cure}.")
        return can

    def _use_model(self, folder: Path) -> None:
        if self._may(Action.MODEL, f"The model {folder.name} is not used"):
            self.conductor.use_model(str(folder))

    def _live(self) -> None:
        self.movies.put_away()
        self.conductor.toggle_live()
        self.presenter.show_situation(self.conductor.now)

    def _record(self) -> None:
        self.movies.put_away()
        self.conductor.toggle_record()
        self.presenter.show_situation(self.conductor.now)

    def _snap(self) -> None:
        self.movies.put_away()
        self.conductor.snap()

    def _stop(self) -> None:
        self.movies.cancel()
        self.conductor.stop()

    def _restore_or_cancel(self) -> None:
        if self.conductor.now.restoring:
            self.movies.cancel()
        elif self.conductor.model is not None:
            self.movies.restore(self.conductor.model)

    def _run_plan(self, sequence: MDASequence) -> None:
        self._plan = sequence
        self.movies.put_away()
        self.conductor.run_plan(sequence)

    def split(self, on: bool) -> None:
        """Show both pictures in one pane, or side by side."""
        self.panes.split(on)
        self.displays.split.setChecked(on)
        self.displays.side.setChecked(not on)

    def _reference_every(self, frames: int) -> None:
        self.conductor.reference_every = frames

    def ask_open(self) -> None:
        """Ask for a movie and open it."""
        if (path := asking.movie_to_open(self)) is not None:
            self.open_movie(path)

    def _ask_save(self) -> None:
        facts = self.movies.facts
        if facts and (path := asking.restored_movie(self, facts.path)) is not None:
            self.movies.save(path)

    def _ask_config(self) -> None:
        if (path := asking.configuration(self)) is not None:
            self.conductor.connect_microscope(path, None)

    def ask_folder(self) -> None:
        """Ask where recordings shall go."""
        if (path := asking.folder(self, self.conductor.folder)) is not None:
            self._use_folder(path)

    def _use_folder(self, folder: Path) -> None:
        self.conductor.folder = folder
        self.panel.session.show_folder(folder)

    def _show_picture(self) -> None:
        is_new, picture = self.renderer.take()
        if not is_new or self._is_closed:
            return
        if picture is None:
            self.panes.clear()
        else:
            self.panes.put(picture)
            self.displays.show_picture(picture)
        there = picture is not None
        self.conductor.set_situation(picture=there, missing=not there)

    # -- within: settings, and the end

    def _restore_settings(self, folder: Path) -> None:
        kept = self._remembered
        looks = {name: Look(colour) for name, colour in kept.colours.items()}
        self.displays.use(Display(looks, kept.marks, kept.doubts))
        self.split(kept.split)
        self.panel.reference.every.setValue(kept.reference_every)
        self._use_folder(folder)
        if kept.geometry:
            self.restoreGeometry(QByteArray.fromBase64(kept.geometry.encode("ascii")))

    def _remember(self) -> None:
        display = self.displays.display
        geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        what = Remembered(
            config=str(self.conductor.config),
            profile=self.conductor.profile or "",
            model=""
            if self.conductor.model is None
            else found_by(self.conductor.model),
            folder=str(self.conductor.folder),
            split=self.panes.is_split,
            marks=display.marks,
            doubts=display.doubts,
            reference_every=self.conductor.reference_every,
            colours={name: look.colour for name, look in display.looks.items()},
            geometry=geometry,
        )
        remember(self._settings, what)

    def _ask_or_wait(self) -> None:
        if self._closing:  # it waits already
            return
        now = self.conductor.now
        if now.recording or now.running:
            self._ask_to_close()
            return
        self.banners.say(Kind.INFO, "The window closes when the recording is saved.")
        self._finish_and_close()

    def _ask_to_close(self) -> None:
        if self.findChild(QDialog, "closing") is not None:  # as by Ctrl-C twice
            return
        word = "A recording" if self.conductor.now.recording else "A plan"
        dialog = closing_dialog(self, word)
        dialog.setObjectName("closing")
        dialog.accepted.connect(self._finish_and_close)
        dialog.open()

    def _finish_and_close(self) -> None:
        if self.conductor.now.acquiring and not self._closing:
            self._closing = True
            self.conductor.changed.connect(self._close_once_ended)
        if self.conductor.now.recording or self.conductor.now.running:
            self.conductor.stop()
        self._close_once_ended(self.conductor.now)

    def _close_once_ended(self, now: Situation) -> None:
        if not now.acquiring:
            self.close()

    def _end(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.renderer.close()
        self.movies.close()
        self.conductor.close()
        for ender in (self.gauges, self.exporter, self.helper):
            ender.close()
