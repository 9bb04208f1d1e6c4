"""A line across the window: what happened, why, and what is being waited for."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pssr_live.app import theme
from pssr_live.app.message import Kind, in_window

_COLOURS = {
    Kind.INFO: ("#15283d", theme.ACCENT),
    Kind.WARNING: ("#35290f", theme.AMBER),
    Kind.ERROR: ("#3a1815", theme.RED),
}
MOST = 3  # lines at a time; an older one makes room


class Banner(QFrame):
    """One message."""

    closed = Signal(object)

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__()
        self.kind, self.text = kind, text
        back, edge = _COLOURS[kind]
        style = f"background: {back}; border: 0; border-left: 4px solid {edge};"
        self.setStyleSheet(f"Banner {{ {style} }}")
        self.label = QLabel(text)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.label.setSizePolicy(policy)
        self.button = QToolButton()
        self.button.setText("Dismiss")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(lambda: self.closed.emit(self))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 10, 8)
        row.addWidget(self.label, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)


class Banners(QWidget):
    """The messages that have not been dismissed, and a bar of progress."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._shown: list[Banner] = []
        self._waiting = QFrame()
        self._waiting.setStyleSheet(f"QFrame {{ background: {theme.PANEL}; }}")
        self._what = QLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        row = QHBoxLayout(self._waiting)
        row.setContentsMargins(14, 8, 14, 8)
        row.addWidget(self._what)
        row.addWidget(self._bar, 1)
        self._column.addWidget(self._waiting)
        self._waiting.hide()

    @property
    def texts(self) -> list[str]:
        """What is being said, oldest first."""
        return [banner.text for banner in self._shown]

    @property
    def kinds(self) -> list[Kind]:
        """How serious each of it is."""
        return [banner.kind for banner in self._shown]

    def say(self, kind: Kind, text: str) -> None:
        """Add a message; what is said already is not said twice."""
        text = in_window(text)
        if text in self.texts:
            return
        banner = Banner(kind, text)
        banner.closed.connect(self._remove)
        self._shown.append(banner)
        self._column.insertWidget(len(self._shown) - 1, banner)
        if len(self._shown) > MOST:
            self._remove(self._shown[0])

    def clear(self, *kinds: Kind) -> None:
        """Dismiss messages of some kinds; all if none is named."""
        for banner in list(self._shown):
            if not kinds or banner.kind in kinds:
                self._remove(banner)

    def wait(self, what: str, done: int, total: int) -> None:
        """Show how far something is; done when it is."""
        self._waiting.setVisible(done < total)
        self._what.setText(f"{what}  {done} of {total}")
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done)

    def wait_no_more(self) -> None:
        """Hide the bar, however far it came."""
        self._waiting.hide()

    def _remove(self, banner: Banner) -> None:
        if banner in self._shown:
            self._shown.remove(banner)
            self._column.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
