"""The plan of an MDA as a simple form: time, planes, channels, positions. No Qt.

The form changes only what it shows; whatever else a loaded sequence holds stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from useq import (
    Channel,
    MDASequence,
    MultiPhaseTimePlan,
    Position,
    TIntervalLoops,
    ZRangeAround,
)

from pssr_live.errors import ScannerError
from pssr_live.storage.disk import disk_errors


@dataclass(frozen=True, slots=True)
class PlanForm:
    """What the form shows.

    Attributes
    ----------
    loops : int
        Time points.
    interval_s : float
        Seconds between them; 0: as fast as it goes.
    z_range_um, z_step_um : float
        Planes around the focus; a range of 0 means one plane.
    channels : tuple of (group, preset)
        Empty: as the microscope is set.
    positions_um : tuple of (x, y, z or None)
        Empty: where the stage stands.
    """

    loops: int = 60
    interval_s: float = 0.0
    z_range_um: float = 0.0
    z_step_um: float = 0.5
    channels: tuple[tuple[str, str], ...] = ()
    positions_um: tuple[tuple[float, float, float | None], ...] = ()

    @property
    def planes(self) -> int:
        """How many planes a stack has."""
        reach, step = self.z_range_um / 2, self.z_step_um
        if reach <= 0 or step <= 0:
            return 1
        return math.ceil((reach + step / 2 + reach) / step)  # as useq counts them

    @property
    def frames(self) -> int:
        """How many frames the plan gives."""
        places = max(1, len(self.positions_um)) * max(1, len(self.channels))
        return self.loops * self.planes * places

    @property
    def in_words(self) -> str:
        """What makes its frames, so that a slip in one of the numbers is seen.

        >>> PlanForm(2, channels=(("Channel", "DAPI"), ("Channel", "FITC"))).in_words
        '4 frames: 2 time points × 2 channels'
        """
        kinds = (
            (self.loops, "time point"),
            (len(self.positions_um), "position"),
            (len(self.channels), "channel"),
            (self.planes, "plane"),
        )
        parts = [_counted(count, one) for count, one in kinds if count > 1]
        frames = _counted(self.frames, "frame")
        return f"{frames}: {' × '.join(parts)}" if len(parts) > 1 else frames


def _counted(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def sequence_of(form: PlanForm, base: MDASequence | None = None) -> MDASequence:
    """Return the sequence of a form.

    Parameters
    ----------
    form : PlanForm
        What it shows.
    base : MDASequence, optional
        A loaded sequence. What the form does not show, or shows as it is there, is
        taken from it.

    Raises
    ------
    ScannerError
        If the plan makes no sense.
    """
    try:
        if base is None:
            return MDASequence(**_parts(form, MDASequence()))
        parts = _changed_parts(form, base)
        return base.replace(**parts) if parts else base
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise ScannerError(f"The plan makes no sense: {said}; correct it.") from error


def form_of(sequence: MDASequence) -> PlanForm | None:
    """Return the form of a sequence; None if it holds what the form cannot show.

    The frames are not counted out one by one: a plan may have millions.
    """
    return _form(sequence) if _is_showable(sequence) else None


def write_sequence(path: Path, sequence: MDASequence) -> None:
    """Save a plan as YAML.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with disk_errors("The plan", path):
        path.write_text(sequence.yaml(exclude_unset=True) or "", "utf-8")


def _form(sequence: MDASequence) -> PlanForm:
    plan = sequence.z_plan
    stack = plan if isinstance(plan, ZRangeAround) else None
    return PlanForm(
        loops=_loops(sequence),
        interval_s=_interval_s(sequence),
        z_range_um=0.0 if stack is None else float(stack.range),
        z_step_um=0.5 if stack is None else float(stack.step),
        channels=tuple((c.group, c.config) for c in sequence.channels),
        positions_um=tuple(_place(p) for p in sequence.stage_positions),
    )


