"""The plan of an MDA: loaded from a useq file, or time, planes, channels, positions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from useq import MDASequence

from pssr_live.app import asking, theme
from pssr_live.app.numbers import number, whole
from pssr_live.app.plan_form import PlanForm, form_of, sequence_of, write_sequence
from pssr_live.errors import PssrLiveError
from pssr_live.scanners.sequence import read_sequence

WIDTH = 460
DECIMAL_COMMA = re.compile(r"\d,\d")
COUNTED = 20_000  # events of a plan that the form cannot show: counting takes time


class PlanDialog(QDialog):
    """Makes a sequence.

    Signals
    -------
    run_wanted : MDASequence
        It shall be run now.
    """

    run_wanted = Signal(object)

    def __init__(
        self,
        parent: QWidget,
        sequence: MDASequence | None,
        presets: Mapping[str, Sequence[str]],
        *,
        has_stage: bool,
        has_focus: bool,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plan")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDTH)
        self._base: MDASequence | None = None
        self._as_loaded: MDASequence | None = None
        self._exact = self._shown = PlanForm()
        self._has_stage, self._has_focus = has_stage, has_focus
        self.loops = whole(1, 1_000_000, " time points")
        self.interval = number(0, 10_000_000, " s")
        self.interval.setSpecialValueText("as fast as it goes")
        self.z_range = number(0, 10_000, " µm")
        self.z_range.setSpecialValueText("one plane")
        self.z_step = number(0.001, 1000, " µm a step")
        self.channels = QListWidget()
        self.channels.setFixedHeight(96)
        self.positions = QLineEdit()
        self.positions.setPlaceholderText(
            "x, y; x, y, z; …   in µm; empty: where it is"
        )
        self._offer_channels(presets)
        self._enable(True)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.load = QPushButton("Load…")
        self.save = QPushButton("Save…")
        self.run = QPushButton("Run")
        self.run.setObjectName("primary")
        self._lay_out(has_stage=has_stage, has_focus=has_focus)
        self._connect()
        if sequence is None:
            self._show_form(PlanForm())
        else:
            self.show_sequence(sequence)

    def show_sequence(self, sequence: MDASequence) -> None:
        """Show a sequence; one that the form cannot hold is run as it is."""
        form = form_of(sequence)
        self._base, self._as_loaded = sequence, None
        if form is not None:
            self._show_form(form)
        else:
            self._as_loaded = sequence
        self._enable(form is not None)
        self._say()

    def load_file(self, path: Path) -> None:
        """Load a useq file; what is wrong with it is said here."""
        try:
            self.show_sequence(read_sequence(path))
        except PssrLiveError as error:
            self._complain(str(error))

    def sequence(self) -> MDASequence:
        """Return the sequence that is planned.

        Raises
        ------
        ScannerError
            If the plan makes no sense.
        """
        if self._as_loaded is not None:
            return self._as_loaded
        return sequence_of(self._planned(), self._base)

    # -- within

    def _planned(self) -> PlanForm:
        """Return the form; what was not touched since is as in the file, to the digit.

        A box rounds, and ends somewhere: what it shows must not become the plan.
        """
        now = self._form()
        changed = {
            name: getattr(now, name)
            for name in (field.name for field in fields(PlanForm))
            if getattr(now, name) != getattr(self._shown, name)
        }
        return replace(self._exact, **changed)

    def _form(self) -> PlanForm:
        return PlanForm(
            loops=self.loops.value(),
            interval_s=self.interval.value(),
            z_range_um=self.z_range.value(),
            z_step_um=self.z_step.value(),
            channels=self._chosen(),
            positions_um=_positions(self.positions.text()),
        )

    def _chosen(self) -> tuple[tuple[str, str], ...]:
        """Return the channels that are ticked; those of a plan in its order."""
        items = [self.channels.item(row) for row in range(self.channels.count())]
        chosen = [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() is Qt.CheckState.Checked
        ]
        order = {channel: n for n, channel in enumerate(self._exact.channels)}
        return tuple(sorted(chosen, key=lambda one: order.get(one, len(order))))

    def _show_form(self, form: PlanForm) -> None:
        self.loops.setValue(form.loops)
        self.interval.setValue(form.interval_s)
        self.z_range.setValue(form.z_range_um)
        self.z_step.setValue(form.z_step_um)
        self._offer_strangers(form)
        for row in range(self.channels.count()):
            item = self.channels.item(row)
            wanted = item.data(Qt.ItemDataRole.UserRole) in form.channels
            state = Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked
            item.setCheckState(state)
        places = [
            ", ".join(f"{value:.15g}" for value in place if value is not None)
            for place in form.positions_um
        ]
        self.positions.setText("; ".join(places))
        self._exact = form
        self._shown = self._form()
        self._say()

    def _say(self) -> None:
        try:
            text = self._summary()
        except PssrLiveError as error:
            self._complain(str(error))
            return
        self.run.setEnabled(True)
        theme.tint(self.said, theme.DIM)
        self.said.setText(text)

    def _summary(self) -> str:
        """Return what would run."""
        if self._as_loaded is not None:
            events = sum(1 for _ in islice(self._as_loaded, COUNTED + 1))
            count = f"{events}" if events <= COUNTED else f"More than {COUNTED}"
            return f"{count} events, run as they are in the file."
        planned, shown = self._planned(), self._form()
        text = planned.in_words
        if rounded := _differing(planned, shown):
            text += f"; {rounded}: as in the plan, not as rounded here"
        return text

    def _complain(self, text: str) -> None:
        self.run.setEnabled(False)
        theme.tint(self.said, theme.RED)
        self.said.setText(text)

    def _run(self) -> None:
        try:
            sequence = self.sequence()
        except PssrLiveError as error:
            self._complain(str(error))
            return
        self.run_wanted.emit(sequence)
        self.accept()

    def _ask_load(self) -> None:
        if (path := asking.plan_to_load(self)) is not None:
            self.load_file(path)

    def _ask_save(self) -> None:
        if (path := asking.plan_to_save(self)) is not None:
            try:
                write_sequence(path, self.sequence())
            except PssrLiveError as error:
                self._complain(str(error))

    def _offer_channels(self, presets: Mapping[str, Sequence[str]]) -> None:
        for group, names in presets.items():
            for name in names:
                item = QListWidgetItem(f"{group}: {name}", self.channels)
                item.setData(Qt.ItemDataRole.UserRole, (group, name))
                item.setCheckState(Qt.CheckState.Unchecked)

    def _offer_strangers(self, form: PlanForm) -> None:
        """List the channels of a plan that the microscope lacks: they stay in it."""
        items = [self.channels.item(row) for row in range(self.channels.count())]
        listed = {item.data(Qt.ItemDataRole.UserRole) for item in items}
        for group, name in form.channels:
            if (group, name) not in listed:
                item = QListWidgetItem(f"{group}: {name}, not here", self.channels)
                item.setData(Qt.ItemDataRole.UserRole, (group, name))
                item.setForeground(QColor(theme.RED))

    def _enable(self, on: bool) -> None:
        for widget in (self.loops, self.interval, self.channels):
            widget.setEnabled(on)
        for widget in (self.z_range, self.z_step):
            widget.setEnabled(on and self._has_focus)
        self.positions.setEnabled(on and self._has_stage)

    def _connect(self) -> None:
        for box in (self.interval, self.z_range, self.z_step):
            box.valueChanged.connect(self._say)
        self.loops.valueChanged.connect(self._say)
        self.channels.itemChanged.connect(self._say)
        self.positions.textChanged.connect(self._say)
        self.load.clicked.connect(self._ask_load)
        self.save.clicked.connect(self._ask_save)
        self.run.clicked.connect(self._run)

    def _lay_out(self, *, has_stage: bool, has_focus: bool) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(9)
        form.addRow("Time", _beside(self.loops, self.interval))
        form.addRow("Planes", _beside(self.z_range, self.z_step))
        form.addRow("Channels", self.channels)
        form.addRow("Positions", self.positions)
        if not has_focus:
            self.z_range.setToolTip("The microscope has no focus drive")
        if not has_stage:
            self.positions.setPlaceholderText("the microscope has no stage")
        buttons = QHBoxLayout()
        buttons.addWidget(self.load)
        buttons.addWidget(self.save)
        buttons.addStretch(1)
        buttons.addWidget(self.run)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.said)
        column.addLayout(buttons)


def _positions(text: str) -> tuple[tuple[float, float, float | None], ...]:
    """Return places from "x, y; x, y, z".

    >>> _positions("1, 2; 3, 4, 5")
    ((1.0, 2.0, None), (3.0, 4.0, 5.0))
    """
    found = []
    for part in filter(str.strip, text.split(";")):
        if DECIMAL_COMMA.search(part):
            raise PssrLiveError(
                f"{part.strip()!r} may mean two numbers or one with a decimal comma: "
                "write a space after each comma, and decimals with a point."
            )
        try:
            numbers = [float(number) for number in part.split(",")]
            if not all(map(math.isfinite, numbers)):
                raise ValueError(part)
            x, y, *rest = numbers
            (z,) = rest or (None,)
        except ValueError as error:
            raise PssrLiveError(
                f"{part.strip()!r} is no place: write x, y or x, y, z in micrometres."
            ) from error
        found.append((x, y, z))
    return tuple(found)


def _beside(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row


def _differing(planned: PlanForm, shown: PlanForm) -> str:
    """Return which of the numbers are shown otherwise than they will run."""
    names = {
        "loops": "number of time points",
        "interval_s": "interval",
        "z_range_um": "range of planes",
        "z_step_um": "step of planes",
    }
    return ", ".join(
        words
        for name, words in names.items()
        if getattr(planned, name) != getattr(shown, name)
    )
