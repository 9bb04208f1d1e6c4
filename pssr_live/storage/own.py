"""Files that `pages.PageFile` wrote, finished or not, with all they know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pssr_live.errors import StorageError
from pssr_live.storage.bigtiff import MISSING, RESUMED
from pssr_live.storage.contents import Contents, pixel_type, tiff_errors
from pssr_live.storage.metadata import ome_root
from pssr_live.storage.provenance import NAMESPACE, layout_from_json
from pssr_live.storage.unfinished import survey

if TYPE_CHECKING:
    from pathlib import Path

    from tifffile import TiffFile, TiffPage

    from pssr_live.frame import Pixels
    from pssr_live.storage.unfinished import Unfinished


def own_contents(tiff: TiffFile, path: Path) -> Contents | None:
    """Return what a file of ours holds; None if it is not ours.

    A file that was never closed holds fewer frames than its layout; those that it has
    are then known from its pages.
    """
    found = survey(path)
    return _finished(tiff, path) if found is None else _unfinished(tiff, path, found)


def _finished(tiff: TiffFile, path: Path) -> Contents | None:
    said = _said(tiff)
    if said is None:
        return None
    layout = layout_from_json(said["layout"])
    if len(layout) > len(tiff.pages):
        raise StorageError(
            f"{path} has {len(tiff.pages)} of {len(layout)} pages; it was cut short, "
            "copy it again."
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
        layout=layout,
        read=read,
        close=tiff.close,
        missing=frozenset(said["missing"]),
        gaps=frozenset(said["gaps"]),
        provenance=said,
    )


def _unfinished(tiff: TiffFile, path: Path, found: Unfinished) -> Contents:
    facts, names = found.pages.facts, found.names
    dtype = pixel_type(np.dtype(facts.dtype), path)

    def read(ordinal: int) -> Pixels:
        with tiff_errors(path, f"Frame {ordinal}"):
            # Not by tifffile, which follows the pages only as far as they are linked.
            tiff.filehandle.seek(found.pages.pixels_at(ordinal))
            stored = tiff.filehandle.read(found.pages.pixel_bytes)
            pixels = np.frombuffer(stored, np.dtype(dtype).newbyteorder("<"))
            return cast("Pixels", pixels.reshape(facts.shape).astype(dtype))

    return Contents(
        shape=facts.shape,
        dtype=dtype,
        pixel_size_um=facts.pixel_size_um,
        layout=layout_from_json(found.said["layout"]).first(len(names)),
        read=read,
        close=tiff.close,
        missing=frozenset(n for n, name in enumerate(names) if name == MISSING),
        gaps=frozenset(n for n, name in enumerate(names) if name == RESUMED),
        provenance=found.said,
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
