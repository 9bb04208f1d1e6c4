"""The engine in use, why no better one is, and what to say when it falls. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def engine_line(report: Mapping[str, Any] | None) -> str:
    """Return the engine in a few words."""
    if report is None:
        return "no engine yet"
    said = f"{report['name']} on {report['device']}, {report['precision']}"
    return said if report["restores"] else f"{said}: NOT RESTORED"


def why_lines(report: Mapping[str, Any] | None) -> str:
    """Return how the engine proved itself, and why better ones are not used."""
    if report is None:
        return "An engine is chosen when a model is loaded."
    error = report["self_test_error"]
    lines = (
        ["It only interpolates: nothing was proved."]
        if error is None
        else [f"It gave the model's stored result, to within {error:.1g}."]
    )
    lines += [f"{name}: {reason}" for name, reason in report["refused"].items()]
    return "\n".join(lines)


def fall_of(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> str | None:
    """Return what to say if the engine was replaced by a lesser one; None if not."""
    if now is None or before is None or before["name"] == now["name"]:
        return None
    reason = now["refused"].get(before["name"])
    if reason is None:  # a better one took over
        return None
    does = (
        f"{now['name']} has taken over"
        if now["restores"]
        else "pictures are only interpolated now, NOT restored"
    )
    return f"The engine {before['name']} failed ({reason.rstrip('.')}): {does}."


def only_interpolates(report: Mapping[str, Any] | None) -> str | None:
    """Return what to say if no engine restores from the beginning; None if one does."""
    if report is None or report["restores"]:
        return None
    if not report["refused"]:
        return "Interpolation was asked for, and not the model: nothing is restored."
    failed = [n for n in report["refused"] if n not in report["absent"]]
    because = f" ({', '.join(failed)} failed)" if failed else ""
    return (
        f"No engine can run the model here{because}: pictures are only interpolated, "
        "NOT restored; let the mouse rest on the engine, below, to see why."
    )
