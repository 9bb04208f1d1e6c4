"""A living cell's mitochondria: tubes that wander, bend, break and join, and vesicles.

Everything is a cloud of emitters whose positions are functions of time (see
`motion`), seen through `optics.splat`. `MitoLook` holds what differs from cell to
cell and can be drawn at random, which is what training does; the simulated scanner
uses the default look with its own seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pssr_live.samples.motion import Flow, Wander
from pssr_live.samples.optics import Emitters, ScanGrid, splat, upsample_bilinear

FloatArray = npt.NDArray[np.floating[Any]]
HAZE_PIXEL_UM = 0.8  # haze is rendered coarsely: it has no finer detail


@dataclass(frozen=True, slots=True)
class MitoLook:
    """What a cell looks like; lengths in um, speeds by reach and period."""

    tubes_per_100um2: float = 12.0
    tube_length_um: float = 5.0
    tube_radius_um: float = 0.13
    stiffness_um: float = 2.6
    beading: float = 0.45  # brightness variation along a tube, 0..1
    vesicles_per_100um2: float = 12.0
    haze: float = 0.10
    background: float = 0.03
    reach_um: float = 0.35
    period_s: float = 9.0
    fission_gap_um: float = 0.45

    @classmethod
    def random(cls, rng: np.random.Generator) -> MitoLook:
        """Draw a look over wide ranges: thin filaments to swollen tubes."""
        return cls(
            tubes_per_100um2=float(rng.uniform(3, 20)),
            tube_length_um=float(rng.uniform(1.5, 12)),
            tube_radius_um=float(np.exp(rng.uniform(np.log(0.02), np.log(0.28)))),
            stiffness_um=float(np.exp(rng.uniform(np.log(0.6), np.log(6)))),
            beading=float(rng.uniform(0, 0.9)),
            vesicles_per_100um2=float(rng.choice([0, 6, 20, 80]) * rng.uniform(0.3, 1)),
            haze=float(rng.uniform(0, 0.3)),
            background=float(rng.uniform(0, 0.15)),
            reach_um=float(np.exp(rng.uniform(np.log(0.05), np.log(1.2)))),
            period_s=float(rng.uniform(4, 12)),
        )


class MitoSample:
    """Mitochondria in a square field that may be asked for at any time.

    Parameters
    ----------
    seed : int
        The same seed always gives the same cell.
    field_um : float
        Side of the field that holds the cell.
    look : MitoLook, optional
        What the cell looks like.
    """

    name = "mito"

    def __init__(
        self, seed: int, field_um: float = 25.6, look: MitoLook | None = None
    ) -> None:
        self.field_um = field_um
        self.look = look or MitoLook()
        rng = np.random.default_rng([seed, 0x6D69746F])
        self._grow_tubes(rng)
        self._scatter_vesicles(rng)
        self._flow = Flow.random(rng, self.look.reach_um, self.look.period_s)

    def scan(self, grid: ScanGrid, row_times_s: FloatArray) -> FloatArray:
        """Return the noise-free scan (Y, X), about 0..1, each row at its own time."""
        # The beam meets an emitter in the row of its resting place, within the few
        # rows that it wanders: the same for every density, so truth and scan agree.
        rows = np.clip(grid.row_of(self._home[:, 0]), 0, grid.height - 1)
        exact = self.emitters(np.interp(rows, np.arange(grid.height), row_times_s))
        picture = splat(exact, grid)
        return picture + self._haze(exact, grid) + np.float32(self.look.background)

    def emitters(self, time_s: FloatArray) -> Emitters:
        """Return all emitters at `time_s`: one time, or one for each emitter."""
        when = np.broadcast_to(np.asarray(time_s), self._tube.shape)
        wander = self._tube_wander.at(self._tube, when)
        bend = self._bend_um[self._tube] * np.sin(
            self._bend_wave[self._tube] * self._arc
            + 2 * np.pi * self._bend_hz[self._tube] * when
            + self._bend_phase[self._tube]
        )
        gap, side = self._fission(when)
        shift = wander + self._normal * bend[:, None]
        shift = shift + self._tangent * (side * gap * 0.5)[:, None]
        shift = shift + self._flow.at(self._home[:, 0], self._home[:, 1], when)
        broken = np.exp(-((self._to_break / (0.5 * gap + 0.02)) ** 2))
        weight = self._weight * (1 - np.where(gap > 0.05, broken, 0))
        at = self._home + shift
        return Emitters(at[:, 0], at[:, 1], weight, self._radius)

    def _fission(self, when: FloatArray) -> tuple[FloatArray, FloatArray]:
        # A gap opens and closes again and again: fission, later fusion.
        phase = 2 * np.pi * when / self._break_period[self._tube]
        open_ = np.sin(phase + self._break_phase[self._tube])
        gap = self.look.fission_gap_um / (1 + np.exp(-(open_ - 0.55) / 0.07))
        return gap * self._breaks[self._tube], np.sign(self._to_break)

    def _haze(self, emitters: Emitters, grid: ScanGrid) -> FloatArray:
        if self.look.haze <= 0:
            return np.zeros(grid.shape, np.float32)
        rows = max(2, round(grid.height * grid.pixel_size_um / HAZE_PIXEL_UM))
        columns = max(2, round(grid.width * grid.pixel_size_um / HAZE_PIXEL_UM))
        few = slice(None, None, 12)
        thin = Emitters(
            emitters.y_um[few],
            emitters.x_um[few],
            emitters.weight[few] * np.float32(self.look.haze),
            np.full(len(emitters.weight[few]), 1.1, np.float32),
        )
        pixel = grid.height * grid.pixel_size_um / rows
        coarse = replace(
            grid, height=rows, width=columns, pixel_size_um=pixel, dwell_fraction=0
        )
        return upsample_bilinear(splat(thin, coarse), grid.shape)

    def _grow_tubes(self, rng: np.random.Generator) -> None:
        look = self.look
        step = 0.75 * float(np.hypot(0.09, look.tube_radius_um))
        area = self.field_um**2
        count = max(3, rng.poisson(look.tubes_per_100um2 * area / 100))
        tube, arc, home, tangent = [], [], [], []
        nucleus = rng.uniform(0.3, 0.7, 2) * self.field_um
        nucleus_um = self.field_um * rng.uniform(0.08, 0.16)
        for number in range(count):
            length = look.tube_length_um * rng.uniform(0.3, 1.7)
            points = max(9, int(length / step))
            turn = rng.normal(0, np.sqrt(step) / look.stiffness_um, points)
            # Correlated turning: tubes curve, they do not tremble.
            turn = np.convolve(turn, np.ones(9) / 3, mode="same")
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turn)
            along = np.stack([np.sin(heading), np.cos(heading)], axis=1)
            start = rng.uniform(-0.05, 1.05, 2) * self.field_um
            path = start + np.cumsum(along * step, axis=0)
            away = path - nucleus
            far = np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
            path = path + away / far * np.maximum(0, nucleus_um - far)
            tube.append(np.full(points, number))
            arc.append(np.arange(points) * step)
            home.append(path)
            tangent.append(along)
        self._tube = np.concatenate(tube)
        self._arc = np.concatenate(arc)
        self._tangent = np.concatenate(tangent)
        self._normal = self._tangent[:, ::-1] * np.array([1.0, -1.0])
        width = rng.normal(0, look.tube_radius_um * 0.5, len(self._arc))
        self._home = np.concatenate(home) + self._normal * width[:, None]
        self._dress_tubes(rng, count, step)

    def _dress_tubes(self, rng: np.random.Generator, count: int, step: float) -> None:
        look, tube = self.look, self._tube
        self._tube_wander = Wander.random(rng, count, look.reach_um, look.period_s)
        self._bend_um = rng.uniform(0, 0.5, count) * look.reach_um
        self._bend_wave = rng.uniform(0.8, 2.5, count)
        self._bend_hz = rng.uniform(0.3, 1.5, count) / look.period_s
        self._bend_phase = rng.uniform(0, 2 * np.pi, count)
        length = np.bincount(tube, minlength=count) * step
        self._breaks = (rng.random(count) < 0.5).astype(np.float64)
        self._break_period = rng.uniform(2, 6, count) * look.period_s
        self._break_phase = rng.uniform(0, 2 * np.pi, count)
        where = rng.uniform(0.3, 0.7, count) * length
        self._to_break = self._arc - where[tube]
        # Emitters overlap: their sum, not each one, has to come out near 1.
        overlap = np.hypot(0.09, look.tube_radius_um) * np.sqrt(2 * np.pi) / step
        bead = rng.uniform(0, 2 * np.pi, count)[tube]
        beads = np.sin(self._arc * rng.uniform(2, 9, count)[tube] + bead)
        grain = rng.gamma(4, 0.25, len(tube))
        bright = rng.uniform(0.35, 1.0, count)[tube]
        texture = (1 - look.beading * (0.5 + 0.5 * beads)) * grain
        self._weight = (bright * texture / overlap).astype(np.float32)
        thick = look.tube_radius_um * rng.uniform(0.6, 1.4, count)[tube]
        self._radius = thick.astype(np.float32) * np.float32(0.8)

    def _scatter_vesicles(self, rng: np.random.Generator) -> None:
        area = self.field_um**2
        count = int(rng.poisson(self.look.vesicles_per_100um2 * area / 100))
        tubes = int(self._tube.max()) + 1
        self._tube = np.concatenate([self._tube, tubes + np.arange(count)])
        self._home = np.concatenate(
            [self._home, rng.uniform(0, self.field_um, (count, 2))]
        )
        fast = Wander.random(rng, count, 3 * self.look.reach_um, self.look.period_s)
        self._tube_wander = Wander(
            np.concatenate([self._tube_wander.amplitude_um, fast.amplitude_um]),
            np.concatenate([self._tube_wander.rate_hz, fast.rate_hz]),
            np.concatenate([self._tube_wander.phase, fast.phase]),
        )
        none = np.zeros(count)
        for name in ("_arc", "_to_break"):
            setattr(self, name, np.concatenate([getattr(self, name), none]))
        for name in ("_tangent", "_normal"):
            still = np.zeros((count, 2))
            setattr(self, name, np.concatenate([getattr(self, name), still]))
        for name in ("_bend_um", "_bend_wave", "_bend_hz", "_bend_phase", "_breaks"):
            setattr(self, name, np.concatenate([getattr(self, name), none]))
        for name in ("_break_period", "_break_phase"):
            setattr(self, name, np.concatenate([getattr(self, name), none + 1]))
        small = rng.uniform(0.02, 0.10, count).astype(np.float32)
        glow = rng.uniform(0.15, 0.9, count).astype(np.float32)
        self._radius = np.concatenate([self._radius, small])
        self._weight = np.concatenate([self._weight, glow])
