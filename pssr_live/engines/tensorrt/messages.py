"""What TensorRT says, kept for our own sentences and handed on to our log."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any, Protocol

from pssr_live.engines.tensorrt.flavour import Flavour

log = logging.getLogger(__name__)

KEPT = 8


class Messages(Protocol):
    """A TensorRT logger that remembers its errors."""

    def last(self) -> str:
        """Return the latest error, on one line, without a full stop."""


def listening(flavour: Flavour) -> Any:
    """Return a logger for `flavour`, which is also a `Messages`."""
    trt = flavour.module
    levels = {
        trt.ILogger.Severity.INTERNAL_ERROR: logging.WARNING,
        trt.ILogger.Severity.ERROR: logging.WARNING,
        trt.ILogger.Severity.WARNING: logging.INFO,
    }

    class Listening(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self._errors: deque[str] = deque(maxlen=KEPT)

        def log(self, severity: Any, message: str) -> None:
            level = levels.get(severity, logging.DEBUG)
            log.log(level, "%s: %s", flavour.name, message)
            if level == logging.WARNING:
                self._errors.append(message)

        def last(self) -> str:
            text = self._errors[-1] if self._errors else "it gave no reason"
            return " ".join(text.split()).rstrip(".")

    return Listening()
