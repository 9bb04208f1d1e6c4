"""What engines have in common: they start at once, and nothing is opt-in."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import ClassVar

from pssr_live.card import Model
from pssr_live.engines.engine import BuildProgress
from pssr_live.frame import Pixels
from pssr_live.intensity import FloatArray
from pssr_live.window import Window


class BaseEngine(ABC):
    """An `Engine` without a way to compute.

    Parameters
    ----------
    model : Model
        What it runs.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    device: str = "cpu"
    precision: str = "float32"
    restores: ClassVar[bool] = True
    opt_in: ClassVar[bool] = False

    def __init__(self, model: Model) -> None:
        self.card = model.card

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why this engine cannot run `model` on this machine, or None."""
        return None

    @classmethod
    def is_ready(cls, model: Model) -> bool:
        """Tell whether it can start at once, with nothing to be built first."""
        return True

    @classmethod
    def prepare(
        cls, model: Model, progress: BuildProgress, cancelled: threading.Event
    ) -> None:
        """Build what `is_ready` found missing: nothing, unless it says otherwise."""
        progress(1.0)

    @abstractmethod
    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window of any size, in its own counts."""

    @abstractmethod
    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one piece (T, h, w) -> (scale * h, scale * w), in network units."""

    def keep_proof(self, error: float, elapsed_ms: float) -> None:  # noqa: B027 - few do
        """Be told that the self-test was passed, and with what error."""

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free what it holds."""
