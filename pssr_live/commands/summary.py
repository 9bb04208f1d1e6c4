"""The report of a run as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table


def run_table(report: Mapping[str, Any], folder: Path) -> Table:
    """Return the account of a run: frames, times, engine, and what was saved."""
    table = Table(title=escape(f"{report['status']}: {folder}"), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if report["reason"]:
        table.add_row("why", escape(report["reason"]))
    table.add_row(
        "frames",
        f"{report['frames_acquired']} acquired, {report['frames_restored']} restored, "
        f"{report['frames_deferred']} of them after the run, "
        f"{report['frames_lost']} lost",
    )
    if report["fps"]:
        table.add_row("rate", f"{report['fps']:.1f} frames/s")
    if report["latency_ms"]:
        late = report["latency_ms"]
        table.add_row(
            "delay to picture", f"{late['p50']:.0f} ms, 95 % under {late['p95']:.0f} ms"
        )
    engine = report["engine"]
    said = f"{engine['name']} on {engine['device']}, {engine['precision']}"
    said = said if engine["restores"] else f"{said} (NOT RESTORED)"
    table.add_row("engine", escape(said))
    for name, why in engine["refused"].items():
        if name not in engine["absent"]:
            table.add_row("not used", escape(f"{name}: {why}"))
    if engine["absent"]:
        absent = ", ".join(engine["absent"])
        table.add_row("not here", f"{absent}: `pssr-live doctor` says why")
    model = report["model"]
    table.add_row("model", f"{model['name']}, looks {model['lookahead']} frames ahead")
    _add_scan(table, report.get("scan"))
    _add_quality(table, report.get("quality"))
    return table


def _add_scan(table: Table, scan: Mapping[str, Any] | None) -> None:
    if scan is None or "time_ratio" not in scan:
        return
    table.add_row(
        "time saved",
        f"{scan['time_ratio']:.1f}x: {scan['frame_time_ms']:.1f} ms a frame instead "
        f"of {scan['full_frame_time_ms']:.1f} ms ({_origin(scan)})"
        + _less_references(scan["time_ratio"], scan.get("reference_time_share")),
    )
    dwell_us = scan["dwell_us"]
    at = "" if dwell_us is None else f" at {dwell_us:g} us"
    less = _less_references(scan["dose_ratio"], scan.get("reference_dose_share"))
    table.add_row("dose saved", f"{scan['dose_ratio']:.1f}x{at}{less}")


def _less_references(ratio: float, share: float | None) -> str:
    """Return what a saving comes down to where references took a share."""
    return f"; {ratio * (1 - share):.1f}x with the references" if share else ""


def _origin(scan: Mapping[str, Any]) -> str:
    low, full = scan["frame_time_is"], scan["full_frame_time_is"]
    return f"both {low}" if low == full else f"{low}, and {full}"


def _add_quality(table: Table, quality: Mapping[str, Any] | None) -> None:
    if quality is None:
        return
    if (references := quality.get("references")) is not None:
        table.add_row("references", references_line(references))
    if (agrees := quality.get("consistency")) is not None:
        table.add_row("against the scans", consistency_line(agrees))
    if "psnr_db" not in quality:
        return
    table.add_row(
        "against the truth",
        f"PSNR {quality['psnr_db']:.2f} dB (bicubic {quality['bicubic_psnr_db']:.2f}), "
        f"SSIM {quality['ssim']:.3f} (bicubic {quality['bicubic_ssim']:.3f})",
    )


def consistency_line(agrees: Mapping[str, Any]) -> str:
    """Return in one line how restored frames agree with their scans."""
    well = agrees["frames"] - agrees["frames_doubtful"]
    said = f"{well} of {agrees['frames']} frames agree within noise"
    return f"{said}, misfit {agrees['misfit_median']:.2f}"


def references_line(references: Mapping[str, Any]) -> str:
    """Return the mean scores of a session's references in one line."""
    mean = references["mean"]
    if mean is None:
        return "none could be scored"
    said = (
        f"{len(references['list'])} scored: "
        f"PSNR {mean['psnr_db']:.2f} dB (bicubic {mean['bicubic_psnr_db']:.2f})"
    )
    clean, plain = mean["noise_free_psnr_db"], mean["bicubic_noise_free_psnr_db"]
    if clean is not None and plain is not None:
        said += f", without their own noise {clean:.2f} dB (bicubic {plain:.2f})"
    return f"{said}, SSIM {mean['ssim']:.3f} (bicubic {mean['bicubic_ssim']:.3f})"
