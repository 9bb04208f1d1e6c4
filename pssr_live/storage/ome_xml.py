"""OME-XML for a file with one page per frame: text from values, no file touched.

Each position or grid cell is one Image. A TiffData element covers as many
consecutive pages as the acquisition order allows, which is all of them when the loops
of a run nest as one of OME's six dimension orders does. OME has no word for a plane
that does not exist, and readers warn about files that leave one out: such planes
point to a blank page, and the annotation lists which frames are missing. Each Image
that needs one has a blank page of its own, as tifffile lets no two share a page.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from pssr_live.storage.channel_names import channel_name
from pssr_live.storage.provenance import NAMESPACE, provenance_json
from pssr_live.storage.sites import NOWHERE
from pssr_live.storage.xml_text import xml_safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pssr_live.storage.layout import IntArray, RunLayout
    from pssr_live.storage.provenance import PageFacts, Provenance

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_COLUMN = {"T": 1, "C": 2, "Z": 3}  # of RunLayout.planes
_ORDERS = tuple("".join(axes) for axes in itertools.permutations("ZCT"))


def images_with_holes(layout: RunLayout) -> tuple[int, ...]:
    """Return the images whose T x C x Z box has a place without a frame."""
    holed = []
    for image in np.unique(layout.planes[:, 0]).tolist():
        planes = layout.planes[layout.planes[:, 0] == image]
        if int(np.prod(planes[:, 1:].max(axis=0) + 1)) > len(planes):
            holed.append(image)
    return tuple(holed)


def ome_xml(
    facts: PageFacts,
    layout: RunLayout,
    provenance: Provenance,
    blank_pages: Mapping[int, int] | None = None,
) -> str:
    """Return the OME-XML of a file whose page n is frame n of `layout`.

    Parameters
    ----------
    facts : PageFacts
        Shape, type and pixel size of the pages.
    layout : RunLayout
        Exactly the frames that have a page, missing ones included.
    provenance : Provenance
        Goes into the annotation, as JSON.
    blank_pages : mapping of int to int, optional
        By image, the page that stands for its planes without a frame. Without one
        such planes are left out.

    Returns
    -------
    str
        ASCII only, as a TIFF ImageDescription must be.
    """
    root = ET.Element("OME", xmlns=SCHEMA, Creator="pssr-live")
    for image, name in enumerate(layout.image_names):
        ordinals = np.flatnonzero(layout.planes[:, 0] == image)
        if ordinals.size:
            blank = (blank_pages or {}).get(image)
            told = provenance.details.get("channels", ())
            names = _channel_names(layout, ordinals, told)
            _add_image(root, image, name, facts, layout, ordinals, names, blank)
    notes = ET.SubElement(root, "StructuredAnnotations")
    note = ET.SubElement(notes, "MapAnnotation", ID="Annotation:0", Namespace=NAMESPACE)
    entry = ET.SubElement(ET.SubElement(note, "Value"), "M", K="json")
    entry.text = provenance_json(facts, layout, provenance)
    text: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return text.decode()


def _add_image(
    root: ET.Element,
    number: int,
    name: str,
    facts: PageFacts,
    layout: RunLayout,
    ordinals: IntArray,
    channel_names: Mapping[int, str],
    blank_page: int | None,
) -> None:
    planes = layout.planes[ordinals]
    sizes = {a: int(planes[:, col].max()) + 1 for a, col in _COLUMN.items()}
    order, pages = _best_order(planes, ordinals, sizes, blank_page)
    image = ET.SubElement(root, "Image", ID=f"Image:{number}", Name=name)
    attributes = {
        "ID": f"Pixels:{number}",
        "DimensionOrder": f"XY{order}",
        "Type": facts.dtype,
        "SizeX": str(facts.shape[1]),
        "SizeY": str(facts.shape[0]),
        **{f"Size{axis}": str(size) for axis, size in sizes.items()},
        **_physical_sizes(facts, layout),
    }
    pixels = ET.SubElement(image, "Pixels", attributes)
    for c in range(sizes["C"]):
        channel = {"ID": f"Channel:{number}:{c}", "SamplesPerPixel": "1"}
        if c in channel_names:
            channel["Name"] = xml_safe(channel_names[c])
        ET.SubElement(pixels, "Channel", channel)
    for start, count in _runs(pages):
        first = _unravel(start, order, sizes)
        at = {"IFD": str(pages[start]), **first, "PlaneCount": str(count)}
        ET.SubElement(pixels, "TiffData", at)
    _add_stage(pixels, layout, ordinals)


def _channel_names(
    layout: RunLayout, ordinals: IntArray, told: Sequence[Mapping[str, Any]]
) -> dict[int, str]:
    """Return the names of an image's channels, by number, where its frames agree."""
    planned = layout.channel_names
    if not told:  # no need to look at each frame
        return {c: name for c, name in enumerate(planned) if name}
    names: dict[int, set[str]] = {}
    for ordinal in ordinals.tolist():
        c = int(layout.planes[ordinal, _COLUMN["C"]])
        name = channel_name(planned, told, layout.index_of(ordinal))
        names.setdefault(c, set()).add(name)
    return {c: name for c, (name, *others) in names.items() if name and not others}


