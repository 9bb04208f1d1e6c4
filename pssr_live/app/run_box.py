"""Snap, Live, Record, Stop: the buttons that everything begins and ends with."""

from __future__ import annotations

from collections.abc import Set

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton

from pssr_live.app import theme
from pssr_live.app.boxes import Box
from pssr_live.app.situation import Action, Situation


class RunBox(Box):
    """The buttons, and what is going on."""

    def __init__(self) -> None:
        super().__init__("")
        self.word = QLabel()
        self.word.setObjectName("big")
        self.detail = QLabel()
        self.detail.setObjectName("dim")
        self.live = _button("Live", "Scan and restore continuously (L)", "primary")
        self.record = _button("Record", "Keep every frame from now on (R)", "record")
        self.snap = _button("Snap", "Scan and restore one frame (S)")
        self.stop = _button("Stop", "End what is going on (X)")
        self.plan = _button("Plan…", "Time, planes, channels, positions (P)")
        self.open = _button("Open…", "Open a movie that exists already (O)")
        self.live.setCheckable(True)
        self.record.setCheckable(True)
        grid = QGridLayout()
        grid.setSpacing(6)
        grid.addWidget(self.live, 0, 0, 1, 2)
        grid.addWidget(self.record, 0, 2, 1, 2)
        for place, button in enumerate((self.snap, self.stop, self.plan, self.open)):
            grid.addWidget(button, 1, place)
        for column in range(4):
            grid.setColumnStretch(column, 1)
        keys = QLabel("?  all keys")
        keys.setObjectName("caption")
        head = QHBoxLayout()
        head.addWidget(self.word, 1)
        head.addWidget(keys)
        self.column.addLayout(head)
        self.column.addWidget(self.detail)
        self.column.addLayout(grid)

    def show_situation(self, now: Situation, can: Set[Action]) -> None:
        """Show what is going on, and let only be pressed what is possible."""
        text = now.word[:1].upper() + now.word[1:]
        self.word.setText(f"● {text}" if now.acquiring else text)
        theme.tint(self.word, _colour(now))
        for button, action in (
            (self.live, Action.LIVE),
            (self.record, Action.RECORD),
            (self.snap, Action.SNAP),
            (self.stop, Action.STOP),
            (self.plan, Action.PLAN),
            (self.open, Action.OPEN),
        ):
            button.setEnabled(action in can)
        self.live.setChecked(now.live)
        self.record.setChecked(now.recording)
        self.record.setText("Stop recording" if now.recording else "Record")

    def say(self, detail: str) -> None:
        """Show a line under the word."""
        self.detail.setText(detail)


def _colour(now: Situation) -> str:
    if now.acquiring:
        return theme.RED
    return theme.GREEN if now.live else theme.TEXT


def _button(text: str, tip: str, name: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setObjectName(name)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
