"""The side panel: everything that a person sets in a session, from top to bottom."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from pssr_live.app import theme
from pssr_live.app.boxes import MARGIN, WIDTH, Box, line, words
from pssr_live.app.checked import Checked
from pssr_live.app.model_box import ModelBox
from pssr_live.app.numbers import whole
from pssr_live.app.run_box import RunBox
from pssr_live.app.scanner_box import ScannerBox


class ReferenceBox(Box):
    """Scans at full density to judge by, now or every so many frames."""

    def __init__(self) -> None:
        super().__init__("Reference at full density")
        self.now = QPushButton("Take one now")
        self.now.setToolTip("Scan the middle of the field densely and compare (T)")
        self.every = whole(0, 100_000)
        self.every.setKeyboardTracking(False)  # "9" of "90" would cost the cell a scan
        self.every.setSpecialValueText("never")
        self.every.setPrefix("every ")
        self.every.setToolTip("Frames of a recording or a plan between two references")
        self.said = words("Proves the picture on your own sample.", dim=True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.now)
        row.addWidget(self.every, 1)
        self.column.addLayout(row)
        self.column.addWidget(self.said)

    def show_checked(self, found: Checked | None) -> None:
        """Show what the last reference said."""
        if found is None:
            text, colour = "Proves the picture on your own sample.", theme.DIM
        elif found.gain_db is None:
            text, colour = f"No result: {found.reason}", theme.AMBER
        else:
            text = f"{found.gain_db:+.1f} dB over interpolation"
            colour = theme.GREEN if found.gain_db > 0 else theme.RED
        self.said.setText(text)
        theme.tint(self.said, colour)


class SessionBox(Box):
    """Where recordings go, and what shall be remembered of them."""

    folder_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Recordings")
        self.folder = QElidingLabel()
        self.folder.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.choose = QPushButton("Folder…")
        self.choose.setToolTip("Where recordings go (Ctrl+D)")
        self.choose.clicked.connect(self.folder_wanted)
        self.notes = QPlainTextEdit()
        self.notes.setPlaceholderText("Notes, kept with the recording (N)")
        self.notes.setFixedHeight(58)
        self.notes.setTabChangesFocus(True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.folder, 1)
        row.addWidget(self.choose)
        self.column.addLayout(row)
        self.column.addWidget(self.notes)

    def show_folder(self, folder: Path) -> None:
        """Show where recordings go."""
        self.folder.setText(str(folder))
        self.folder.setToolTip(str(folder))


class SidePanel(QFrame):
    """All boxes, in a column that scrolls where the window is low."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self.run = RunBox()
        self.scanner = ScannerBox()
        self.model = ModelBox()
        self.reference = ReferenceBox()
        self.session = SessionBox()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(MARGIN, 16, MARGIN, 16)
        column.setSpacing(11)
        for box in (self.run, self.scanner, self.model, self.reference, self.session):
            column.addWidget(box)
            if box is not self.session:
                column.addWidget(line())
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
