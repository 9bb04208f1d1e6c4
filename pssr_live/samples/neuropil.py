"""Draws neuropil as an electron microscope shows it: membranes and organelles.

Everything follows from the depth in a cell (see `profiles`): the double membrane,
myelin, a nucleus, mitochondria and vesicles that stay inside their cell.

Lengths are micrometres; images are square (Y, X) float32, 0 black to 1 white.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from pssr_live.samples.optics import upsample_bilinear
from pssr_live.samples.profiles import (
    LARGE_PROFILES,
    Profiles,
    grow_profiles,
    smooth_noise,
)

FloatArray = npt.NDArray[np.floating[Any]]
# How many there are, on each square micrometre
MITOCHONDRIA, SYNAPSES, MICROTUBULES, VESICLES = 0.8, 0.8, 15, 28


def draw_neuropil(rng: np.random.Generator, side: int, pixel_um: float) -> FloatArray:
    """Return a section of `side` x `side` pixels of `pixel_um`."""
    profiles = grow_profiles(rng, side, pixel_um)
    tone = rng.uniform(0.62, 0.84, profiles.count).astype(np.float32)
    picture = tone[profiles.cell] + _grain(rng, side)
    _draw_nucleus(picture, profiles, rng, pixel_um)
    _draw_microtubules(picture, profiles, rng, pixel_um)
    _draw_vesicles(picture, profiles, rng, pixel_um)
    _draw_mitochondria(picture, profiles, rng, pixel_um)
    _draw_myelin(picture, profiles, rng)
    _draw_membranes(picture, profiles, rng, pixel_um)
    return np.clip(picture, 0.04, 1).astype(np.float32)


def _grain(rng: np.random.Generator, side: int) -> FloatArray:
    """Cytoplasm: grains of stain, and dark ribosomes where they gather."""
    white = rng.standard_normal((side, side)).astype(np.float32)
    fine = gaussian_filter(white, 1.6)
    fine /= fine.std()
    clumps = smooth_noise(rng, side, 24)
    ribosomes = np.maximum(fine - 1.4, 0) * np.maximum(clumps, 0)
    grain: FloatArray = 0.035 * fine + 0.025 * clumps - 0.16 * ribosomes
    return grain


def _line(distance_um: FloatArray, width_um: float) -> FloatArray:
    drawn: FloatArray = np.exp(-((distance_um / width_um) ** 2))
    return drawn


def _draw_nucleus(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator, pixel_um: float
) -> None:
    # Smoothed: an envelope is round where the cell around it has corners.
    # So smooth that every fourth pixel tells all.
    depth = np.where(profiles.cell == 0, profiles.depth_um, 0)[::4, ::4]
    smooth = gaussian_filter(depth, 0.09 / (4 * pixel_um))
    inside = upsample_bilinear(smooth, picture.shape) - np.float32(0.27)
    body = inside > -0.03
    if inside[body].max(initial=0) < 0.3:
        return  # the biggest profile is a dendrite here
    chromatin = smooth_noise(rng, len(picture), 40)
    rim = 0.9 * _line(inside - 0.04, 0.05)
    dark = 1 / (1 + np.exp(-(chromatin + rim - 0.75) / 0.15))
    nucleus = 0.66 - 0.30 * dark + 0.6 * (picture - 0.7)
    nucleus -= 0.45 * (_line(inside, 0.006) + _line(inside + 0.022, 0.006))
    picture[body] = nucleus[body]


def _draw_membranes(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator, pixel_um: float
) -> None:
    depth = profiles.depth_um
    stain = 0.46 + 0.06 * smooth_noise(rng, len(picture), 60)
    picture -= stain * _line(depth - 0.0095, 0.0055)
    picture += 0.05 * _line(depth, 0.004)
    border = np.flatnonzero(depth < 0.004)
    size, many = round(0.2 / pixel_um), _many(SYNAPSES, picture, pixel_um)
    # Synapses: the membrane is thick and dark over a few hundred nanometres.
    for at in rng.choice(border, min(many, len(border)), replace=False):
        row, column = divmod(int(at), len(picture))
        window, y, x = _window(picture, row, column, size)
        patch = _line(np.hypot(y, x) * pixel_um, 0.11)
        one_side = profiles.cell[window] == profiles.cell[row, column]
        reach = np.where(one_side, 0.034, 0.012)
        picture[window] -= 0.42 * patch * _line(depth[window] / reach, 1.0)


def _draw_myelin(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator
) -> None:
    wrapped = 1 + rng.integers(2)
    depth = profiles.depth_um
    thick = rng.uniform(0.07, 0.13)
    sheath = (profiles.cell == wrapped) & (depth < thick)
    if depth[profiles.cell == wrapped].max(initial=0) > 2 * thick:
        layers = 0.20 + 0.08 * np.cos(2 * np.pi * depth[sheath] / 0.018)
        picture[sheath] = layers


def _draw_microtubules(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator, pixel_um: float
) -> None:
    cells = rng.choice(profiles.count, profiles.count // 3, replace=False)
    size = max(2, round(0.026 / pixel_um))
    many = _many(MICROTUBULES, picture, pixel_um)
    for row, column in profiles.places(rng, 0.04, cells, many):
        window, y, x = _window(picture, row, column, size)
        away = np.hypot(y, x) * pixel_um
        picture[window] -= 0.26 * _line(away - 0.009, 0.005)


def _draw_vesicles(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator, pixel_um: float
) -> None:
    size = round(0.04 / pixel_um)
    small = np.arange(LARGE_PROFILES, profiles.count)
    terminals = rng.choice(small, profiles.count // 5, replace=False)
    many = _many(VESICLES, picture, pixel_um)
    for row, column in profiles.places(rng, 0.035, terminals, many):
        window, y, x = _window(picture, row, column, size)
        radius = rng.uniform(0.015, 0.021)
        away = np.hypot(y, x) * pixel_um - radius
        lumen = away < 0
        picture[window] += np.where(lumen, 0.84 - picture[window], 0) * 0.5
        picture[window] -= 0.36 * _line(away, 0.0055)


def _draw_mitochondria(
    picture: FloatArray, profiles: Profiles, rng: np.random.Generator, pixel_um: float
) -> None:
    cells = np.arange(1, profiles.count)
    taken = np.zeros(picture.shape, bool)
    size = round(0.55 / pixel_um)
    drawn, many = 0, _many(MITOCHONDRIA, picture, pixel_um)
    for row, column in profiles.places(rng, 0.12, cells, 5 * many):
        if drawn == many or taken[row, column]:
            continue
        window, y, x = _window(picture, row, column, size)
        taken[window] = True
        own = profiles.cell[window] == profiles.cell[row, column]
        room = np.where(own, profiles.depth_um[window] - 0.03, -1)
        _draw_mitochondrion(picture[window], y * pixel_um, x * pixel_um, room, rng)
        drawn += 1


def _draw_mitochondrion(
    patch: FloatArray,
    y: FloatArray,
    x: FloatArray,
    room: FloatArray,
    rng: np.random.Generator,
) -> None:
    turn, bend = rng.uniform(0, np.pi), rng.normal(0, 0.5)
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x + bend * along**2
    half_width, half_length = rng.uniform(0.09, 0.17), rng.uniform(0.15, 0.5)
    beyond = np.maximum(np.abs(along) - half_length + half_width, 0)
    inside = np.minimum(half_width - np.hypot(across, beyond), room)
    matrix = inside > 0
    wave = along / rng.uniform(0.04, 0.06) + 0.5 * np.sin(across / 0.035)
    cristae = np.maximum(np.cos(2 * np.pi * wave), 0) ** 3 * (inside > 0.03)
    cristae = cristae * (0.55 + 0.45 * np.sin(wave * 2.4 + across / 0.05))
    drawn = 0.40 + 0.15 * patch + 0.10 * cristae
    drawn -= 0.22 * np.maximum(-np.cos(2 * np.pi * wave), 0) ** 6 * (inside > 0.025)
    drawn -= 0.34 * (_line(inside - 0.005, 0.005) + _line(inside - 0.022, 0.005))
    patch[matrix] = drawn[matrix]


def _many(on_each_um2: float, picture: FloatArray, pixel_um: float) -> int:
    return round(on_each_um2 * picture.size * pixel_um**2)


def _window(
    picture: FloatArray, row: int, column: int, reach: int
) -> tuple[tuple[slice, slice], FloatArray, FloatArray]:
    """Return the part of `picture` around a pixel, and its offsets in pixels."""
    top, left = max(0, row - reach), max(0, column - reach)
    bottom, right = row + reach + 1, column + reach + 1
    window = (slice(top, bottom), slice(left, right))
    height, width = picture[window].shape
    y = (np.arange(top, top + height) - row)[:, None].astype(np.float32)
    x = (np.arange(left, left + width) - column)[None, :].astype(np.float32)
    return window, y, x
