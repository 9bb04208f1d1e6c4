"""Where a frame was taken, as words: position, plane and time. Pure; knows no Qt."""

from __future__ import annotations

from pssr_live.frame import Frame

IN_PLACE = ("t", "c", "cam")  # what may differ between frames of one place
_NAMES = {"p": "position", "g": "tile", "z": "plane"}


def place_of(frame: Frame) -> dict[str, int]:
    """Return what tells the place of a frame from another: position, tile, plane."""
    return {axis: at for axis, at in frame.index.items() if axis not in IN_PLACE}


def place_words(frame: Frame, position: str = "") -> str:
    """Return the place and the time of a frame, counted from 1 as by the sliders.

    Empty where there is but one place. `position` is what its position is called.

    >>> import numpy as np
    >>> frame = Frame(np.zeros((2, 2), np.uint8), 0, {"t": 2, "p": 0, "c": 1, "z": 4})
    >>> place_words(frame), place_words(frame, "A3")
    ('position 1, plane 5, time 3', 'A3, plane 5, time 3')
    """
    place = dict(sorted(place_of(frame).items(), key=lambda one: "pgz".find(one[0])))
    if not place:
        return ""
    words = {axis: f"{_NAMES.get(axis, axis)} {at + 1}" for axis, at in place.items()}
    if position:
        words = {"p": position, **{a: said for a, said in words.items() if a != "p"}}
    if "t" in frame.index:
        words["t"] = f"time {frame.index['t'] + 1}"
    return ", ".join(words.values())
