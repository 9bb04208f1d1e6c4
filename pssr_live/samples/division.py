"""Dividing nuclei: chromatin that condenses, splits and parts, at known times.

Each nucleus divides once. Its chromatin gathers into a compact bright plate, which
then splits into two masses that move apart within a few seconds and relax into the
nuclei of the daughters. Nothing else in the field is as bright. Emitters keep their
brightness throughout, so that condensed chromatin is bright because it is dense.

Lengths are micrometres, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.samples.motion import Wander
from pssr_live.samples.optics import Emitters, ScanGrid, splat

FloatArray = npt.NDArray[np.floating[Any]]

SIDE = 3  # nuclei along each side of the field
LOCI = 260  # emitters in a nucleus
NUCLEUS_UM = 1.9  # radius between divisions
PLATE_UM = (1.3, 0.4)  # half length and half width of the plate
PARTED_UM = 0.25  # half width of each half of it
DAUGHTER_UM = 1.35
APART_UM = 3.2  # distance of the daughters
CONDENSES_S = (-16.0, -6.0)  # from and until, relative to the split
PARTS_S = 5.0
RELAXES_S = (9.0, 20.0)
FIRST_S, SPAN_S = 25.0, 360.0  # when nuclei divide
BACKGROUND = 0.03


@dataclass(frozen=True, slots=True)
class Division:
    """Where a nucleus is when its chromatin begins to part, and when that is."""

    time_s: float
    y_um: float
    x_um: float


class DivisionSample:
    """Nuclei in a square field that divide, each at its own time.

    Parameters
    ----------
    seed : int
        The same seed always gives the same nuclei and the same times.
    field_um : float
        Side of the field.

    Attributes
    ----------
    divisions : tuple of Division
        All divisions, in the order of time.
    """

    name = "division"

    def __init__(self, seed: int, field_um: float = 25.6) -> None:
        self.field_um = field_um
        rng = np.random.default_rng([seed, 0x64697669])
        count = SIDE**2
        cell = field_um / SIDE
        corner = np.stack(np.divmod(np.arange(count), SIDE), axis=1) * cell
        self._home = corner + rng.uniform(0.42, 0.58, (count, 2)) * cell
        self._split_s = FIRST_S + rng.uniform(0, SPAN_S, count)
        self._wander = Wander.random(rng, count, 0.45, 20.0)
        self._turn = rng.uniform(0, np.pi, count)
        self._nucleus = np.repeat(np.arange(count), LOCI)
        total = count * LOCI
        reach, angle = np.sqrt(rng.random(total)), rng.uniform(0, 2 * np.pi, total)
        self._place = np.stack([reach * np.sin(angle), reach * np.cos(angle)], axis=1)
        self._daughter = np.where(np.arange(total) % 2, 1.0, -1.0)
        bright = rng.uniform(0.75, 1.25, count)[self._nucleus]
        self._weight = (bright * rng.gamma(3, 1 / 3, total) * 0.045).astype(np.float32)
        self._radius = rng.uniform(0.05, 0.15, total).astype(np.float32)
        self.divisions = tuple(self._division(n) for n in np.argsort(self._split_s))

    def scan(self, grid: ScanGrid, row_times_s: FloatArray) -> FloatArray:
        """Return the noise-free scan (Y, X), about 0..1, each row at its own time."""
        at_rest = grid.row_of(self._home[self._nucleus, 0])
        rows = np.clip(at_rest, 0, grid.height - 1)
        when = np.interp(rows, np.arange(grid.height), row_times_s)
        picture: FloatArray = splat(self._emitters(when), grid) + np.float32(BACKGROUND)
        return picture

    def _division(self, nucleus: int) -> Division:
        time_s = float(self._split_s[nucleus])
        moved = self._wander.at(np.array([nucleus]), np.array([time_s]))[0]
        y_um, x_um = self._home[nucleus] + moved
        return Division(time_s, float(y_um), float(x_um))

    def _emitters(self, when: FloatArray) -> Emitters:
        since_s = when - self._split_s[self._nucleus]
        condensed = _smooth(since_s, *CONDENSES_S)
        parted = _smooth(since_s, 0.0, PARTS_S)
        relaxed = _smooth(since_s, *RELAXES_S)
        # Along the plate, and across it, where the two halves part.
        along = _blend(NUCLEUS_UM, PLATE_UM[0], condensed)
        across = _blend(NUCLEUS_UM, PLATE_UM[1], condensed)
        along = _blend(along, DAUGHTER_UM, relaxed) * self._place[:, 0]
        across = _blend(across, PARTED_UM, parted)
        across = _blend(across, DAUGHTER_UM, relaxed) * self._place[:, 1]
        across = across + self._daughter * parted * APART_UM / 2
        sine, cosine = (f(self._turn)[self._nucleus] for f in (np.sin, np.cos))
        centre = self._home[self._nucleus] + self._wander.at(self._nucleus, when)
        y_um = centre[:, 0] + sine * along + cosine * across
        x_um = centre[:, 1] + cosine * along - sine * across
        return Emitters(y_um, x_um, self._weight, self._radius)


def _smooth(at: FloatArray, begin: float, end: float) -> FloatArray:
    """Rise smoothly from 0 at `begin` to 1 at `end`."""
    part = np.clip((at - begin) / (end - begin), 0, 1)
    smooth: FloatArray = part * part * (3 - 2 * part)
    return smooth


def _blend(before: float | FloatArray, after: float, part: FloatArray) -> FloatArray:
    return before + (after - before) * part
