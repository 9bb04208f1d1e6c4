"""Layers as napari wants them from a reader: (array, properties, "image").

napari puts the centre of pixel n at `n * scale + translate`. Here the corner of the
field is at 0 for every file, so each layer is moved by half of its own pixel: raw and
restored frames then cover the same field, also if they were opened one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import dask.array as da
import numpy as np

from napari_pssr_live.lazy import NEVER_PLANNED, OpenMovie, Stack, lazy_array, stacks_of
from napari_pssr_live.origin import Origin

Layer = tuple[da.Array, dict[str, Any], str]
Limits = tuple[float, float]

COLOURS = ("green", "magenta", "cyan", "yellow", "red", "blue")
PERCENTILES = (0.5, 99.8)  # a single hot pixel must not make the rest black


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """All that is shown together.

    Attributes
    ----------
    shown : sequence of OpenMovie
        Files of the same field, the lowest first.
    stacks : list of (OpenMovie, Stack)
        What they hold.
    positions, channels : list
        Those that occur in any of the files.
    deep : bool
        Whether any of them has a Z axis; then all layers get one.
    """

    shown: Sequence[OpenMovie]
    stacks: list[tuple[OpenMovie, Stack]]
    positions: list[str]
    channels: list[int]
    deep: bool

    @classmethod
    def of(cls, shown: Sequence[OpenMovie]) -> Self:
        """Look at what the files hold."""
        stacks = [(one, stack) for one in shown for stack in stacks_of(one.movie)]
        return cls(
            shown,
            stacks,
            list(dict.fromkeys(stack.position for _, stack in stacks)),
            sorted({stack.channel for _, stack in stacks}),
            any(stack.ordinals.shape[1] > 1 for _, stack in stacks),
        )


def layers_of(shown: Sequence[OpenMovie]) -> list[Layer]:
    """Return the layers of files that show the same field, the lowest first.

    Parameters
    ----------
    shown : sequence of OpenMovie
        At least one. The first gives the contrast limits, so that a grey value means
        the same intensity in all of them.

    Raises
    ------
    StorageError
        If a first frame, or the diary beside a file, cannot be read.
    """
    scene = _Scene.of(shown)
    origins = {opened: Origin.of(opened) for opened in shown}
    limits: dict[tuple[str, int], Limits | None] = {}
    found = []
    for opened, stack in scene.stacks:
        origin = origins[opened]
        key = (stack.position, stack.channel)
        limits[key] = limits.get(key) or _limits(opened, stack)
        properties = {
            "name": _name(origin.label, stack, scene),
            "metadata": {"pssr_live": origin.facts() | _empty_planes(opened, stack)},
            "rgb": False,
            "multiscale": False,
            **_place(opened, scene),
            **_colour(opened, stack, scene),
        }
        if limits[key] is not None:
            properties["contrast_limits"] = limits[key]
        ordinals = stack.ordinals if scene.deep else stack.ordinals[:, 0]
        found.append((lazy_array(opened, ordinals), properties, "image"))
    return found


def _name(label: str, stack: Stack, scene: _Scene) -> str:
    """Return a layer's name: what it is, then what tells it from its neighbours."""
    parts = [label]
    if len(scene.channels) > 1:
        parts.append(stack.channel_name or f"c{stack.channel}")
    if len(scene.positions) > 1:
        parts.append(stack.position)
    return " ".join(filter(None, parts))


def _colour(opened: OpenMovie, stack: Stack, scene: _Scene) -> dict[str, Any]:
    """Return how a layer mixes with the others; positions would hide each other."""
    visible = stack.position == scene.positions[0]
    if len(scene.channels) == 1:
        return {"visible": visible}
    colour = COLOURS[scene.channels.index(stack.channel) % len(COLOURS)]
    # Channels are added up; raw and restored light added up would show neither.
    visible = visible and opened is scene.shown[-1]
    return {"visible": visible, "colormap": colour, "blending": "additive"}


def _place(opened: OpenMovie, scene: _Scene) -> dict[str, Any]:
    """Return scale, translation and units; pixels of the first file if unknown."""
    shown, deep = scene.shown, scene.deep
    known = all(one.movie.pixel_size_um for one in shown)
    size = opened.movie.pixel_size_um if known else None
    pixel = size or shown[0].movie.shape[0] / opened.movie.shape[0]
    z_step_um = opened.movie.layout.z_step_um
    place = {
        "axis_labels": ("t", *(["z"] if deep else []), "y", "x"),
        # Time counts frames: what was planned in seconds is seldom what was kept.
        "scale": (1.0, *([z_step_um or 1.0] if deep else []), pixel, pixel),
        "translate": (*[0.0] * (2 if deep else 1), pixel / 2, pixel / 2),
    }
    if known:
        z_unit = "um" if z_step_um else "pixel"
        place["units"] = ("pixel", *([z_unit] if deep else []), "um", "um")
    return place


def _limits(opened: OpenMovie, stack: Stack) -> Limits | None:
    """Return the contrast limits of the first frame; None where there is no frame."""
    for ordinal in stack.ordinals.flat:
        if opened.has(int(ordinal)):
            low, high = np.percentile(opened.read(int(ordinal)), PERCENTILES)
            # napari refuses limits that do not rise, which a blank frame would give.
            return float(low), float(max(high, low + 1))
    return None


def _empty_planes(opened: OpenMovie, stack: Stack) -> dict[str, list[dict[str, int]]]:
    """Return which planes are black because no frame is there, and why."""
    missing, unplanned = [], []
    for (t, z), ordinal in np.ndenumerate(stack.ordinals):
        at = {"t": t, "z": z}
        if ordinal == NEVER_PLANNED:
            unplanned.append(at)
        elif not opened.has(int(ordinal)):
            missing.append(at | {"frame": int(ordinal)})
    return {"missing_frames": missing, "never_planned": unplanned}
