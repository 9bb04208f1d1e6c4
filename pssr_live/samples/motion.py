"""Smooth motion in closed form, so that any moment can be asked for in any order.

A simulated sample must answer "where is everything at 12.34 s" without having been
run until then: the truth is rendered after the scan, and every row of a scan has a
time of its own. So all motion here is a sum of sines with random phases: it wanders,
never runs away, and needs no state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Wander:
    """Independent wandering of N bodies in the plane."""

    amplitude_um: FloatArray  # (N, K, 2)
    rate_hz: FloatArray  # (N, K, 1)
    phase: FloatArray  # (N, K, 2)

    @classmethod
    def random(
        cls, rng: np.random.Generator, bodies: int, reach_um: float, period_s: float
    ) -> Wander:
        """Draw three sines a body, with `reach_um` and `period_s` as typical scales."""
        amplitude = rng.normal(0, reach_um / np.sqrt(3), (bodies, 3, 2))
        rate = rng.uniform(0.5, 2.0, (bodies, 3, 1)) / period_s
        return cls(amplitude, rate, rng.uniform(0, 2 * np.pi, (bodies, 3, 2)))

    def at(self, body: npt.NDArray[np.int64], time_s: FloatArray) -> FloatArray:
        """Return the displacement (len(body), 2) in um of the bodies, as (y, x).

        `time_s` is one time for all, or one for each entry of `body`.
        """
        when = np.broadcast_to(np.asarray(time_s), body.shape)[:, None, None]
        angle = 2 * np.pi * self.rate_hz[body] * when + self.phase[body]
        moved: FloatArray = (self.amplitude_um[body] * np.sin(angle)).sum(axis=1)
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A slow streaming field: everything near each other moves alike."""

    direction_um: FloatArray  # (K, 2)
    wave_per_um: FloatArray  # (K, 2)
    rate_hz: FloatArray  # (K,)
    phase: FloatArray  # (K,)

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        reach_um: float,
        period_s: float,
        length_um: float = 8.0,
    ) -> Flow:
        """Draw four plane waves of typical wavelength `length_um`."""
        waves = 4
        return cls(
            rng.normal(0, reach_um / np.sqrt(waves), (waves, 2)),
            rng.normal(0, 1 / length_um, (waves, 2)),
            rng.uniform(0.5, 1.5, waves) / period_s,
            rng.uniform(0, 2 * np.pi, waves),
        )

    def at(self, y_um: FloatArray, x_um: FloatArray, time_s: FloatArray) -> FloatArray:
        """Return the displacement (N, 2) in um of points (N,), as (y, x)."""
        when = np.broadcast_to(np.asarray(time_s), y_um.shape)
        moved = np.zeros((len(y_um), 2))
        for direction, wave, rate, phase in zip(
            self.direction_um, self.wave_per_um, self.rate_hz, self.phase, strict=True
        ):
            angle = 2 * np.pi * (wave[0] * y_um + wave[1] * x_um + rate * when) + phase
            moved += np.sin(angle)[:, None] * direction
        return moved
