"""A moment ready for the screen, and how it is made from the newest frames.

Everything that costs time (contrast, colours, histograms) happens here, in whichever
thread calls; a window only has to paint the result. Knows no Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pssr_live.app.feed import Pair, Scene
from pssr_live.app.levels import (
    Histogram,
    Levels,
    auto_levels,
    eased,
    histogram,
    top_of,
)
from pssr_live.app.places import place_of, place_words
from pssr_live.app.render import COLOURS, Layer, Words, paint, reduced, tint
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.frame import Consistency, Pixels


@dataclass(frozen=True, slots=True)
class Look:
    """How one channel is shown.

    Attributes
    ----------
    colour : str
        One of `COLOURS`.
    visible : bool
        Whether it is part of the picture.
    fixed : Levels or None
        Contrast chosen by hand; None for automatic.
    """

    colour: str = "grey"
    visible: bool = True
    fixed: Levels | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """How everything is shown.

    Attributes
    ----------
    looks : mapping of str to Look
        By channel; one that is not named gets the next free colour.
    marks : bool
        Whether saturated pixels are marked.
    doubts : bool
        Whether places are marked where a restored picture differs from its scan.
    bit_depth : int or None
        Of the detector; None where only the pixel type is known.
    room : tuple of int
        Pixels of a pane on the screen, (width, height).
    """

    looks: Mapping[str, Look] = field(default_factory=dict)
    marks: bool = True
    doubts: bool = True
    bit_depth: int | None = None
    room: tuple[int, int] = (600, 600)

    def look(self, channel: str, place: int, channels: int) -> Look:
        """Return the look of a channel, the `place`th of some."""
        free = ("green", "magenta", "cyan", "yellow", "red", "blue")
        colour = "grey" if channels == 1 else free[place % len(free)]
        return self.looks.get(channel, Look(colour))


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a window shows at one moment.

    Attributes
    ----------
    scene : mapping of str to Pair
        The newest frame of each channel.
    here : mapping of str to Pair
        Those that it shows: of one place, where the newest of a visible channel is.
    raw : ndarray, (Y, X) of uint32
        Ready for the screen.
    restored : ndarray or None
        The same field restored; None where nothing was.
    field_um : tuple of float
        Width and height in micrometres, or in raw pixels where their size is unknown.
    in_um : bool
        Which of the two.
    levels : mapping of str to Levels
        The contrast in force, by channel.
    histograms : mapping of str to Histogram
        Of the raw frames.
    """

    scene: Scene
    here: Scene
    raw: Words = field(repr=False)
    restored: Words | None = field(repr=False)
    field_um: tuple[float, float]
    in_um: bool
    levels: Mapping[str, Levels]
    histograms: Mapping[str, Histogram]

    @property
    def place(self) -> str:
        """Position, plane and time in words; empty where there is but one place."""
        newest = max(self.here.values(), key=lambda pair: pair.frame.ordinal)
        return place_words(newest.frame, newest.position)

    @property
    def restores(self) -> bool:
        """Whether what was made of the frames is more than interpolation."""
        made_by = {pair.restored.engine for pair in self.here.values() if pair.restored}
        return BicubicEngine.name not in made_by

    @property
    def is_computed(self) -> bool:
        """Whether the frames themselves are no scans: a file of restored ones."""
        return any(pair.computed_by for pair in self.here.values())

    @property
    def frames_restore(self) -> bool:
        """Whether frames that are computed are more than interpolation."""
        made_by = {pair.computed_by for pair in self.here.values()}
        return BicubicEngine.name not in made_by

    @property
    def consistency(self) -> Consistency | None:
        """How what it shows agrees with the scans, by the worst of its channels.

        None also where the others agree and of one it is not known.
        """
        found = [p.restored.consistency for p in self.here.values() if p.restored]
        known = [one for one in found if one is not None]
        worst = max(known, key=lambda one: one.doubtful_share, default=None)
        all_agree = worst is not None and worst.agrees
        return None if all_agree and len(known) < len(found) else worst

    def at(self, x_um: float, y_um: float) -> dict[str, tuple[int, int | None]] | None:
        """Return raw and restored counts at a place, by channel; None outside."""
        across, down = x_um / self.field_um[0], y_um / self.field_um[1]
        if not (0 <= across < 1 and 0 <= down < 1):
            return None
        return {
            channel: (
                _pick(pair.frame.pixels, across, down),
                None
                if pair.restored is None
                else _pick(pair.restored.pixels, across, down),
            )
            for channel, pair in self.here.items()
        }


