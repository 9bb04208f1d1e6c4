"""What each key of the window does; the table of keys is in `keys`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QAbstractSpinBox, QPlainTextEdit

from pssr_live.app.dialogs import keys_dialog
from pssr_live.app.keys import KEYS

if TYPE_CHECKING:
    from pssr_live.app.window import MainWindow

ZOOM = 0.8
DIVIDER_STEP = 25  # thousandths of a pane


def bind_keys(window: MainWindow) -> None:
    """Give a window its keys; most press a button, so that both obey one rule."""
    run = window.panel.run
    does = _acquire(window) | _look(window) | _keep(window)
    for key in KEYS:
        for place, word in enumerate(key.keys):
            channel = partial(window.displays.toggle_channel, place)
            shortcut = QShortcut(QKeySequence(word), window)
            leaves = partial(_leave_or, window, run.stop.click)
            act = leaves if word == "Esc" else does.get(key.name, channel)
            shortcut.activated.connect(act)


def _leave_or(window: MainWindow, stop: Callable[[], object]) -> None:
    """Leave a box that is being written in: no recording shall end by that."""
    if isinstance(window.focusWidget(), QPlainTextEdit | QAbstractSpinBox):
        window.panes.setFocus()
    else:
        stop()


def _acquire(window: MainWindow) -> dict[str, Callable[[], object]]:
    run, scanner = window.panel.run, window.panel.scanner
    return {
        "live": run.live.click,
        "record": run.record.click,
        "snap": run.snap.click,
        "stop": run.stop.click,
        "plan": run.plan.click,
        "open": run.open.click,
        "reference": window.panel.reference.now.click,
        "denser": lambda: scanner.density.step(1),
        "coarser": lambda: scanner.density.step(-1),
        "slower": lambda: scanner.dwell.step(1),
        "faster": lambda: scanner.dwell.step(-1),
        "config": scanner.config.click,
    }


def _look(window: MainWindow) -> dict[str, Callable[[], object]]:
    panes, displays = window.panes, window.displays
    return {
        "flicker": displays.flicker.click,
        "split": lambda: window.split(not panes.is_split),
        "divider_left": lambda: panes.move_divider(-DIVIDER_STEP),
        "divider_right": lambda: panes.move_divider(DIVIDER_STEP),
        "zoom_in": lambda: panes.zoom(ZOOM),
        "zoom_out": lambda: panes.zoom(1 / ZOOM),
        "fit": panes.fit,
        "auto": displays.toggle_auto,
        "reset": displays.reset,
        "marks": displays.marks.click,
        "doubts": displays.doubts.click,
    }


def _keep(window: MainWindow) -> dict[str, Callable[[], object]]:
    timeline = window.timeline
    return {
        "export": window.export,
        "notes": window.panel.session.notes.setFocus,
        "folder": window.ask_folder,
        "restore": timeline.restore.click,
        "save": timeline.save.click,
        "next": lambda: timeline.step(1),
        "previous": lambda: timeline.step(-1),
        "card": window.show_card,
        "dismiss": window.banners.clear,
        "keys": lambda: keys_dialog(window).open(),
        "close": window.close,
    }
