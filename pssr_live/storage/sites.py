"""Where the stage was for each image of a run, and what its position is called.

One `Site` holds for all times and channels of an image, so that a long run takes no
more room than a short one. What moves within an image is its planes, by z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ImageKey = tuple[tuple[str, int], ...]
Um = tuple[float | None, ...]  # by z; one value holds for all planes, none: not known

DECIMALS = 4  # of micrometres, finer than any stage; more is noise of arithmetic


class StagePoint(NamedTuple):
    """Where the stage was, in micrometres; None for an axis that is not known."""

    x_um: float | None = None
    y_um: float | None = None
    z_um: float | None = None


NOWHERE = StagePoint()


@dataclass(frozen=True, slots=True)
class Site:
    """The place of one image and the name of its position.

    Attributes
    ----------
    at : tuple of (str, int)
        Which image, as by `image_key`.
    name : str
        As a person gave it, of any characters; empty where nobody did.
    x_um, y_um, z_um : tuple of (float or None)
        Of the stage, for each plane; a single value holds for all of them.
    """

    at: ImageKey
    name: str = ""
    x_um: Um = ()
    y_um: Um = ()
    z_um: Um = ()

    def stage_at(self, z: int) -> StagePoint:
        """Return where the stage was for a plane."""
        return StagePoint(*(_of_plane(um, z) for um in self._axes))

    def within(self, axis: str, number: int) -> Site:
        """Return the site of one image of several that were taken at this place."""
        return replace(self, at=image_key({**dict(self.at), axis: number}))

    @property
    def _axes(self) -> tuple[Um, Um, Um]:
        return self.x_um, self.y_um, self.z_um


class SitesTold:
    """Gathers the sites of a run, or of a file, from what is told of its frames."""

    def __init__(self) -> None:
        self._names: dict[ImageKey, str] = {}
        self._planes: dict[ImageKey, dict[int, tuple[int, int, StagePoint]]] = {}

    def take(
        self, index: Mapping[str, int], point: StagePoint = NOWHERE, name: str = ""
    ) -> None:
        """Take note of a frame: of each plane the first one, by t and c, counts."""
        key, z = image_key(index), index.get("z", 0)
        if name:
            self._names.setdefault(key, name)
        planes = self._planes.setdefault(key, {})
        t, c = index.get("t", 0), index.get("c", 0)
        told = planes.get(z)
        if told is not None and told[2] != NOWHERE and told[:2] <= (t, c):
            return  # as for most frames of a long run
        point = _rounded(point)
        if told is None or point != NOWHERE:
            planes[z] = t, c, point

    def sites(self) -> tuple[Site, ...]:
        """Return a site for each image of which anything is known."""
        found = (self._site(key, planes) for key, planes in self._planes.items())
        return tuple(one for one in found if one != Site(one.at))

    def _site(
        self, key: ImageKey, planes: Mapping[int, tuple[int, int, StagePoint]]
    ) -> Site:
        points = {z: point for z, (*_, point) in planes.items()}
        axes = (_column({z: p[axis] for z, p in points.items()}) for axis in range(3))
        return Site(key, self._names.get(key, ""), *axes)


def image_key(index: Mapping[str, int]) -> ImageKey:
    """Return what tells one image from another: `p` first, then other axes."""
    rest = [(axis, at) for axis, at in index.items() if axis not in "tcz"]
    return tuple(sorted(rest, key=lambda pair: (pair[0] != "p", pair[0])))


def sites_to_json(sites: Iterable[Site]) -> list[dict[str, Any]]:
    """Return sites as JSON, without what is not known."""
    names = ("name", "x_um", "y_um", "z_um")
    return [
        {"at": dict(site.at)}
        | {name: value for name in names if (value := getattr(site, name))}
        for site in sites
    ]


def sites_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[Site, ...]:
    """Return the sites that `sites_to_json` stored."""
    return tuple(
        Site(
            image_key(one["at"]),
            one.get("name", ""),
            *(tuple(one.get(axis, ())) for axis in ("x_um", "y_um", "z_um")),
        )
        for one in stored
    )


def _column(by_z: Mapping[int, float | None]) -> Um:
    """Return the values of all planes, in short."""
    values = set(by_z.values())
    if len(values) == 1:
        return () if None in values else tuple(values)
    return tuple(by_z.get(z) for z in range(max(by_z) + 1))


def _of_plane(um: Um, z: int) -> float | None:
    if len(um) == 1:
        return um[0]
    return um[z] if z < len(um) else None


def _rounded(point: StagePoint) -> StagePoint:
    # Adding 0 makes a zero of minus zero.
    return StagePoint(
        *(
            round(float(um), DECIMALS) + 0.0
            if um is not None and math.isfinite(um)
            else None
            for um in point
        )
    )
