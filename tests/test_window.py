"""One window for each frame, whatever is missing, and never two series in one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from frames import make_frame, make_movie
from hypothesis import given
from hypothesis import strategies as st

from pssr_live.errors import SettingsError
from pssr_live.frame import Frame
from pssr_live.restorer import Restorer
from pssr_live.window import RollingWindow, RollingWindows, Window


def roll(frames: list[Frame], n_frames: int = 5, lookahead: int = 2) -> list[Window]:
    windows = RollingWindows(n_frames, lookahead)
    done = [window for frame in frames for window in windows.push(frame)]
    return done + list(windows.flush())


def places(window: Window) -> list[int | None]:
    return [None if f is None else f.ordinal for f in window.frames]


CASES = [
    # n_frames, lookahead, frames -> windows
    (1, 0, 3, [[0], [1], [2]]),
    (5, 2, 1, [[None, None, 0, None, None]]),
    (3, 1, 3, [[None, 0, 1], [0, 1, 2], [1, 2, None]]),
    (3, 0, 3, [[None, None, 0], [None, 0, 1], [0, 1, 2]]),
    (3, 2, 3, [[0, 1, 2], [1, 2, None], [2, None, None]]),
    (
        5,
        2,
        6,
        [
            [None, None, 0, 1, 2],
            [None, 0, 1, 2, 3],
            [0, 1, 2, 3, 4],
            [1, 2, 3, 4, 5],
            [2, 3, 4, 5, None],
            [3, 4, 5, None, None],
        ],
    ),
]


@pytest.mark.parametrize(("n_frames", "lookahead", "count", "expected"), CASES)
def test_windows_of_a_short_movie(
    n_frames: int, lookahead: int, count: int, expected: list[list[int | None]]
) -> None:
    windows = roll(make_movie(count), n_frames, lookahead)
    assert [places(w) for w in windows] == expected
    assert [w.target.ordinal for w in windows] == list(range(count))


def test_a_window_comes_as_soon_as_its_last_frame() -> None:
    rolling = RollingWindow(5, 2)
    done = [len(rolling.push(frame)) for frame in make_movie(6)]
    assert done == [0, 0, 1, 1, 1, 1]
    assert len(rolling.flush()) == 2


@pytest.mark.parametrize(
    "second",
    [
        make_frame(3, after_gap=True),
        make_frame(3, {"t": 7}),
        make_frame(3, shape=(12, 12)),
    ],
    ids=["camera lost frames", "time jumps", "size changes"],
)
def test_a_break_ends_the_window(second: Frame) -> None:
    windows = roll([*make_movie(3), second])
    assert [places(w) for w in windows] == [
        [None, None, 0, 1, 2],
        [None, 0, 1, 2, None],
        [0, 1, 2, None, None],
        [None, None, 3, None, None],
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=40),
    st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))),
)
def test_every_frame_is_a_target_once_and_series_never_meet(
    order: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    times: dict[tuple[int, int], int] = {}
    frames = []
    for ordinal, (channel, position) in enumerate(order):
        t = times.get((channel, position), 0)
        times[channel, position] = t + 1
        frames.append(make_frame(ordinal, {"t": t, "c": channel, "p": position}))
    windows = roll(frames, *size)
    assert sorted(w.target.ordinal for w in windows) == list(range(len(frames)))
    for window in windows:
        there = [f for f in window.frames if f is not None]
        assert {f.series for f in there} == {window.target.series}
        assert window.frames[size[0] - 1 - size[1]] is window.target
        times_there = [f.index["t"] for f in there]
        first = times_there[0]
        assert times_there == list(range(first, first + len(there)))


def test_values_and_valid_mark_what_is_missing() -> None:
    window = roll(make_movie(3))[0]
    values, valid = window.values(), window.valid()
    assert values.shape == (5, 24, 20)
    assert values.dtype == np.float32
    assert valid.tolist() == [0, 0, 1, 1, 1]
    assert not values[:2].any()
    assert values[2:].any(axis=(1, 2)).all()


def test_a_window_can_be_put_off_and_read_back() -> None:
    movie = make_movie(5)
    window = roll(movie)[1]
    light = window.without_pixels()
    assert light.target.pixels.size == 0
    again = light.with_pixels(lambda ordinal: movie[ordinal].pixels)
    assert places(again) == places(window)
    np.testing.assert_array_equal(again.values(), window.values())
    assert again.target in again.frames


def test_live_windows_do_not_depend_on_later_frames() -> None:
    long, short = make_movie(9), make_movie(6)
    for a, b in zip(roll(long, 5, 0), roll(short, 5, 0), strict=False):
        assert places(a) == places(b)
        assert a.intensity == b.intensity


def test_a_flash_is_in_no_window_but_its_own() -> None:
    movie = make_movie(8)
    movie[4] = replace(movie[4], pixels=movie[4].pixels + np.uint16(20_000))
    windows = roll(movie)
    assert [w.target.ordinal for w in windows] == list(range(8))
    assert [w.sources for w in windows] == [
        (0, 1, 2),
        (0, 1, 2, 3),
        (0, 1, 2, 3),
        (1, 2, 3, 5),
        (4,),
        (3, 5, 6, 7),
        (5, 6, 7),
        (5, 6, 7),
    ]
    assert len({w.intensity for w in windows}) == 2


@pytest.mark.parametrize("shape", [(5, 5), (5, -1), (0, 0), (3, 7)])
def test_windows_without_a_place_for_their_target(shape: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match=r"A window of \d frames cannot look -?\d"):
        RollingWindow(*shape)


def test_who_is_shown_a_frame_cannot_change_windows_to_come(causal: Restorer) -> None:
    movie = make_movie(4)
    expected = [restored.pixels for restored in causal.restore(movie)]
    for restored, pixels in zip(causal.restore(movie), expected, strict=True):
        np.testing.assert_array_equal(restored.pixels, pixels)
        with pytest.raises(ValueError, match="read-only"):
            restored.frame.pixels[:] = 0
