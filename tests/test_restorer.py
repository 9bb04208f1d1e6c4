"""Restoration: same for any path, any size, any integer type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from frames import make_frame, make_movie
from hypothesis import given, settings
from hypothesis import strategies as st

import pssr_live as pl
from pssr_live.errors import EngineError, SettingsError, StorageError
from pssr_live.restorer import Restorer, check_frame


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 7))
@settings(max_examples=20, deadline=None)
def test_any_size_gives_one_picture_a_frame(
    centred: Restorer, height: int, width: int, count: int
) -> None:
    movie = make_movie(count, (height, width))
    restored = list(centred.restore(movie))
    assert [r.frame.ordinal for r in restored] == list(range(count))
    for picture in restored:
        assert picture.pixels.shape == (4 * height, 4 * width)
        assert picture.pixels.dtype == np.uint16


def test_tiled_frames_have_no_seams(
    causal: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie = make_movie(3, (90, 70))
    whole = [r.pixels.astype(int) for r in causal.restore(movie)]
    monkeypatch.setattr("pssr_live.engines.by_values.LARGEST_TILE", 32)
    tiled = [r.pixels.astype(int) for r in causal.restore(movie)]
    # Equal but for sums taken in another order, which may round the other way.
    for a, b in zip(whole, tiled, strict=True):
        assert np.abs(a - b).max() <= 1
        assert (a != b).mean() < 1e-3


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_the_type_and_the_intensity_are_kept(centred: Restorer, dtype: str) -> None:
    movie = [make_frame(n, shape=(64, 64), dtype=dtype) for n in range(5)]
    restored = [r.pixels for r in centred.restore(movie)]
    assert {p.dtype.name for p in restored} == {dtype}
    raw_mean = np.mean([f.pixels for f in movie])
    assert np.mean(restored) == pytest.approx(raw_mean, rel=0.1)


def test_a_causal_output_never_waits_nor_changes(causal: Restorer) -> None:
    movie = make_movie(8)
    whole = [r.pixels for r in causal.restore(movie)]
    for stop in (1, 4):
        part = [r.pixels for r in causal.restore(movie[:stop])]
        for a, b in zip(part, whole, strict=False):
            np.testing.assert_array_equal(a, b)


def test_a_restored_frame_knows_where_it_came_from(centred: Restorer) -> None:
    movie = [replace(f, pixel_size_um=0.2) for f in make_movie(6)]
    restored = list(centred.restore(movie))
    assert restored[0].sources == (0, 1, 2)
    assert restored[3].sources == (1, 2, 3, 4, 5)
    assert restored[3].pixel_size_um == pytest.approx(0.05)
    assert restored[3].model == "mito-mf5-x4"
    assert restored[3].engine == "onnxruntime"
    assert restored[3].elapsed_ms > 0


def test_the_function_for_arrays_equals_the_stream(centred: Restorer) -> None:
    movie = make_movie(6)
    array = np.stack([f.pixels for f in movie])
    expected = np.stack([r.pixels for r in centred.restore(movie)])
    np.testing.assert_array_equal(pl.restore(array, model="mito-mf5-x4"), expected)
    one = pl.restore(array[0], model="mito-mf5-x4")
    assert one.shape == (96, 80)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 8, 8), np.float32), "float32"),
        (np.zeros((0, 8, 8), np.uint16), "shape"),
        (np.zeros((2, 2, 8, 8), np.uint16), "shape"),
        (np.zeros((8, 8, 3), np.uint8), "RGB"),
        (np.zeros((3, 8, 8), bool), "bool"),
    ],
)
def test_arrays_that_are_no_movies(array: np.ndarray, said: str) -> None:
    with pytest.raises(StorageError, match=said):
        pl.restore(array, model="mito-mf5-x4")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (replace(make_frame(0), pixels=np.zeros((2, 3, 4), np.uint16)), "shape"),
        (replace(make_frame(0), pixels=np.zeros((0, 4), np.uint16)), "shape"),
        (replace(make_frame(0), pixels=np.zeros((3, 4), np.float64)), "float64"),
    ],
)
def test_frames_that_cannot_be_restored(frame: pl.Frame, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_frame(frame)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replace(make_frame(3), pixels=np.zeros((24, 20), np.float32)), "float32"),
        (replace(make_frame(3), pixels=np.zeros((24, 20), np.int64)), "int64"),
        (replace(make_frame(3), pixels=np.zeros((24, 20, 3), np.uint8)), "one grey"),
        (replace(make_frame(3), pixels=[[1, 2]]), "A frame was given as list"),
        (make_frame(3).pixels, "A frame was given as ndarray"),
    ],
)
def test_a_bad_frame_costs_no_engine(bad: pl.Frame, said: str) -> None:
    restorer = Restorer("mito-mf5-x4-live")
    stream = restorer.restore([*make_movie(3), bad])
    assert [next(stream).frame.ordinal for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SettingsError, match=said):
        next(stream)
    assert restorer.ladder.engine.name == "onnxruntime"
    restorer.close()


def test_a_stream_ends_when_its_restorer_is_closed() -> None:
    restorer = Restorer("mito-mf5-x4-live")
    stream = restorer.restore(make_movie(3))
    next(stream)
    restorer.close()
    with pytest.raises(EngineError, match="was closed"):
        next(stream)
    assert "onnxruntime" not in restorer.engine_report()["refused"]