def _is_showable(sequence: MDASequence) -> bool:
    """Return whether the form would give just the frames of a sequence."""
    places, stack = sequence.stage_positions, sequence.z_plan
    channels = sequence.channels
    return (
        sequence.grid_plan is None
        and not isinstance(sequence.time_plan, MultiPhaseTimePlan)
        and (stack is None or _is_plain_stack(stack))
        and all(c.do_stack and c.acquire_every == 1 for c in channels)
        and len({(c.group, c.config) for c in channels}) == len(channels)
        and isinstance(places, tuple)
        and all(_is_plain_place(place) for place in places)
        and _used_axes(sequence) <= {str(axis) for axis in sequence.axis_order}
    )


def _is_plain_stack(stack: object) -> bool:
    return isinstance(stack, ZRangeAround) and stack.range > 0 and stack.step > 0


def _is_plain_place(place: Position) -> bool:
    return place.sequence is None and place.x is not None and place.y is not None


def _used_axes(sequence: MDASequence) -> set[str]:
    has = {
        "t": sequence.time_plan,
        "z": sequence.z_plan,
        "c": sequence.channels,
        "p": sequence.stage_positions,
    }
    return {axis for axis, plan in has.items() if plan}


def _changed_parts(form: PlanForm, base: MDASequence) -> dict[str, Any]:
    """Return the entries of a sequence that the form shows otherwise than `base`."""
    before, parts = _form(base), _parts(form, base)
    same = {
        "time_plan": (form.loops, form.interval_s) == (before.loops, before.interval_s),
        "z_plan": (form.z_range_um, form.z_step_um)
        == (before.z_range_um, before.z_step_um),
        "channels": form.channels == before.channels,
        "stage_positions": form.positions_um == before.positions_um,
    }
    return {name: part for name, part in parts.items() if not same[name]}


def _parts(form: PlanForm, base: MDASequence) -> dict[str, Any]:
    """Return the entries of a sequence that the form shows.

    Channels and positions that `base` has too keep what the form does not show of
    them: an exposure, an offset, a name.
    """
    return {
        "time_plan": TIntervalLoops(
            interval=timedelta(seconds=form.interval_s), loops=form.loops
        ),
        "z_plan": _stack(form, base) if form.planes > 1 else None,
        "channels": _channels(form, base.channels),
        "stage_positions": _positions(form, base.stage_positions),
    }


def _stack(form: PlanForm, base: MDASequence) -> ZRangeAround:
    go_up = True if base.z_plan is None else base.z_plan.go_up
    return ZRangeAround(range=form.z_range_um, step=form.z_step_um, go_up=go_up)


def _channels(
    form: PlanForm, known: Iterable[Channel]
) -> list[Channel | dict[str, str]]:
    kept = {(c.group, c.config): c for c in known}
    return [
        kept.get((group, config)) or {"group": group, "config": config}
        for group, config in form.channels
    ]


def _positions(
    form: PlanForm, known: Iterable[Position]
) -> list[Position | dict[str, float]]:
    left = list(known)
    found: list[Position | dict[str, float]] = []
    for x, y, z in form.positions_um:
        same = [one for one in left if _place(one) == (x, y, z)]
        if same:  # each once: two wells may share a place, and not a name
            left.remove(same[0])
        new = {"x": x, "y": y} | ({} if z is None else {"z": z})
        found.append(same[0] if same else new)
    return found


def _place(place: Position) -> tuple[float, float, float | None]:
    x, y = float(place.x or 0), float(place.y or 0)
    return x, y, None if place.z is None else float(place.z)


def _loops(sequence: MDASequence) -> int:
    times = sequence.time_plan
    return 1 if times is None else max(1, times.num_timepoints())


def _interval_s(sequence: MDASequence) -> float:
    times = sequence.time_plan
    if times is None or times.num_timepoints() < 2:
        # The interval of one time point means nothing, and useq may divide by 0 for it.
        given = times.interval if isinstance(times, TIntervalLoops) else timedelta(0)
        return float(given.total_seconds())
    interval = getattr(times, "interval", None)
    return 0.0 if interval is None else float(interval.total_seconds())