def _add_stage(pixels: ET.Element, layout: RunLayout, ordinals: IntArray) -> None:
    """Tell where the stage is: for the first frame of each z, or of all if they agree.

    A Plane for each frame would make the text of a long run larger than its pixels are
    worth; programs that place images side by side read the first one.
    """
    planes = layout.planes[ordinals]
    in_turn = np.lexsort((planes[:, 2], planes[:, 1], planes[:, 3]))  # z, then t, c
    firsts = in_turn[np.unique(planes[in_turn, 3], return_index=True)[1]]
    points = {int(n): layout.stage_at(int(ordinals[n])) for n in firsts}
    if len(set(points.values())) == 1:
        points = {n: points[n] for n in firsts[:1].tolist()}
    for n, point in points.items():
        if point != NOWHERE:
            at = {f"The{axis}": str(planes[n, col]) for axis, col in _COLUMN.items()}
            for axis, um in zip("XYZ", point, strict=True):
                if um is not None:
                    at[f"Position{axis}"] = repr(um)
                    at[f"Position{axis}Unit"] = "\u00b5m"
            ET.SubElement(pixels, "Plane", at)


def _physical_sizes(facts: PageFacts, layout: RunLayout) -> dict[str, str]:
    known = {}
    if facts.pixel_size_um is not None:
        known["PhysicalSizeX"] = known["PhysicalSizeY"] = repr(
            float(facts.pixel_size_um)
        )
    if layout.z_step_um:
        known["PhysicalSizeZ"] = repr(float(layout.z_step_um))
    known |= {f"{name}Unit": "\u00b5m" for name in tuple(known)}
    if layout.interval_s is not None:
        known["TimeIncrement"] = repr(float(layout.interval_s))
        known["TimeIncrementUnit"] = "s"
    return known


def _best_order(
    planes: IntArray,
    ordinals: IntArray,
    sizes: Mapping[str, int],
    blank_page: int | None,
) -> tuple[str, IntArray]:
    """Return the dimension order with the fewest runs, and the page of each plane."""
    empty = -1 if blank_page is None else blank_page
    best: tuple[int, str, IntArray] | None = None
    for order in _ORDERS:
        at = np.zeros(len(ordinals), np.int64)
        for axis in reversed(order):
            at = at * sizes[axis] + planes[:, _COLUMN[axis]]
        pages = np.full(int(np.prod(list(sizes.values()))), empty, np.int64)
        pages[at] = ordinals
        runs = int(np.count_nonzero(np.diff(pages) != 1))
        if best is None or runs < best[0]:
            best = (runs, order, pages)
    assert best is not None  # noqa: S101  there are six orders
    return best[1:]


def _runs(pages: IntArray) -> Iterator[tuple[int, int]]:
    """Yield the start and length of each run of consecutive pages."""
    edges = np.flatnonzero(np.diff(pages) != 1) + 1
    for run in np.split(np.arange(len(pages)), edges):
        if pages[run[0]] >= 0:
            yield int(run[0]), len(run)


def _unravel(at: int, order: str, sizes: Mapping[str, int]) -> dict[str, str]:
    first = {}
    for axis in order:
        at, here = divmod(at, sizes[axis])
        first[f"First{axis}"] = str(here)
    return first
