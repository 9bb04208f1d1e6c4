"""The plan of an MDA: loaded from a useq file, or time, planes, channels, positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from useq import MDASequence

from pssr_live.app import asking, theme
from pssr_live.app.plan_form import PlanForm, form_of, sequence_of, write_sequence
from pssr_live.errors import PssrLiveError
from pssr_live.scanners.sequence import read_sequence

WIDTH = 460


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
        self.loops = _whole(1, 1_000_000, " time points")
        self.interval = _number(0, 86_400, " s", 2)
        self.interval.setSpecialValueText("as fast as it goes")
        self.z_range = _number(0, 10_000, " µm", 2)
        self.z_range.setSpecialValueText("one plane")
        self.z_step = _number(0.01, 1000, " µm a step", 2)
        self.channels = QListWidget()
        self.channels.setFixedHeight(96)
        self.positions = QLineEdit()
        self.positions.setPlaceholderText(
            "x, y; x, y, z; …   in µm; empty: where it is"
        )
        self._offer_channels(presets)
        for widget in (self.z_range, self.z_step):
            widget.setEnabled(has_focus)
        self.positions.setEnabled(has_stage)
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
        return sequence_of(self._form(), self._base)

    # -- within

    def _form(self) -> PlanForm:
        items = [self.channels.item(row) for row in range(self.channels.count())]
        chosen = [i for i in items if i.checkState() is Qt.CheckState.Checked]
        return PlanForm(
            loops=self.loops.value(),
            interval_s=self.interval.value(),
            z_range_um=self.z_range.value(),
            z_step_um=self.z_step.value(),
            channels=tuple(i.data(Qt.ItemDataRole.UserRole) for i in chosen),
            positions_um=_positions(self.positions.text()),
        )

    def _show_form(self, form: PlanForm) -> None:
        self.loops.setValue(form.loops)
        self.interval.setValue(form.interval_s)
        self.z_range.setValue(form.z_range_um)
        self.z_step.setValue(form.z_step_um)
        for row in range(self.channels.count()):
            item = self.channels.item(row)
            wanted = item.data(Qt.ItemDataRole.UserRole) in form.channels
            state = Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked
            item.setCheckState(state)
        places = [
            ", ".join(f"{value:g}" for value in place if value is not None)
            for place in form.positions_um
        ]
        self.positions.setText("; ".join(places))
        self._say()

    def _say(self) -> None:
        try:
            if self._as_loaded is not None:
                frames = sum(1 for _ in self._as_loaded)
                text = f"{frames} events, run as they are in the file."
            else:
                form = self._form()
                text = f"{form.frames} frames"
        except PssrLiveError as error:
            self._complain(str(error))
            return
        self.run.setEnabled(True)
        theme.tint(self.said, theme.DIM)
        self.said.setText(text)

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

    def _enable(self, on: bool) -> None:
        for widget in (self.loops, self.interval, self.channels):
            widget.setEnabled(on)

    def _connect(self) -> None:
        for number in (self.interval, self.z_range, self.z_step):
            number.valueChanged.connect(self._say)
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
        try:
            x, y, *rest = (float(number) for number in part.split(","))
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


def _whole(low: int, high: int, unit: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box


def _number(low: float, high: float, unit: str, decimals: int) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSuffix(unit)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box
