"""Saves views in a thread of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from pssr_live.app.export import export_view
from pssr_live.app.message import Kind, sentence_of
from pssr_live.app.names import new_view
from pssr_live.app.picture import Display, Picture
from pssr_live.app.worker import Worker
from pssr_live.storage.disk import disk_errors


class Exporter(QObject):
    """Writes pictures of the view.

    Signals
    -------
    told : (Kind, str)
        Where one was saved, or why not.
    """

    told = Signal(object, str)

    def __init__(self) -> None:
        super().__init__()
        self._worker = Worker("pssr-live export")

    def export(self, folder: Path, shown: Picture, display: Display) -> None:
        """Save a view in `folder`, named by the time."""

        def write() -> Path:
            with disk_errors("The view", folder):
                folder.mkdir(parents=True, exist_ok=True)
            path = new_view(folder, datetime.now().astimezone())
            export_view(path, shown, display)
            return path

        self._worker.do(
            write,
            lambda path: self.told.emit(Kind.INFO, f"The view is saved as {path}."),
            lambda error: self.told.emit(Kind.ERROR, sentence_of(error)),
        )

    def close(self) -> None:
        """Write what was asked for, and end."""
        self._worker.close()
