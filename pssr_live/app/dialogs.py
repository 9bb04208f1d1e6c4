"""Small dialogs: the list of keys, a model's card, the question before closing.

All are opened without a loop of their own, so that the picture goes on behind them.
"""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from pssr_live.app.cards import page, preview_of
from pssr_live.app.keys import listed
from pssr_live.card import Model

CARD_WIDTH = 720
LONGEST = 14  # keys in a column


def keys_dialog(parent: QWidget) -> QDialog:
    """Return the list of keys."""
    dialog, column = _dialog(parent, "Keys")
    columns, stacks = QHBoxLayout(), list[QVBoxLayout]()
    columns.setSpacing(36)
    rows = 0
    for group, entries in listed().items():
        # Side by side they would be wider than a small screen.
        if rows == 0 or rows + len(entries) > LONGEST:
            stack, rows = QVBoxLayout(), 0
            stack.setSpacing(16)
            columns.addLayout(stack)
            stacks.append(stack)
        rows += len(entries)
        box = QGridLayout()
        box.setHorizontalSpacing(14)
        box.setVerticalSpacing(5)
        heading = QLabel(group.upper())
        heading.setObjectName("heading")
        box.addWidget(heading, 0, 0, 1, 2)
        for row, (key, what) in enumerate(entries, start=1):
            name = QLabel(key)
            name.setStyleSheet("font-weight: 600")
            box.addWidget(name, row, 0)
            box.addWidget(QLabel(what), row, 1)
        box.setColumnStretch(1, 1)
        stack.addLayout(box)
    for stack in stacks:
        stack.addStretch(1)
    column.addLayout(columns)
    _add_close(dialog, column)
    return dialog


def card_dialog(parent: QWidget, model: Model) -> QDialog:
    """Return the card of a model: its picture, what it saw, where it fails."""
    dialog, column = _dialog(parent, model.card.name)
    title = QLabel(model.card.name)
    title.setObjectName("big")
    column.addWidget(title)
    path = preview_of(model)
    if path is not None:
        picture = QLabel()
        smooth = Qt.TransformationMode.SmoothTransformation
        picture.setPixmap(QPixmap(str(path)).scaledToWidth(CARD_WIDTH, smooth))
        column.addWidget(picture)
    form = QFormLayout()
    form.setHorizontalSpacing(20)
    form.setVerticalSpacing(8)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    for caption, text in page(model):
        name = QLabel(caption)
        name.setObjectName("dim")
        said = QLabel(text)
        said.setWordWrap(True)
        said.setFixedWidth(CARD_WIDTH - 130)
        said.setMinimumHeight(said.heightForWidth(CARD_WIDTH - 130))
        form.addRow(name, said)
    column.addLayout(form)
    _add_close(dialog, column)
    return dialog


def closing_dialog(parent: QWidget, what: str) -> QDialog:
    """Return the question whether to close while frames are being kept."""
    dialog, column = _dialog(parent, "Close?")
    dialog.setModal(True)
    title = QLabel(f"{what} is going on.")
    title.setObjectName("big")
    column.addWidget(title)
    column.addWidget(
        QLabel("Closing ends it now. All files are finished first; nothing is lost.")
    )
    buttons = QDialogButtonBox()
    stay = QPushButton("Go on")
    leave = QPushButton("Finish and close")
    leave.setObjectName("record")
    buttons.addButton(stay, QDialogButtonBox.ButtonRole.RejectRole)
    buttons.addButton(leave, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    stay.setDefault(True)
    column.addWidget(buttons)
    return dialog


def _dialog(parent: QWidget, title: str) -> tuple[QDialog, QVBoxLayout]:
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 20, 22, 18)
    column.setSpacing(12)
    return dialog, column


def _add_close(dialog: QDialog, column: QVBoxLayout) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    column.addWidget(buttons)
