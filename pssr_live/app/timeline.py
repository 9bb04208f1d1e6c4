"""The slider through a movie, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
)

from pssr_live.app.movie_desk import AXES, MovieFacts

LONGEST = 24  # letters of a position's name
_NAMES = {"t": "Time", "z": "Plane", "p": "Position"}


class Timeline(QFrame):
    """Sliders for what the movie has, Restore and Save.

    Signals
    -------
    moved : dict of str to int
        The moment to show.
    """

    moved = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("displays")
        self.title = QLabel()
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Restore the whole movie (G)")
        self.restore.setObjectName("primary")
        self.save = QPushButton("Save…")
        self.save.setToolTip("Save the restored movie as OME-TIFF (Ctrl+S)")
        self.close_movie = QPushButton("Close movie")
        self.close_movie.setToolTip("Back to the microscope")
        self._sliders: dict[str, tuple[QLabel, QSlider, QLabel]] = {}
        self._positions: Mapping[int, str] = {}
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self.title, 1)
        for button in (self.restore, self.save, self.close_movie):
            head.addWidget(button)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(10)
        grid.addLayout(head, 0, 0, 1, 3)
        for row, axis in enumerate(AXES, start=1):
            name, slider, place = QLabel(_NAMES[axis]), QSlider(), QLabel()
            name.setObjectName("dim")
            slider.setOrientation(Qt.Orientation.Horizontal)
            slider.setPageStep(1)
            slider.valueChanged.connect(self._move)
            for column, widget in enumerate((name, slider, place)):
                grid.addWidget(widget, row, column)
            self._sliders[axis] = name, slider, place
        grid.setColumnStretch(1, 1)
        self.hide()

    @property
    def at(self) -> dict[str, int]:
        """The moment that is chosen."""
        return {axis: slider.value() for axis, (_, slider, _) in self._sliders.items()}

    def show_movie(self, facts: MovieFacts | None) -> None:
        """Offer the moments of a movie; hide without one."""
        self.setVisible(facts is not None)
        if facts is None:
            return
        self._positions = facts.positions
        height, width = facts.shape
        count = "1 frame" if facts.frames == 1 else f"{facts.frames} frames"
        self.title.setText(f"{facts.path.name}   {count} of {width} × {height}")
        self.title.setToolTip(str(facts.path))
        for axis, widgets in self._sliders.items():
            slider = widgets[1]
            slider.blockSignals(True)
            slider.setRange(0, facts.lengths[axis] - 1)
            slider.setValue(0)
            slider.blockSignals(False)
            for widget in widgets:
                widget.setVisible(axis == "t" or facts.lengths[axis] > 1)
        self._say()

    def step(self, by: int) -> None:
        """Go to a neighbouring time."""
        slider = self._sliders["t"][1]
        slider.setValue(slider.value() + by)

    def _move(self) -> None:
        self._say()
        self.moved.emit(self.at)

    def _say(self) -> None:
        for axis, (_, slider, place) in self._sliders.items():
            name = self._positions.get(slider.value(), "") if axis == "p" else ""
            said = f"{slider.value() + 1} / {slider.maximum() + 1}"
            short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
            place.setText(f"{short}   {said}" if name else said)
            place.setToolTip(name)
