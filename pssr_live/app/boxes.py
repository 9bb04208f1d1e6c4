"""What the boxes of the side panel share: a heading, captions, and how they line up."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

WIDTH, MARGIN = 330, 18  # of the panel, in pixels
INNER_WIDTH = WIDTH - 2 * MARGIN - 10


class Box(QWidget):
    """A part of the side panel with a heading."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(7)
        if heading:
            title = QLabel(heading.upper())
            title.setObjectName("heading")
            self.column.addWidget(title)


def line() -> QFrame:
    """Return a line between two boxes."""
    found = QFrame()
    found.setObjectName("line")
    return found


def words(text: str = "", *, dim: bool = False) -> QLabel:
    """Return a text that wraps."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    label.setFixedWidth(INNER_WIDTH)  # known, so that the height it needs is too
    if dim:
        label.setObjectName("dim")
    return label
