"""Restorations that were stopped or killed: what they left, and what they finished.

A file that is not finished tells from its first byte on what it is made of, so that
nobody goes on with it from another movie, model or engine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pssr_live.errors import StorageError
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.mending import holds_frames, reopen
from pssr_live.storage.movie import open_movie
from pssr_live.storage.pages import PageFile
from pssr_live.storage.provenance import provenance_json
from pssr_live.storage.unfinished import survey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pssr_live.storage.layout import RunLayout
    from pssr_live.storage.provenance import PageFacts


def begin_or_resume(
    part: Path, facts: PageFacts, layout: RunLayout, begun: Mapping[str, Any]
) -> PageFile:
    """Return the file to restore into: what was left of it, or a new one.

    Parameters
    ----------
    part : Path
        The file; need not exist.
    facts, layout : PageFacts, RunLayout
        What its pages are.
    begun : mapping
        What they are made of, as JSON values.

    Raises
    ------
    StorageError
        If what is there is made of something else, or the disk fails.
    """
    if not holds_frames(part):
        with disk_errors("The restored movie", part):
            part.unlink(missing_ok=True)
        return PageFile.create(
            part,
            layout,
            facts.shape,
            facts.dtype,
            facts.pixel_size_um,
            facts.kind,
            begun,
        )
    found = survey(part)
    wanted = json.loads(provenance_json(facts, layout, begun=begun))
    told = {} if found is None else dict(found.said)
    same = found is not None and found.pages.facts == facts and told == wanted
    file = reopen(part) if same else None
    if file is None:
        others = _differences(told, wanted) or "other pixels"
        raise StorageError(
            f"{part} was begun with another movie, model or engine ({others}): give "
            "those, or begin anew with --overwrite instead of --resume."
        )
    return file


def check_restored(source: Path, target: Path, model: Mapping[str, Any]) -> int:
    """Refuse a target that is not the whole of this restoration.

    Parameters
    ----------
    source, target : Path
        The movie, and the file that should be its restoration.
    model : mapping
        `Restorer.model_report` of what would restore it.

    Returns
    -------
    int
        Number of frames that it has.

    Raises
    ------
    StorageError
        If it is anything else.
    """
    if not is_restored(source, target, model):
        raise StorageError(
            f"{target} exists and is not the movie {source} restored by "
            f"{model['name']}: choose another -o, or replace it with --overwrite."
        )
    with open_movie(target) as movie:
        return len(movie) - len(movie.missing)


def is_restored(source: Path, path: Path, model: Mapping[str, Any]) -> bool:
    """Whether a file is, from its first to its last byte, a movie restored by a model.

    One that was killed just before it got its name is.
    """
    try:
        with open_movie(path) as movie:
            said = movie.provenance
    except StorageError:
        return False
    told, made_of = said.get("details", {}), (source.name, dict(model))
    finished = "missing" in said
    return finished and (told.get("source"), told.get("model")) == made_of


def _differences(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return what a file says of itself where that is not what is wanted."""
    flat = [said | said.pop("details", {}) for said in (dict(told), dict(wanted))]
    return ", ".join(
        f"its {key} is {flat[0][key]}"
        for key in ("source", "engine", "model", "pixel_size_um")
        if key in flat[0] and flat[0][key] != flat[1].get(key)
    )
