"""What the window shows, worked out without any window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pssr_live.app.feed import Feed, Pair, channel_of
from pssr_live.app.levels import (
    Levels,
    auto_levels,
    eased,
    histogram,
    saturated_share,
    top_of,
)
from pssr_live.app.picture import Display, Look, picture_of
from pssr_live.app.render import COLOURS, Layer, as_rgb, paint, reduced
from pssr_live.frame import Frame, Restored

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
WHITE = COLOURS["grey"]


# -- contrast ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_automatic_levels_leave_outliers_out(dtype: str) -> None:
    pixels = np.full((100, 100), 50, dtype)
    pixels[:50] = 20
    pixels[0, 0] = np.iinfo(dtype).max
    found = auto_levels(pixels)
    assert (found.low, found.high) == (20, 50)


def test_contrast_moves_gently_but_follows_a_jump() -> None:
    assert eased(None, Levels(1, 2)) == Levels(1, 2)
    step = eased(Levels(0, 100), Levels(10, 120))
    assert 0 < step.low < 10 and 100 < step.high < 120
    assert eased(Levels(0, 100), Levels(0, 1000)) == Levels(0, 1000)


def test_histogram_counts_every_pixel_and_saturation() -> None:
    found = histogram(RAMP, 255)
    assert found.heights.max() == 1 and len(found.edges) == len(found.heights) + 1
    assert (found.edges[0], found.edges[-1]) == (0, 255)
    assert found.saturated == pytest.approx(1 / 256)
    assert saturated_share(RAMP, 128) == 0.5
    flat = histogram(np.full((4, 4), 9, np.uint16), 4095)
    assert flat.saturated == 0 and np.isfinite(flat.heights).all()


@pytest.mark.parametrize(
    ("dtype", "bits", "top"),
    [
        ("uint8", None, 255),
        ("uint8", 16, 255),
        ("uint16", 12, 4095),
        ("uint16", 16, 65535),
        ("int16", None, 32767),
    ],
)
def test_where_a_detector_ends(dtype: str, bits: int | None, top: int) -> None:
    assert top_of(np.dtype(dtype), bits) == top


# -- painting ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_black_white_and_between(dtype: str) -> None:
    pixels = np.array([[10, 60, 110], [5, 120, 60]], dtype)
    painted = as_rgb(paint([Layer(pixels, Levels(10, 110), WHITE, 1000)]))
    assert painted[..., 0].tolist() == [[0, 128, 255], [0, 255, 128]]
    assert (painted[..., 0] == painted[..., 1]).all()


def test_negative_counts_are_darker_than_positive_ones() -> None:
    pixels = np.array([[-100, 0, 100]], np.int16)
    painted = as_rgb(paint([Layer(pixels, Levels(-100, 100), WHITE, 1000)]))
    assert painted[0, :, 0].tolist() == [0, 128, 255]


def test_channels_add_like_light_and_never_wrap() -> None:
    full = np.full((2, 2), 255, np.uint8)
    layers = [
        Layer(full, Levels(0, 255), COLOURS[name], 1000)
        for name in ("green", "magenta", "cyan")
    ]
    assert as_rgb(paint(layers)).min() == 255
    (green,) = {tuple(p) for p in as_rgb(paint(layers[:1])).reshape(-1, 3)}
    assert green == COLOURS["green"]


def test_saturated_pixels_are_red_where_they_are_marked() -> None:
    pixels = np.array([[4095, 4094]], np.uint16)
    layer = Layer(pixels, Levels(0, 4095), WHITE, 4095)
    marked = as_rgb(paint([layer], marks=True))
    assert marked[0, 0].tolist() == [255, 59, 48] and marked[0, 1, 1] == 255
    assert as_rgb(paint([layer]))[0, 0].tolist() == [255, 255, 255]


def test_pictures_lie_in_rows_whatever_the_frame_does() -> None:
    turned = np.asfortranarray(RAMP)
    words = paint([Layer(turned, Levels(0, 255), WHITE, 256)])
    assert words.flags.c_contiguous
    np.testing.assert_array_equal(as_rgb(words)[..., 0], RAMP)


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 100])
def test_reducing_keeps_the_mean(factor: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 60000, (30, 30)).astype(np.uint16)
    small = reduced(pixels, factor)
    assert small.dtype == pixels.dtype
    assert small.mean() == pytest.approx(pixels.mean(), abs=1)
    assert small.shape == ((30, 30) if factor == 100 else (30 // factor,) * 2)


# -- pictures and the feed -----------------------------------------------------------


def frame(value: int = 5, side: int = 8, **more: Any) -> Frame:
    pixels = np.full((side, side), value, np.uint16)
    return Frame(pixels, 0, **{"pixel_size_um": 0.5} | more)


def restored(of: Frame, scale: int = 4) -> Restored:
    pixels = np.kron(of.pixels, np.ones((scale, scale), np.uint16))
    size = None if of.pixel_size_um is None else of.pixel_size_um / scale
    return Restored(pixels, of, (0,), size, "model", "onnxruntime", 1.0)


def test_a_picture_knows_its_field_and_its_counts() -> None:
    raw = frame(7)
    made = picture_of({"scan": Pair(raw, restored(raw))}, Display())
    assert made.field_um == (4.0, 4.0) and made.in_um
    assert made.at(0.1, 3.9) == {"scan": (7, 7)}
    assert made.at(-0.1, 1) is None and made.at(4.0, 1) is None
    alone = picture_of({"scan": Pair(frame(7, pixel_size_um=None))}, Display())
    assert alone.field_um == (8, 8) and not alone.in_um
    assert alone.restored is None and alone.at(1, 1) == {"scan": (7, None)}


def test_a_large_picture_is_made_for_the_screen_and_whole_for_a_file() -> None:
    scene = {"scan": Pair(frame(side=400))}
    display = Display(room=(100, 100))
    assert picture_of(scene, display).raw.shape == (100, 100)
    assert picture_of(scene, display, full_size=True).raw.shape == (400, 400)


def test_hidden_channels_are_not_painted() -> None:
    scene = {"a": Pair(frame(100)), "b": Pair(frame(100))}
    fixed = Levels(0, 100)
    looks = {"a": Look("green", True, fixed), "b": Look("red", False, fixed)}
    shown = as_rgb(picture_of(scene, Display(looks)).raw)[0, 0]
    assert tuple(shown) == COLOURS["green"]
    none = {name: Look("green", False, fixed) for name in scene}
    assert as_rgb(picture_of(scene, Display(none)).raw).max() == 0


def test_the_feed_gives_the_newest_and_only_once() -> None:
    feed = Feed()
    for value in (1, 2, 3):
        raw = frame(value)
        feed.put_restored(restored(raw))
    scene = feed.take()
    assert scene is not None and scene["scan"].frame.pixels[0, 0] == 3
    feed.close()
    assert feed.take() is None


def test_raw_frames_are_shown_alone_only_where_restoration_fell_silent() -> None:
    now = [0.0]
    feed = Feed(lambda: now[0])
    feed.put_restored(restored(frame(1)))
    now[0] = 0.4
    feed.put_frame(frame(2))
    scene = feed.take()
    assert scene is not None and scene["scan"].restored is not None
    now[0] = 2.0
    feed.put_frame(frame(3))
    now[0] = 3.5
    feed.put_frame(frame(4))  # of a scanner of 1.5 s a frame: not yet
    now[0] = 9.0
    feed.put_frame(frame(5))
    feed.put_frame(frame(6))
    scene = feed.take()
    assert scene is not None and scene["scan"].restored is None
    assert scene["scan"].frame.pixels[0, 0] == 6


def test_a_slow_engine_has_not_fallen_silent() -> None:
    now = [0.0]
    feed = Feed(lambda: now[0])
    for second in (0, 3, 6):
        now[0] = second
        feed.put_restored(restored(frame(second)))
    for tenth in range(61, 140, 2):  # frames come much faster
        now[0] = tenth / 10
        feed.put_frame(frame(tenth))
    scene = feed.take()
    assert scene is not None and scene["scan"].restored is not None


def test_frames_of_another_shape_push_out_the_others() -> None:
    feed = Feed()
    feed.put_restored(restored(frame(1, channel_name="DAPI")))
    feed.put_restored(restored(frame(2, 16, channel_name="FITC")))
    scene = feed.take()
    assert scene is not None and list(scene) == ["FITC"]


@pytest.mark.parametrize(
    ("index", "name", "called"),
    [
        ({}, "", "scan"),
        ({"t": 3}, "DAPI", "DAPI"),
        ({"c": 1}, "", "channel 2"),
        ({"cam": 1}, "", "detector 2"),
        ({"c": 0, "cam": 0}, "GFP", "GFP 1"),
    ],
)
def test_what_a_channel_is_called(
    index: dict[str, int], name: str, called: str
) -> None:
    assert channel_of(frame(index=index, channel_name=name)) == called
