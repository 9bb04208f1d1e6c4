"""Files that `pages.PageFile` wrote, finished or not, with all they know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pssr_live.errors import StorageError
from pssr_live.storage.contents import Contents, pixel_type, tiff_errors
from pssr_live.storage.metadata import ome_root
from pssr_live.storage.provenance import NAMESPACE, layout_from_json

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffFile, TiffPage

    from pssr_live.frame import Pixels

_PAGE_NAME = 285


def own_contents(tiff: TiffFile, path: Path) -> Contents | None:
    """Return what a file of ours holds; None if it is not ours.

    A file that was never closed holds fewer frames than its layout; those that it has
    are then known from its pages.
    """
    said = _said(tiff)
    if said is None:
        return None
    names = [] if "missing" in said else _page_names(tiff)
    count = len(names) or len(tiff.pages)
    layout = layout_from_json(said["layout"])
    if "missing" in said:
        count = len(layout)
        missing, gaps = frozenset(said["missing"]), frozenset(said["gaps"])
    else:
        missing = frozenset(n for n, name in enumerate(names) if name == "missing")
        gaps = frozenset(n for n, name in enumerate(names) if name == "resumed")
    if count > len(tiff.pages):
        raise StorageError(
            f"{path} has {len(tiff.pages)} of {count} pages; it was cut short, copy it "
            "again."
        )
    first = cast("TiffPage", tiff.pages[0])
    shape = (first.imagelength, first.imagewidth)
    dtype = pixel_type(first.dtype, path)

    def read(ordinal: int) -> Pixels:
        with tiff_errors(path, f"Frame {ordinal}"):
            pixels = np.asarray(tiff.pages[ordinal].asarray())
            return cast("Pixels", pixels.reshape(shape).astype(dtype, copy=False))

    return Contents(
        shape=shape,
        dtype=dtype,
        pixel_size_um=said["pixel_size_um"],
        layout=layout.first(count),
        read=read,
        close=tiff.close,
        missing=missing,
        gaps=gaps,
        provenance=said,
    )


def _said(tiff: TiffFile) -> dict[str, Any] | None:
    """Return the provenance in the text of page 0."""
    if len(tiff.pages) == 0:
        return None
    text = cast("TiffPage", tiff.pages[0]).description
    if NAMESPACE not in text:
        return None
    if not text.startswith("{"):
        found = ome_root(text).find(
            f".//{{*}}MapAnnotation[@Namespace='{NAMESPACE}']/{{*}}Value/{{*}}M"
        )
        text = (found.text if found is not None else None) or ""
    said: dict[str, Any] = json.loads(text)
    return said


def _page_names(tiff: TiffFile) -> list[str]:
    """Return the name of each frame's page; the blank one at the end is no frame."""
    names = []
    for page in tiff.pages:
        tag = cast("TiffPage", page).tags.get(_PAGE_NAME)
        names.append("" if tag is None else str(tag.value))
    return names[:-1] if names[-1] == "blank" else names
