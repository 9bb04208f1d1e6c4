"""The seam between restoration and whatever computes it.

An engine is a class named by an entry point of the group `pssr_live.engines`. It
says by itself why it cannot be used here (`is_incompatible`), so that the ladder can
tell the user. Most are written on top of one of two classes:

* `FloatEngine` for what takes one piece in network units: the intensity map and the
  tiles are done around it, in numpy;
* `CountsEngine` for what takes camera counts and does all of that itself, on a GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from pssr_live.card import Model
from pssr_live.frame import Pixels
from pssr_live.intensity import FloatArray
from pssr_live.window import Window

BuildProgress = Callable[[float], None]


class Engine(Protocol):
    """Something that runs one model.

    Attributes
    ----------
    name : str
        How it is called in reports.
    device, precision : str
        Where it computes and in which numbers.
    restores : bool
        False for an engine that only interpolates.
    opt_in : bool
        True for one that is used only when asked for by name, because it trades
        exactness for speed.
    rank : int
        Its rung on the ladder: the lowest number is tried first.
    """

    name: str
    device: str
    precision: str
    restores: bool
    opt_in: bool
    rank: int

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why this engine cannot run `model` on this machine, or None."""

    @classmethod
    def is_ready(cls, model: Model) -> bool:
        """Tell whether it can start at once, with nothing to be built first."""

    @classmethod
    def prepare(
        cls, model: Model, progress: BuildProgress, cancelled: threading.Event
    ) -> None:
        """Build what `is_ready` found missing; may run while another engine serves.

        Parameters
        ----------
        model : Model
            What it shall run.
        progress : callable
            Called with the share done, 0 to 1.
        cancelled : Event
            Once set, building ends soon with an `EngineError`.

        Raises
        ------
        EngineError
            If it cannot be built, or was cancelled.
        """

    def __init__(self, model: Model) -> None: ...

    def restore(self, window: Window) -> Pixels:
        """Restore the target frame of a window, in camera counts of its type.

        Returns
        -------
        ndarray, (scale * h, scale * w)
            The caller's to keep.

        Raises
        ------
        Exception
            Whatever a driver or library throws; `FloatingPointError` if the network
            gave something that is not finite. The ladder then takes the next engine.
        """

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one piece in network units; the self-test uses this.

        Parameters
        ----------
        frames : ndarray, (T, h, w)
            In network units; missing frames are 0.
        valid : ndarray, (T,)
            1 for each frame that is there.

        Returns
        -------
        ndarray, (scale * h, scale * w)
            In network units, float32, the caller's to overwrite.
        """

    def keep_proof(self, error: float, elapsed_ms: float) -> None:
        """Be told that the self-test was passed, to write it down if that is of use.

        Parameters
        ----------
        error : float
            Largest difference from the stored output, in network units.
        elapsed_ms : float
            What the test took; on a GPU mostly what is done once.
        """

    def close(self) -> None:
        """Free what it holds; it is not used afterwards."""
