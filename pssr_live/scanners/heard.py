"""What the MDA engine only logs, for the report: a snap or a move that failed.

The engine goes on after either, so that nothing else would tell that a picture shows
another place than its index says.
"""

from __future__ import annotations

import logging

MOST_HEARD = 20  # different warnings; a fault in each frame must not fill a report
# What our own report says better, or what is no fault at all.
_IDLE_TALK = ("MDA ", "Unexpected number of images returned")


class EngineLog(logging.Handler):
    """Adds warnings of pymmcore-plus to `warnings`, each once, while it listens."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings
        self._heard = 0

    def listen(self) -> None:
        """Begin."""
        logging.getLogger("pymmcore-plus").addHandler(self)

    def close(self) -> None:
        """End; a second call does nothing."""
        logging.getLogger("pymmcore-plus").removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one message."""
        said = " ".join(record.getMessage().split())
        told = f"Micro-Manager: {said}"
        if said.startswith(_IDLE_TALK) or told in self._warnings:
            return
        if self._heard < MOST_HEARD:
            self._heard += 1
            self._warnings.append(told)
