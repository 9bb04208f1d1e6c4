"""What a file says about its own frames, as JSON that outlives the program.

The same text is in a file from its first byte on (for runs that are killed) and in
the annotation of its final OME-XML, where it also lists missing frames.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.storage.layout import RunLayout
from pssr_live.storage.sites import sites_from_json, sites_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pssr_live.storage.layout import Index

NAMESPACE = "pssr-live/provenance"


@dataclass(frozen=True)
class PageFacts:
    """What the pages of one file are.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of every page.
    dtype : str
        One of `pssr_live.frame.PIXEL_TYPES`.
    pixel_size_um : float or None
        Distance of neighbouring pixels; None where unknown.
    kind : str
        "raw", "restored", "reference" or "rescan".
    """

    shape: tuple[int, int]
    dtype: str
    pixel_size_um: float | None
    kind: str


@dataclass(frozen=True)
class Provenance:
    """What is known of a file's frames at its end.

    Attributes
    ----------
    missing : tuple of int
        Ordinals of the pages that hold no frame.
    gaps : tuple of int
        Ordinals of the frames just before which the camera lost frames.
    details : mapping
        Anything else worth keeping, as JSON values: model, engine, hashes.
    """

    missing: tuple[int, ...] = ()
    gaps: tuple[int, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def provenance_json(
    facts: PageFacts,
    layout: RunLayout,
    provenance: Provenance | None = None,
    begun: Mapping[str, Any] | None = None,
) -> str:
    """Return what a file says about itself, ASCII only.

    Without `provenance` it is what is known before the first frame, with `begun` for
    its details: then the names of the pages tell which frames are missing.
    """
    said: dict[str, Any] = {
        "written_by": NAMESPACE,
        "kind": facts.kind,
        "pixel_size_um": facts.pixel_size_um,
        "layout": layout_to_json(layout),
    }
    if provenance is None:
        said |= {"details": begun} if begun else {}
    else:
        said |= {
            "missing": provenance.missing,
            "gaps": provenance.gaps,
            "details": provenance.details,
        }
    return json.dumps(said, default=str)


def layout_to_json(layout: RunLayout) -> dict[str, Any]:
    """Return a layout as JSON; nested loops take one line, not one a frame."""
    frames: dict[str, Any] = {}
    if layout.indices is not None:
        loops = _loops(layout.indices)
        frames = {"indices": [dict(i) for i in layout.indices]}
        if loops is not None:
            frames = {"loops": loops}
    sites = {"sites": sites_to_json(layout.sites)} if layout.sites else {}
    return {
        **frames,
        "channel_names": list(layout.channel_names),
        "interval_s": layout.interval_s,
        "z_step_um": layout.z_step_um,
        **sites,
    }


def layout_from_json(stored: Mapping[str, Any]) -> RunLayout:
    """Return the layout that `layout_to_json` stored."""
    indices = stored.get("indices")
    if (loops := stored.get("loops")) is not None:
        axes = [axis for axis, _ in loops]
        turns = itertools.product(*(range(size) for _, size in loops))
        indices = [dict(zip(axes, at, strict=True)) for at in turns]
    return RunLayout(
        None if indices is None else tuple(indices),
        tuple(stored.get("channel_names") or ()),
        stored.get("interval_s"),
        stored.get("z_step_um"),
        sites_from_json(stored.get("sites") or ()),
    )


def _loops(indices: Sequence[Index]) -> list[tuple[str, int]] | None:
    """Return the nested loops that give these indices, outermost first, or None."""
    if not indices or len({tuple(i) for i in indices}) > 1:
        return None
    axes = list(indices[0])
    sizes = [max(i[axis] for i in indices) + 1 for axis in axes]
    if int(np.prod([1, *sizes])) != len(indices):
        return None
    turns = itertools.product(*(range(size) for size in sizes))
    same = all(tuple(i.values()) == at for i, at in zip(indices, turns, strict=True))
    return list(zip(axes, sizes, strict=True)) if same else None
