"""The model: which, whether it suits the scan, and the engine that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton

from pssr_live.app import theme
from pssr_live.app.boxes import Box, words
from pssr_live.app.cards import match
from pssr_live.card import Model

_COLOURS = {True: theme.GREEN, False: theme.RED, None: theme.AMBER}


class ModelBox(Box):
    """Shows and changes the model.

    Signals
    -------
    chosen : str
        A model's name, or its folder where the name means another one.
    card_wanted : None
        Its card shall be shown.
    """

    chosen = Signal(str)
    card_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Model")
        self._model: Model | None = None
        self._pixel_size_um: float | None = None
        self.models = QComboBox()
        self.models.setToolTip("What restores the scans")
        self.card = QPushButton("Card")
        self.card.setToolTip("What it saw, and where it fails (I)")
        self.summary = words(dim=True)
        self.match = words()
        self.match.setObjectName("match")
        self.engine = words(dim=True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.models, 1)
        row.addWidget(self.card)
        self.column.addLayout(row)
        for widget in (self.summary, self.match, self.engine):
            self.column.addWidget(widget)
        self.models.activated.connect(
            lambda at: self.chosen.emit(self.models.itemData(at))
        )
        self.card.clicked.connect(self.card_wanted)

    def offer(self, models: Mapping[str, str]) -> None:
        """Offer models, with a line about each."""
        now = self.models.currentData()
        self.models.clear()
        for place, (name, line) in enumerate(models.items()):
            self.models.addItem(name, name)
            self.models.setItemData(place, line, Qt.ItemDataRole.ToolTipRole)
        if now:
            self._choose(now)

    def show_model(self, model: Model | None, name: str) -> None:
        """Show the model in use, by what finds it again; None if it was refused."""
        self._model = model
        self._choose(name)
        self.card.setEnabled(model is not None)
        self.summary.setText(
            "refused; choose another one" if model is None else model.card.summary
        )
        self._show_match()

    def show_pixel_size(self, pixel_size_um: float | None) -> None:
        """Compare the pixel size of a scan with what the model was made for."""
        self._pixel_size_um = pixel_size_um
        self._show_match()

    def show_engine(self, line: str, why: str, *, restores: bool) -> None:
        """Name the engine in use; its tip says why no better one."""
        self.engine.setText(line)
        self.engine.setToolTip(why)
        theme.tint(self.engine, "" if restores else theme.RED)

    def _choose(self, name: str) -> None:
        if self.models.findData(name) < 0:
            folder = Path(name)  # of a model that is not installed
            label = name if folder.name == name else f"{folder.name}, in its folder"
            self.models.addItem(label, name)
            last = self.models.count() - 1
            self.models.setItemData(last, name, Qt.ItemDataRole.ToolTipRole)
        self.models.setCurrentIndex(self.models.findData(name))

    def _show_match(self) -> None:
        if self._model is None:
            self.match.setText("")
            return
        found = match(self._model.card, self._pixel_size_um)
        sign = {True: "✓", False: "✗", None: "?"}[found.good]
        self.match.setText(f"{sign} {found.words}")
        theme.tint(self.match, _COLOURS[found.good])
