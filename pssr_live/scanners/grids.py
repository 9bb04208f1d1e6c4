"""Grids of a sequence, whose places follow from the size of the field.

useq works the places of a sequence out once and keeps them. One that is looked through
before the field is known keeps steps of 1 um, and the stage would hardly move. So a
sequence is only looked through as a copy that knows a field, down to the sequences of
its positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence, WellPlatePlan

from pssr_live.errors import ScannerError

Field = tuple[float, float]  # width and height in micrometres
WIDE: Field = (1e6, 1e6)  # of which most grids need one, where places do not matter


def once(sequence: MDASequence) -> list[MDAEvent]:
    """Return the events of one time point and few tiles: what they set, not where."""
    return list(in_wide_field(sequence.replace(time_plan=None)))


def in_wide_field(sequence: MDASequence) -> MDASequence:
    """Return a sequence to look through whose grids have few tiles."""
    return _with_field(sequence, WIDE, only_tiles=True)


def on_field_of(core: CMMCorePlus, sequence: MDASequence) -> MDASequence:
    """Return a sequence with the places that its run will have, as the core is set now.

    Raises
    ------
    ScannerError
        If it has a grid and nothing tells how large the field is.
    """
    if size_um := core.getPixelSizeUm():
        *_, width, height = core.getROI()
        return _with_field(sequence, (width * size_um, height * size_um))
    for grid in _grids(sequence):
        if _has_tiles(grid) and None in (grid.fov_width, grid.fov_height):
            raise ScannerError(
                "The sequence has a grid and the microscope does not know its pixel "
                "size: calibrate it in the configuration, or give the grid fov_width "
                "and fov_height in um."
            )
    return sequence


def _grids(sequence: MDASequence) -> Iterator[Any]:
    """Yield whatever spreads points over the sample."""
    places = sequence.stage_positions
    if isinstance(places, WellPlatePlan):
        yield places.well_points_plan
    within = (place.sequence for place in places if place.sequence is not None)
    for one in (sequence, *within):
        if one.grid_plan is not None:
            yield one.grid_plan


def _has_tiles(grid: Any) -> bool:
    return hasattr(grid, "overlap")  # random points lie as far apart as they happen to


def _with_field(
    sequence: MDASequence, field_um: Field, *, only_tiles: bool = False
) -> MDASequence:
    def fitted(grid: Any) -> Any:
        if only_tiles and not _has_tiles(grid):
            return grid
        width_um, height_um = field_um
        update = {"fov_width": width_um, "fov_height": height_um}
        return grid.model_copy(update=update)

    def placed(place: Any) -> Any:
        if place.sequence is None:
            return place
        within = _with_field(place.sequence, field_um, only_tiles=only_tiles)
        return place.model_copy(update={"sequence": within})

    places = sequence.stage_positions
    changes: dict[str, Any] = {}
    if sequence.grid_plan is not None:
        changes["grid_plan"] = fitted(sequence.grid_plan)
    if isinstance(places, WellPlatePlan):
        points = fitted(places.well_points_plan)
        changes["stage_positions"] = places.replace(well_points_plan=points)
    else:
        changes["stage_positions"] = tuple(map(placed, places))
    copy: MDASequence = sequence.replace(**changes)
    return copy
