"""The name of a frame's channel: one of the plan, or one that the run learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pssr_live.storage.layout import Index


def channel_name(
    planned: Sequence[str], told: Sequence[Mapping[str, Any]], index: Index
) -> str:
    """Return the channel's name of a frame of `index`; empty where it is not known.

    Parameters
    ----------
    planned : sequence of str
        Names by their number in the index.
    told : sequence of mappings
        Names that a session learned on the way, each with its place in the index.
    index : mapping
        The frame's MDA index.
    """
    if fits := [one for one in told if _is_at(one, index)]:
        return str(max(fits, key=len)["name"])  # what tells most of its place
    c = index.get("c", 0)
    return planned[c] if c < len(planned) else ""


def _is_at(told: Mapping[str, Any], index: Index) -> bool:
    at = {axis: n for axis, n in told.items() if axis != "name"}
    # A frame without a position is at the first one; one without a series of its own
    # is in none, not in the first that was ever asked for.
    return at == {axis: index.get(axis, 0 if axis in "cp" else None) for axis in at}
