"""What the names of the images in a folder tell: their order, channels, and gaps.

Programs that save each image to a file of its own number them, often along several
axes: `img_channel000_position000_time000000004_z002.tif`, `cell_t04_c1.tif`. A number
that no letter calls a channel, plane or position is time.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise

from pssr_live.frame import Series, series_of

_AXES = {
    "c": "c",
    "ch": "c",
    "channel": "c",
    "z": "z",
    "p": "p",
    "pos": "p",
    "position": "p",
    "xy": "p",
}
_NUMBER = re.compile(r"([a-z]*)=?(\d+)")


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a sorting key that puts "t2" before "t10".

    >>> sorted(["t10.tif", "t2.tif"], key=natural_key)
    ['t2.tif', 't10.tif']
    """
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]


def indices_of(names: list[str]) -> list[dict[str, int]]:
    """Return the index of each image; within a series, time follows their order.

    A number that changes alone is time, whatever it is called.

    >>> indices_of(["a_t1_c1", "a_t1_c2", "a_t2_c1", "a_t2_c2"])[1:3]
    [{'c': 1, 't': 0}, {'c': 0, 't': 1}]
    """
    in_time = [{"t": t} for t in range(len(names))]
    moving = _moving(names)
    places = {axis: column for axis, column in moving if axis}
    if len(moving) < 2 or not places:
        return in_time
    ranks = {axis: sorted(set(column)) for axis, column in places.items()}
    counted: Counter[Series] = Counter()
    indices = []
    for n in range(len(names)):
        index = {axis: ranks[axis].index(places[axis][n]) for axis in places}
        series = series_of(index)
        indices.append(index | {"t": counted[series]})
        counted[series] += 1
    alone = max(counted.values()) == 1 and len(places) < len(moving)
    return in_time if alone else indices  # two numbers that count the same images


def gaps_of(names: list[str], indices: list[dict[str, int]]) -> frozenset[int]:
    """Return the ordinals of images just before which others seem to be missing.

    That is where a single number counts, mostly in equal steps, and one step is two of
    them or more.
    """
    series: dict[Series, list[int]] = defaultdict(list)
    for ordinal, index in enumerate(indices):
        series[series_of(index)].append(ordinal)
    gaps: set[int] = set()
    for ordinals in series.values():
        gaps |= {ordinals[n] for n in _gaps([names[n] for n in ordinals])}
    return frozenset(gaps)


def are_alike(names: list[str]) -> bool:
    """Whether names differ in nothing but their numbers."""
    return len({re.sub(r"\d+", "#", name.lower()) for name in names}) < 2


def _moving(names: list[str]) -> list[tuple[str, list[int]]]:
    """Return the numbers that change from name to name, each with its axis or ""."""
    if not are_alike(names):
        return []
    words = [_AXES.get(word, "") for word, _ in _NUMBER.findall(names[0].lower())]
    rows = [[int(n) for _, n in _NUMBER.findall(name.lower())] for name in names]
    columns = [list(column) for column in zip(*rows, strict=True)]
    found = zip(words, columns, strict=True)
    return [(axis, column) for axis, column in found if len(set(column)) > 1]


def _gaps(names: list[str]) -> set[int]:
    """Return the places in a series of names before which a step is too large."""
    moving = _moving(names)
    if len(moving) != 1:
        return set()
    steps = [b - a for a, b in pairwise(moving[0][1])]
    step, times = Counter(steps).most_common(1)[0]
    if step < 1 or 2 * times <= len(steps):
        return set()
    return {n for n, at in enumerate(steps, 1) if at >= 2 * step}
