"""Places of frames, and the OME-XML that describes them."""

from __future__ import annotations

import itertools

import ome_types
import pytest
from ome_types.model import MapAnnotation

from pssr_live.errors import SettingsError
from pssr_live.storage.layout import Plane, RunLayout
from pssr_live.storage.ome_xml import images_with_holes, ome_xml
from pssr_live.storage.provenance import (
    NAMESPACE,
    PageFacts,
    Provenance,
    layout_from_json,
    layout_to_json,
    provenance_json,
)

FACTS = PageFacts((4, 6), "uint16", 0.25, "raw")


def loops(**sizes: int) -> RunLayout:
    turns = itertools.product(*(range(size) for size in sizes.values()))
    return RunLayout(tuple(dict(zip(sizes, at, strict=True)) for at in turns))


@pytest.mark.parametrize(
    ("layout", "ordinal", "plane"),
    [
        (loops(t=5, c=2), 7, Plane(0, 3, 1, 0)),
        (loops(t=2, p=3, c=2), 4, Plane(2, 0, 0, 0)),
        (loops(p=2, g=3, t=2), 7, Plane(3, 1, 0, 0)),
        (loops(c=2, z=3), 5, Plane(0, 0, 1, 2)),
        (RunLayout(), 9, Plane(0, 9, 0, 0)),
        # the same place twice: no order to be found, so time
        (RunLayout(({"t": 0}, {"t": 0}, {"t": 1})), 2, Plane(0, 2, 0, 0)),
        # a box of 10^12 planes for two frames: no file, so time
        (RunLayout(({"t": 0}, {"t": 10**6, "z": 10**6})), 1, Plane(0, 1, 0, 0)),
    ],
)
def test_every_frame_has_its_place(
    layout: RunLayout, ordinal: int, plane: Plane
) -> None:
    assert layout.place(ordinal) == plane


def test_an_unknown_run_heeds_the_index_of_its_events() -> None:
    assert RunLayout().place(5, {"t": 2, "c": 1}) == Plane(0, 2, 1, 0)
    seen = {n: {"t": n // 2, "c": n % 2} for n in range(6)}
    layout = RunLayout(channel_names=("A", "B")).first(6, seen)
    assert layout.place(5) == Plane(0, 2, 1, 0)
    assert layout.channel_names == ("A", "B")


def test_a_known_run_does_not() -> None:
    layout = loops(t=4)
    assert layout.first(2, {0: {"t": 9}}).indices == ({"t": 0}, {"t": 1})


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(SettingsError, match="Frame 1 has the index"):
        RunLayout(({"t": 0}, {"t": -1}))


@pytest.mark.parametrize(
    "layout",
    [
        RunLayout(),
        RunLayout(channel_names=("DAPI", "µ\u4e2d<&>"), interval_s=0.5, z_step_um=0.3),
        loops(t=3, p=2, c=2),
        RunLayout(({"t": 0, "c": 0}, {"t": 0, "c": 1}, {"t": 1, "c": 0})),
        RunLayout(({"t": 0}, {"c": 1})),
        RunLayout(()),
    ],
)
def test_layouts_come_back_from_json(layout: RunLayout) -> None:
    assert layout_from_json(layout_to_json(layout)) == layout


def test_nested_loops_take_no_room() -> None:
    assert len(provenance_json(FACTS, loops(t=10_000, c=2))) < 300


def parsed(
    layout: RunLayout, blank_pages: dict[int, int] | None = None
) -> ome_types.OME:
    said = Provenance((1,), (2,), {"model": "a<&>\x00\u4e2d"})
    text = ome_xml(FACTS, layout, said, blank_pages)
    assert text.isascii()
    return ome_types.from_xml(text)


@pytest.mark.parametrize(
    ("layout", "images", "order", "blocks"),
    [
        (loops(t=7), 1, None, 1),
        (loops(t=3, c=2, z=4), 1, "XYZCT", 1),
        (loops(t=3, z=4, c=2), 1, "XYCZT", 1),
        (loops(c=2, z=4, t=3), 1, "XYTZC", 1),
        (loops(p=2, t=3, c=2), 2, "XYZCT", 1),
        (loops(t=3, p=2, c=2), 2, "XYZCT", 3),  # positions in turn: one a visit
        (loops(t=3, p=2, c=2, z=3), 2, "XYZCT", 3),
    ],
)
def test_the_xml_is_as_short_as_the_order_allows(
    layout: RunLayout, images: int, order: str | None, blocks: int
) -> None:
    ome = parsed(layout)
    assert len(ome.images) == images
    for image in ome.images:
        assert len(image.pixels.tiff_data_blocks) == blocks
        assert order in (None, image.pixels.dimension_order.value)
    assert pages_by_place(ome) == {
        tuple(layout.place(n)): n for n in range(len(layout))
    }


def pages_by_place(ome: ome_types.OME) -> dict[tuple[int, ...], int]:
    """Walk the TiffData as a foreign reader must."""
    found = {}
    for number, image in enumerate(ome.images):
        pixels = image.pixels
        order = pixels.dimension_order.value[2:].lower()
        sizes = {"z": pixels.size_z, "c": pixels.size_c, "t": pixels.size_t}
        for block in pixels.tiff_data_blocks:
            at = {"z": block.first_z, "c": block.first_c, "t": block.first_t}
            for n in range(block.plane_count or 1):
                found[number, at["t"], at["c"], at["z"]] = block.ifd + n
                for axis in order:
                    at[axis] += 1
                    if at[axis] < sizes[axis]:
                        break
                    at[axis] = 0
    return found


def test_places_without_a_frame_point_to_the_blank_page() -> None:
    layout = RunLayout(tuple({"t": t, "c": c} for t, c in [(0, 0), (0, 1), (1, 0)]))
    assert images_with_holes(layout) == (0,)
    assert images_with_holes(loops(t=2, c=2)) == ()
    assert pages_by_place(parsed(layout, {0: 3}))[0, 1, 1, 0] == 3
    assert (0, 1, 1, 0) not in pages_by_place(parsed(layout))


def test_each_image_with_holes_points_to_a_blank_page_of_its_own() -> None:
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (2, 0, 0), (2, 1, 1)]
    layout = RunLayout(tuple({"p": p, "t": t, "c": c} for p, t, c in places))
    assert images_with_holes(layout) == (0, 2)
    found = pages_by_place(parsed(layout, {0: 6, 2: 7}))
    assert [place for place, page in found.items() if page == 6] == [(0, 1, 1, 0)]
    assert [place for place, page in found.items() if page == 7] == [
        (2, 0, 1, 0),
        (2, 1, 0, 0),
    ]


def test_the_xml_says_what_is_known() -> None:
    layout = RunLayout(
        ({"c": 0}, {"c": 1}), ("DAPI", "\x07µ"), interval_s=2.0, z_step_um=0.5
    )
    ome = parsed(layout)
    pixels = ome.images[0].pixels
    assert [c.name for c in pixels.channels] == ["DAPI", "µ"]
    assert (pixels.size_x, pixels.size_y) == (6, 4)
    assert pixels.physical_size_x == pixels.physical_size_y == 0.25
    assert pixels.physical_size_x_unit.value == "µm"
    assert (pixels.physical_size_z, pixels.time_increment) == (0.5, 2.0)
    [note] = ome.structured_annotations
    assert isinstance(note, MapAnnotation)
    assert note.namespace == NAMESPACE
