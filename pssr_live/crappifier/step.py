"""What travels through a chain, `Shot`, and what every step of it is, `Step`.

Units: brightness, where 0 is the black and 1 the white level of the detector;
lengths in pixels of the high-density image, called HR pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One image on its way through the chain.

    Attributes
    ----------
    brightness : ndarray, (Y, X)
        High density until a sampling step, low density from there on.
    scale : int
        HR pixels from one low-density pixel to the next.
    t : int
        Time point of the image in its movie.
    peak : float
        Brightest value of the image as it came in.
    beam_y_px, beam_x_px : ndarray, (Y / scale,)
        How far each line of the scan is from where it should be, in HR pixels.
    """

    brightness: FloatArray
    scale: int
    t: int
    peak: float
    beam_y_px: FloatArray
    beam_x_px: FloatArray

    @property
    def lines(self) -> int:
        """Lines of the scan."""
        return len(self.beam_y_px)

    def shows(self, brightness: FloatArray) -> Shot:
        """Return the shot with another image."""
        return replace(self, brightness=brightness)

    def displaced(self, y_px: FloatArray | float, x_px: FloatArray | float) -> Shot:
        """Return the shot with its lines moved further, in HR pixels."""
        return replace(
            self, beam_y_px=self.beam_y_px + y_px, beam_x_px=self.beam_x_px + x_px
        )

    @classmethod
    def of(cls, brightness: FloatArray, scale: int, t: int) -> Self:
        """Return an image at the beginning of its chain; its sides fit the scale."""
        still = np.zeros(brightness.shape[0] // scale)
        return cls(brightness, scale, t, float(brightness.max()), still, still)


class Step(Protocol):
    """One thing that a microscope does to an image."""

    def apply(self, shot: Shot, rng: np.random.Generator) -> Shot:
        """Return what it leaves of a shot; all randomness comes from `rng`."""
        ...


class StepValues(BaseModel):
    """The parameters of a step: frozen, and without any that are not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
