"""The plan of a run as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from pssr_live.storage.disk import in_words

if TYPE_CHECKING:
    from pssr_live.scanners.scan_plan import ScanPlan
    from pssr_live.scanners.session_plan import SessionPlan


def plan_table(plan: SessionPlan) -> Table:
    """Return what a run will do and cost."""
    table = Table(title="plan", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    raw, restored = (f"{x} x {y}" for y, x in (plan.shape, plan.restored_shape))
    table.add_row("frames", f"{plan.frames} of {raw}, restored to {restored}")
    if plan.expected_s is not None:
        table.add_row("takes", duration(plan.expected_s))
    if plan.scan is not None:
        _add_scan(table, plan.scan)
    size = plan.pixel_size_um
    known = "not known to the microscope" if size is None else f"{size:g} um"
    table.add_row("pixel size", known)
    needed = plan.raw_bytes + plan.restored_bytes
    table.add_row(
        "disk", f"{in_words(needed)} of {in_words(plan.free_bytes)} that are free"
    )
    table.add_row(
        "model", f"{plan.model['name']}, enlarges {plan.model['scale']} times"
    )
    engine = plan.engine
    said = f"{engine['name']} on {engine['device']}, {engine['precision']}"
    if not engine["restores"]:
        said += " (will NOT RESTORE)"
    if plan.building:
        said += f"; being built: {', '.join(plan.building)}"
    table.add_row("engine", escape(said))
    for warning in plan.warnings:
        table.add_row("note", escape(warning))
    return table


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(4.25), duration(150), duration(9000)
    ('4.2 s', '2.5 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _add_scan(table: Table, scan: ScanPlan) -> None:
    told = scan.report()
    density = f"{told['set']}, {told['density']:.2%} of the pixels"
    table.add_row("density", escape(density))
    if scan.beam.dwell_us is not None:
        table.add_row("dwell", f"{scan.beam.dwell_us:g} us")
    table.add_row(
        "time saved",
        f"{told['time_ratio']:.1f}x: {told['frame_time_ms']:.1f} ms a frame instead of "
        f"{told['full_frame_time_ms']:.1f} ms (both by the profile)",
    )
    table.add_row("dose saved", f"{told['dose_ratio']:.1f}x")
