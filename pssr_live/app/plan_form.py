"""The plan of an MDA as a simple form: time, planes, channels, positions. No Qt.

The form changes only what it shows; whatever else a loaded sequence holds stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from useq import MDASequence, TIntervalLoops, ZRangeAround

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
        if self.z_range_um <= 0 or self.z_step_um <= 0:
            return 1
        return int(self.z_range_um / self.z_step_um + 1e-9) + 1

    @property
    def frames(self) -> int:
        """How many frames the plan gives."""
        places = max(1, len(self.positions_um)) * max(1, len(self.channels))
        return self.loops * self.planes * places


def sequence_of(form: PlanForm, base: MDASequence | None = None) -> MDASequence:
    """Return the sequence of a form.

    Parameters
    ----------
    form : PlanForm
        What it shows.
    base : MDASequence, optional
        A loaded sequence; what the form does not show is taken from it.

    Raises
    ------
    ScannerError
        If the plan makes no sense.
    """
    try:
        parts = _parts(form)
        return MDASequence(**parts) if base is None else base.replace(**parts)
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise ScannerError(f"The plan makes no sense: {said}; correct it.") from error


def form_of(sequence: MDASequence) -> PlanForm | None:
    """Return the form of a sequence; None if it holds what the form cannot show."""
    form = PlanForm(
        loops=_loops(sequence),
        interval_s=_interval_s(sequence),
        z_range_um=float(getattr(sequence.z_plan, "range", 0.0) or 0.0),
        z_step_um=float(getattr(sequence.z_plan, "step", 0.5) or 0.5),
        channels=tuple((c.group, c.config) for c in sequence.channels),
        positions_um=tuple(
            (float(p.x or 0), float(p.y or 0), None if p.z is None else float(p.z))
            for p in sequence.stage_positions
        ),
    )
    again = sequence_of(form, sequence)
    same = [e.index for e in again] == [e.index for e in sequence]
    return form if same and _events(again) == _events(sequence) else None


def write_sequence(path: Path, sequence: MDASequence) -> None:
    """Save a plan as YAML.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with disk_errors("The plan", path):
        path.write_text(sequence.yaml(exclude_unset=True) or "", "utf-8")


def _parts(form: PlanForm) -> dict[str, Any]:
    """Return the entries of a sequence that the form shows."""
    return {
        "time_plan": TIntervalLoops(
            interval=timedelta(seconds=form.interval_s), loops=form.loops
        ),
        "z_plan": ZRangeAround(range=form.z_range_um, step=form.z_step_um)
        if form.planes > 1
        else None,
        "channels": [{"group": g, "config": c} for g, c in form.channels],
        "stage_positions": [
            {"x": x, "y": y} | ({} if z is None else {"z": z})
            for x, y, z in form.positions_um
        ],
    }


def _loops(sequence: MDASequence) -> int:
    times = sequence.time_plan
    return 1 if times is None else max(1, len(list(times)))


def _interval_s(sequence: MDASequence) -> float:
    interval = getattr(sequence.time_plan, "interval", None)
    return 0.0 if interval is None else float(interval.total_seconds())


def _events(sequence: MDASequence) -> list[tuple[object, ...]]:
    return [
        (e.min_start_time, e.z_pos, e.x_pos, e.y_pos, e.channel, e.exposure)
        for e in sequence
    ]