def picture_of(
    scene: Scene,
    display: Display,
    before: Mapping[str, Levels] | None = None,
    *,
    full_size: bool = False,
) -> Picture:
    """Make the picture of some channels, all of one shape.

    Parameters
    ----------
    scene : dict of str to Pair
        At least one channel.
    display : Display
        How it shall look.
    before : mapping of str to Levels, optional
        The contrast of the picture before, which automatic contrast starts from.
    full_size : bool
        Whether every pixel is wanted, for a file, however small the screen is.
    """
    levels = {
        channel: _levels(pair, display.look(channel, n, len(scene)), before, channel)
        for n, (channel, pair) in enumerate(scene.items())
    }
    here = _here(scene, display)
    first = next(iter(here.values())).frame
    size_um = first.pixel_size_um or 1.0
    height, width = first.pixels.shape
    restored = {n: p.restored.pixels for n, p in here.items() if p.restored}
    raw = {n: p.frame.pixels for n, p in here.items()}
    painted = None
    if len(restored) == len(here):
        painted = _painted(restored, levels, display, scene, full_size)
        _mark_doubts(painted, here, display)
    return Picture(
        scene=scene,
        here=here,
        raw=_painted(raw, levels, display, scene, full_size),
        restored=painted,
        field_um=(width * size_um, height * size_um),
        in_um=first.pixel_size_um is not None,
        levels=levels,
        histograms={
            n: _histogram(pair.frame.pixels, display) for n, pair in scene.items()
        },
    )


def _here(scene: Scene, display: Display) -> Scene:
    """Return the channels that lie where the newest frame does.

    While a plan goes from place to place, the newest frame of another channel may be
    of another position or plane: light of two places must not be added.
    """
    seen = [
        pair.frame
        for n, (channel, pair) in enumerate(scene.items())
        if display.look(channel, n, len(scene)).visible
    ]
    frames = seen or [pair.frame for pair in scene.values()]
    place = place_of(max(frames, key=lambda frame: frame.ordinal))
    return {name: pair for name, pair in scene.items() if place_of(pair.frame) == place}


def _levels(
    pair: Pair, look: Look, before: Mapping[str, Levels] | None, channel: str
) -> Levels:
    if look.fixed is not None:
        return look.fixed
    # Of the restored picture where there is one: noise must not set the contrast.
    best = pair.frame.pixels if pair.restored is None else pair.restored.pixels
    return eased((before or {}).get(channel), auto_levels(best))


def _histogram(pixels: Pixels, display: Display) -> Histogram:
    return histogram(pixels, top_of(pixels.dtype, display.bit_depth))


def _painted(
    images: Mapping[str, Pixels],
    levels: Mapping[str, Levels],
    display: Display,
    scene: Scene,
    full_size: bool,
) -> Words:
    layers = []
    for place, channel in enumerate(scene):
        look = display.look(channel, place, len(scene))
        if look.visible and channel in images:
            pixels = images[channel]
            top = top_of(pixels.dtype, display.bit_depth)
            if not full_size:
                pixels = reduced(pixels, _factor(pixels.shape, display.room))
            layers.append(Layer(pixels, levels[channel], COLOURS[look.colour], top))
    if not layers:
        return np.full((1, 1), 0xFF000000, np.uint32)
    return paint(layers, marks=display.marks)


def _mark_doubts(painted: Words, here: Scene, display: Display) -> None:
    for place, (channel, pair) in enumerate(here.items()):
        visible = display.look(channel, place, len(here)).visible
        agrees = None if pair.restored is None else pair.restored.consistency
        if display.doubts and visible and agrees is not None:
            tint(painted, agrees.marks)


def _factor(shape: tuple[int, ...], room: tuple[int, int]) -> int:
    """Return how many pixels share one of the screen's, on each axis."""
    return max(1, min(shape[1] // max(room[0], 1), shape[0] // max(room[1], 1)))


def _pick(pixels: Pixels, across: float, down: float) -> int:
    height, width = pixels.shape
    return int(pixels[int(down * height), int(across * width)])
