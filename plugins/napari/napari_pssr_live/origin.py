"""What a file shows, said honestly: scanned, restored, or only interpolated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from napari_pssr_live.lazy import OpenMovie
from pssr_live.engines.bicubic import BicubicEngine
from pssr_live.storage.session import FRAMES, RESTORED, read_log


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the pictures of a file come from.

    Attributes
    ----------
    file : str
        Its path.
    kind : str
        "raw", "restored" or "reference"; for files of others, their name.
    frames : int
        How many pictures it holds, without missing ones.
    interpolated : frozenset of int
        Ordinals of those that no network had a part in.
    details : dict
        What the file tells about its model and engine.
    """

    file: str
    kind: str
    frames: int
    interpolated: frozenset[int]
    details: dict[str, Any]

    @classmethod
    def of(cls, opened: OpenMovie) -> Self:
        """Look at a file and, in a session, at its diary.

        Raises
        ------
        StorageError
            If the diary is damaged.
        """
        movie = opened.movie
        kind = str(movie.provenance.get("kind") or opened.path.name)
        details = dict(movie.provenance.get("details") or {})
        present = frozenset(range(len(movie))) - movie.missing
        drawn = _interpolated(opened, details) if kind == "restored" else frozenset()
        return cls(str(opened.path), kind, len(present), present & drawn, details)

    @property
    def label(self) -> str:
        """What a layer of this file is called."""
        if self.kind != "restored":
            return self.kind
        if not self.interpolated:
            return "restored (computed)"
        if len(self.interpolated) == self.frames:
            return "interpolated (not restored)"
        share = f"{len(self.interpolated)} of {self.frames}"
        return f"restored (computed; {share} only interpolated)"

    def facts(self) -> dict[str, Any]:
        """Return what a layer's metadata tell, as plain values."""
        return {
            "file": self.file,
            "kind": self.kind,
            "interpolated_frames": sorted(self.interpolated),
            "details": self.details,
        }


def _interpolated(opened: OpenMovie, details: dict[str, Any]) -> frozenset[int]:
    """Return the ordinals of frames that were not restored.

    The diary of a session tells it for each frame. Any other file tells only which
    engine it ended with: if that one does not restore, no frame is vouched for.
    """
    engine = details.get("engine", {})
    failed = engine.get("restores", True) is False
    diary = opened.path.with_name(FRAMES)
    if opened.path.name == RESTORED and diary.is_file():
        names = {BicubicEngine.name} | ({engine.get("name")} if failed else set())
        return frozenset(
            line["ordinal"]
            for line in read_log(diary)
            if line["status"] == "restored" and line.get("engine") in names
        )
    return frozenset(range(len(opened.movie)) if failed else ())
