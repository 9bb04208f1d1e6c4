"""What travels to a GPU, and what lies there: windows, counts, pictures, copies."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from emulated_device import EmulatedDevice
from frames import make_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from pssr_live.engines.cuda.counts import decode, encode, lift_of, map_of
from pssr_live.engines.cuda.layout import layout_of
from pssr_live.engines.cuda.pool import PicturePool
from pssr_live.engines.cuda.rolling import Kind, RollingSlots
from pssr_live.frame import PIXEL_TYPES, Frame
from pssr_live.intensity import IntensityMap
from pssr_live.window import RollingWindows, Window

STREAM = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STREAM, st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_a_slot_always_holds_the_window(
    stream: list[tuple[int, bool, bool]], n_frames: int, lookahead: int, slots: int
) -> None:
    """Series come interleaved, with gaps, in whatever order the windows are done."""
    windows = RollingWindows(n_frames, min(lookahead, n_frames - 1))
    rolling = RollingSlots(slots)
    held = np.full((slots, n_frames), -1)
    for ordinal, (channel, gap, lost) in enumerate(stream):
        index = {"t": ordinal, "c": channel}
        frame = Frame(
            np.full((1, 1), ordinal, np.uint16), ordinal, index, after_gap=gap
        )
        for window in windows.push(frame):
            move = rolling.take(window)
            if move.kind is Kind.SHIFT:
                held[move.slot, :-1] = held[move.slot, 1:].copy()
                assert len(move.uploads) <= 1
            for place, upload in move.uploads:
                held[move.slot, place] = upload.ordinal
            there = window.valid() > 0
            assert tuple(held[move.slot][there]) == window.sources
            if lost:
                rolling.forget()
                held[:] = -1


def test_in_a_steady_stream_only_the_newest_frame_travels() -> None:
    windows, rolling = RollingWindows(5, 2), RollingSlots(2)
    moves = []
    for ordinal in range(6):
        for channel in range(2):
            frame = make_frame(ordinal, {"t": ordinal, "c": channel})
            moves += [rolling.take(window) for window in windows.push(frame)]
    moves += [rolling.take(window) for window in windows.flush()]
    assert [m.kind for m in moves] == [Kind.WHOLE] * 2 + [Kind.SHIFT] * 10
    assert [len(m.uploads) for m in moves] == [3] * 2 + [1] * 6 + [0] * 4


def test_the_series_unused_for_longest_gives_up_its_slot() -> None:
    rolling = RollingSlots(2)
    kinds = []
    windows = RollingWindows(3, 0)
    for ordinal, channel in enumerate([0, 1, 0, 2, 0, 1]):
        (window,) = windows.push(make_frame(ordinal, {"c": channel}))
        move = rolling.take(window)
        kinds.append((channel, move.slot, move.kind))
    shift, whole = Kind.SHIFT, Kind.WHOLE
    assert kinds == [
        (0, 0, whole),
        (1, 1, whole),
        (0, 0, shift),
        (2, 1, whole),
        (0, 0, shift),
        (1, 1, whole),
    ]


def test_equal_frames_that_are_not_the_same_travel_again() -> None:
    rolling = RollingSlots(1)
    first, again = (
        Window(tuple(frames), frames[-1], IntensityMap(0, 1))
        for frames in ([make_frame(k) for k in range(3)] for _ in range(2))
    )
    assert rolling.take(first).kind is Kind.WHOLE
    assert rolling.take(again).kind is Kind.WHOLE


@pytest.mark.parametrize("dtype", [*PIXEL_TYPES, ">u2", ">i2"])
def test_counts_come_back_as_they_were(dtype: str) -> None:
    kind = np.dtype(dtype)
    limits = np.iinfo(kind)
    pixels = np.linspace(limits.min, limits.max, 315).astype(kind).reshape(21, 15)[::2]
    counts = np.empty(pixels.shape, np.uint16)
    encode(pixels, lift_of(kind), counts)
    held = IntensityMap(37, 11)
    offset, scale, limit = map_of(held, kind)
    np.testing.assert_allclose(
        (counts - offset) / scale, held.forward(pixels), rtol=1e-5
    )
    assert counts.min() == 0
    assert counts.max() == limit
    back = decode(counts, kind)
    assert back.dtype == kind
    np.testing.assert_array_equal(back, pixels)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 12), st.integers(1, 8))
def test_all_batches_have_one_shape(
    height: int, width: int, radius: int, most: int
) -> None:
    layout = layout_of(height, width, radius=radius, largest=64, most=most)
    assert max(layout.height, layout.width) <= 64
    covered = np.zeros((height, width), int)
    last = layout.batches[-1][-1]  # may come several times
    covered[last.inner] += 1
    for batch in layout.batches:
        assert len(batch) == layout.windows <= most
        for tile in batch:
            covered[tile.inner] += tile != last
            rows, columns = tile.outer
            assert rows.stop - rows.start == layout.height
            assert columns.stop - columns.start == layout.width
    assert (covered == 1).all()
    assert layout.whole == (max(height, width) <= 64)


def make_pool(count: int) -> tuple[EmulatedDevice, PicturePool]:
    device = EmulatedDevice()
    return device, PicturePool(device.allocate_pinned, 2 * 6 * 4, (6, 4), count)


def land(pool: PicturePool, value: int) -> np.ndarray:
    place = pool.next_place()
    pool.picture(place)[:] = value
    return pool.hand_out(place)


def test_a_picture_is_never_overwritten_while_any_view_of_it_lives() -> None:
    """A view of a view, or of another type, holds the memory when the array is gone."""
    _, pool = make_pool(3)
    kept = [land(pool, 1)[1:][:, 1:], land(pool, 2).view(np.int16), land(pool, 3).T]
    for value in range(100, 140):
        assert (land(pool, value) == value).all()
    assert [int(np.unique(view)[0]) for view in kept] == [1, 2, 3]
    assert all(len(np.unique(view)) == 1 for view in kept)


def test_pictures_are_recycled_and_copied_when_none_is_left() -> None:
    device, pool = make_pool(2)
    places = {land(pool, k).ctypes.data for k in range(10)}
    assert len(places) == 1
    held = [land(pool, k) for k in range(6)]
    pinned = {block.address for block in device.blocks}
    assert [a.ctypes.data in pinned for a in held] == [True] * 2 + [False] * 4
    for k, picture in enumerate(held):
        assert (picture == k).all()


def test_a_picture_outlives_its_pool() -> None:
    device, pool = make_pool(2)
    picture = land(pool, 7)
    pool.close()
    assert len(device.blocks) == 1
    assert (picture == 7).all()
    del picture
    gc.collect()
    assert not device.blocks
