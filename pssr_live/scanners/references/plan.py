"""When a reference is taken and of what: MDA events, and what they cost in dose.

A reference is a scan at full density of a field that has just been scanned coarsely.
One of the whole field costs as much dose as scale^2 coarse frames, so it is taken
seldom, or of a tile only: with scale 4 the middle sixteenth of the field every 50
frames, or the whole field every 800, are 2 % of the dose.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

from useq import AcquireImage, CustomAction, MDAEvent

from pssr_live.errors import SettingsError
from pssr_live.frame import Series, series_of
from pssr_live.scanners.references.tile import (
    SENTINEL,
    Tile,
    check_tile,
    tile_rectangle,
)

ACTION = "pssr_live.reference"
DOSE_SHARE = 0.02  # of a run's dose that references may take if nobody says otherwise

Setting = tuple[str, str, Any]  # device, property, value
Every = int | Literal["auto"] | None


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """What references a run should have.

    Attributes
    ----------
    every : int or None
        Frames of a series (channel, position, plane) from one reference to the next;
        None: as often as `DOSE_SHARE` allows.
    tile : float or tuple of int
        Part of the field that is scanned, 0..1, from its middle; 1 is all of it. Or
        a rectangle (x, y, width, height) in pixels of the coarse scan.
    density : tuple of (device, property, value)
        What gives full density; empty: found out from the scanner.

    Raises
    ------
    SettingsError
        If one of them makes no sense.
    """

    every: int | None = None
    tile: Tile = SENTINEL
    density: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        if self.every is not None and not _counts(self.every):
            raise SettingsError(
                f"A reference every {self.every!r} frames makes no sense: give 1 or "
                "more."
            )
        check_tile(self.tile)

    def spacing(self, scale: int, raw_shape: tuple[int, int]) -> int:
        """Return the frames from one reference to the next, for a field (Y, X)."""
        if self.every is not None:
            return self.every
        _, _, width, height = tile_rectangle(self.tile, raw_shape, scale)
        return default_spacing(scale, width * height / (raw_shape[0] * raw_shape[1]))


def _counts(every: object) -> bool:
    """Tell whether something is a number of frames, also one of numpy's."""
    return isinstance(every, Integral) and int(every) >= 1


def reference_plan(
    every: Every, tile: Tile = SENTINEL, density: Iterable[Setting] = ()
) -> ReferencePlan | None:
    """Return what a person asked for: None for no references.

    Raises
    ------
    SettingsError
        As `ReferencePlan`.
    """
    if every is None:
        check_tile(tile)
        return None
    return ReferencePlan(None if every == "auto" else every, tile, tuple(density))


def default_spacing(
    scale: int, tile_share: float = SENTINEL, dose_share: float = DOSE_SHARE
) -> int:
    """Return after how many coarse frames a reference costs no more than its share.

    Parameters
    ----------
    scale : int
        How many times more pixels per axis a reference has.
    tile_share : float
        Part of the field that it covers.
    dose_share : float
        Part of the coarse frames' dose that references may add.

    >>> default_spacing(4, tile_share=1), default_spacing(4)
    (800, 50)
    """
    # Rounded first: 16 / 0.02 must not become 801 for the sake of a last digit.
    return max(1, math.ceil(round(scale**2 * tile_share / dose_share, 6)))


def reference_event(
    frame: MDAEvent, tile: Tile = SENTINEL, density: Iterable[Setting] = ()
) -> MDAEvent:
    """Return the event that takes a reference for the frame of another event."""
    data: dict[str, Any] = {"tile": list(tile) if isinstance(tile, tuple) else tile}
    if settings := [list(setting) for setting in density]:
        data["density"] = settings
    return frame.model_copy(
        update={
            "action": CustomAction(name=ACTION, data=data),
            "metadata": {},
            "min_start_time": None,  # at once, whenever its frame was due
            "reset_event_timer": False,
            "slm_image": None,  # a pattern of light is meant for its frame only
        }
    )


def plan_of(event: MDAEvent) -> ReferencePlan:
    """Return what a reference event asks for.

    Raises
    ------
    SettingsError
        If what it asks for makes no sense.
    """
    data: Mapping[str, Any] = getattr(event.action, "data", {})
    tile = data.get("tile", SENTINEL)
    density = tuple((str(d), str(p), value) for d, p, value in data.get("density", ()))
    return ReferencePlan(
        tile=tuple(tile) if isinstance(tile, list) else tile, density=density
    )


def is_reference(event: MDAEvent) -> bool:
    """Tell whether an event takes a reference."""
    return isinstance(event.action, CustomAction) and event.action.name == ACTION


def with_references(
    events: Iterable[MDAEvent],
    every: int,
    tile: Tile = SENTINEL,
    density: Iterable[Setting] = (),
) -> Iterator[MDAEvent]:
    """Yield the events of a run, and references among them at fixed places.

    After each `every`th frame of a series (channel, position, plane) follows the
    reference of that frame, while the hardware still stands as it did. A block that
    the hardware runs by itself is not split; its last frame gets the reference.

    Parameters
    ----------
    events : iterable of MDAEvent
        An `MDASequence` or any other source of events.
    every, tile, density
        As in `ReferencePlan`.
    """
    plan = ReferencePlan(every, tile, tuple(density))
    counts: Counter[Series] = Counter()
    for event in events:
        yield event
        frames = [e for e in getattr(event, "events", (event,)) if _is_frame(e)]
        due = False
        for frame in frames:
            series = series_of(dict(frame.index))
            counts[series] += 1
            due = due or counts[series] % every == 0
        if due:
            yield reference_event(frames[-1], plan.tile, plan.density)


def _is_frame(event: MDAEvent) -> bool:
    return event.action is None or isinstance(event.action, AcquireImage)
