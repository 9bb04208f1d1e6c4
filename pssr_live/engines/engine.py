"""The seam between restoration and whatever computes it.

An engine is a class named by an entry point of the group `pssr_live.engines`. It
says by itself why it cannot be used here (`is_incompatible`), so that the ladder can
tell the user.
"""

from __future__ import annotations

from typing import Protocol

from pssr_live.card import Model
from pssr_live.intensity import FloatArray


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
    rank : int
        Its rung on the ladder: the lowest number is tried first.
    """

    name: str
    device: str
    precision: str
    restores: bool
    rank: int

    @classmethod
    def is_incompatible(cls, model: Model) -> str | None:
        """Return why this engine cannot run `model` on this machine, or None."""

    def __init__(self, model: Model) -> None: ...

    def run(self, frames: FloatArray, valid: FloatArray) -> FloatArray:
        """Restore one window.

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

    def close(self) -> None:
        """Free what it holds; it is not used afterwards."""
