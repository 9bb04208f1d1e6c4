"""What a recipe's images are sorted into, and what is left out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from recipes import image

from pssr_live.errors import SettingsError
from pssr_live.training.films.clips import PoolPlan
from pssr_live.training.films.images import open_images
from pssr_live.training.films.pool import OwnPool, choose_tile, make_pool, own_clip
from pssr_live.training.films.sources import (
    Wanted,
    find,
    passed_over,
    refuse_shared,
    survey,
)

WANTED = Wanted(window=3, clip=5, side=64)


def looked_at(*paths: Path, wanted: Wanted = WANTED) -> Any:
    return survey([(path, False) for path in paths], wanted, "training")


def written(path: Path, pixels: np.ndarray[Any, Any], axes: str = "") -> Path:
    about = {"axes": axes} if axes else None
    tifffile.imwrite(path, pixels, metadata=about, ome=bool(axes))
    return path


@pytest.mark.parametrize(
    ("shape", "axes", "lengths"),
    [
        ((), "", {1}),
        ((9,), "TYX", {5}),
        ((4,), "TYX", {4}),
        ((2,), "TYX", {1}),
        ((6,), "ZYX", {1}),
        ((4, 3), "TCYX", {4}),
    ],
)
def test_movies_give_consecutive_frames_and_planes_give_stills(
    tmp_path: Path, shape: tuple[int, ...], axes: str, lengths: set[int]
) -> None:
    pixels = np.stack([image(n) for n in range(int(np.prod(shape)))] or [image(0)])
    path = written(tmp_path / "a.ome.tif", pixels.reshape(*shape, 120, 120), axes)
    (source,) = looked_at(path).sources
    assert {len(take) for take in source.takes} == lengths
    channels = shape[1] if len(shape) > 1 else 1
    for take in source.takes:
        assert set(np.diff(take)) <= {channels}


def test_time_can_be_taken_as_stills(tmp_path: Path) -> None:
    stack = np.stack([image(n) for n in range(6)])
    path = written(tmp_path / "a.ome.tif", stack, "TYX")
    (source,) = looked_at(path, wanted=Wanted(3, 5, 64, time="stills")).sources
    assert source.takes == tuple((n,) for n in range(6))


def test_a_channel_is_chosen(tmp_path: Path) -> None:
    stack = np.stack([image(n) for n in range(3)])
    about = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, ome=True, metadata=about)
    for channel in (1, "GFP"):
        (source,) = looked_at(path, wanted=Wanted(1, 1, 64, channel)).sources
        assert source.takes == ((1,),)
    with pytest.raises(SettingsError, match="no channel 'YFP': its channels are DAPI"):
        looked_at(path, wanted=Wanted(1, 1, 64, "YFP"))


def test_images_that_teach_nothing_are_skipped_and_counted(tmp_path: Path) -> None:
    nan = image(1).astype(np.float32)
    nan[3, 4] = np.nan
    bright = image(2)
    bright[:40] = 65535
    bad = {"flat": np.full_like(image(0), 7), "nan": nan, "bright": bright}
    bad["small"] = image(3, side=40)
    paths = [written(tmp_path / f"{name}.tif", p) for name, p in bad.items()]
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    good = written(tmp_path / "good.tif", image(4))
    found = looked_at(*paths, tmp_path / "broken.tif", good)
    assert [source.path for source in found.sources] == [good]
    said, unreadable = found.notes("training")
    assert "broken.tif" in unreadable
    assert said.startswith("5 training images or files were skipped")
    for why in ("constant", "saturated", "NaN", "64 x 64", "unreadable"):
        assert why in said
    with pytest.raises(SettingsError, match=r"Nothing is left of the 4 .*constant"):
        looked_at(*paths)
    colour = written(tmp_path / "colour.tif", np.zeros((120, 120, 3), np.uint8))
    with pytest.raises(SettingsError, match=r"1 unreadable.*colour \(RGB\)"):
        looked_at(colour)


def test_a_bad_frame_takes_no_movie_with_it(tmp_path: Path) -> None:
    film = np.stack([image(n) for n in range(12)])
    film[9] = 0
    found = looked_at(written(tmp_path / "a.ome.tif", film, "TYX"))
    (source,) = found.sources
    movies = [take for take in source.takes if len(take) > 1]
    assert movies
    assert all(9 not in take for take in source.takes)
    assert {len(take) for take in source.takes} == {1, 5}
    assert found.skipped == (("constant", 1),)
    make_pool(OwnPool((source,), 8, 5, 64, 0), lambda done, total: None)


def test_float_images_say_what_whole_numbers_say(tmp_path: Path) -> None:
    about = {"axes": "CYX", "PhysicalSizeX": 0.07, "Channel": {"Name": ["DAPI", "GFP"]}}
    path = tmp_path / "a.ome.tif"
    pixels = np.stack([image(0), image(1)]).astype(np.float32)
    tifffile.imwrite(path, pixels, ome=True, metadata=about)
    (source,) = looked_at(path, wanted=Wanted(1, 1, 64, channel="GFP")).sources
    assert source.takes == ((1,),)
    assert source.pixel_size_um == pytest.approx(0.07)


@pytest.mark.parametrize("how", ["ome", "imagej", "pages"])
def test_float_movies_are_read_image_by_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    film = np.stack([image(n) for n in range(4)]).astype(np.float32)
    path = tmp_path / "a.tif"
    ways: dict[str, dict[str, Any]] = {
        "ome": {"ome": True, "metadata": {"axes": "TYX"}},
        "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
        "pages": {"photometric": "minisblack", "compression": "zlib"},
    }
    tifffile.imwrite(path, film, **ways[how])
    monkeypatch.delattr(tifffile.TiffPageSeries, "asarray")  # a whole movie at once
    with open_images(path) as images:
        assert [index["t"] for index in images.indices] == [0, 1, 2, 3]
        np.testing.assert_array_equal(images.read(2), film[2])
    with pytest.raises(SettingsError, match="no channel 5"):
        looked_at(path, wanted=Wanted(1, 1, 64, channel=5))


def test_an_image_in_tiny_units_has_all_its_contrast(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", image(0).astype(np.float32) * 1e-13)
    pool = make_pool(OwnPool(looked_at(path).sources, 4, 1, 64, 0), lambda *made: None)
    assert pool.std() > 0.1


def test_float_images_and_mixed_bit_depths(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / f"{n}.tif", (image(n) // 32).astype(dtype))
        for n, dtype in enumerate(("uint8", "uint16", "float32"))
    ]
    found = looked_at(*paths)
    assert len(found.sources) == 3
    assert "float32 and uint16 and uint8: each is levelled" in found.notes("x")[0]


def test_the_same_pixels_are_found_under_another_name(tmp_path: Path) -> None:
    a = written(tmp_path / "a.tif", image(1) // 64)
    copy = written(tmp_path / "b.tif", (image(1) // 64).astype(np.float32))
    other = written(tmp_path / "c.tif", image(2))
    with pytest.raises(SettingsError, match=r"b\.tif.*same pixels as.*a\.tif"):
        refuse_shared(looked_at(a, other), looked_at(copy))
    with pytest.raises(SettingsError, match=r"a\.tif is also"):
        refuse_shared(looked_at(a), looked_at(a))
    refuse_shared(looked_at(a), looked_at(other))


def test_frames_of_a_training_movie_are_no_judges(tmp_path: Path) -> None:
    film = np.stack([image(n) for n in range(12)])
    movie = written(tmp_path / "a.ome.tif", film, "TYX")
    part = written(tmp_path / "b.ome.tif", film[6:10], "TYX")
    with pytest.raises(SettingsError, match=r"b\.ome\.tif.*same pixels as"):
        refuse_shared(looked_at(movie), looked_at(part))


def test_entries_are_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("x/1.tif", "x/2.tiff", "x/note.txt", "y/3.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find(["x", "*/3.tif", "x/1.tif"], tmp_path, "training")
    assert [path.name for path, _ in found] == ["1.tif", "2.tiff", "3.tif"]


def test_what_a_mac_leaves_is_no_image(tmp_path: Path) -> None:
    written(tmp_path / "a.tif", image(0))
    (tmp_path / "._a.tif").write_bytes(b"\0\5\x16\7")
    assert find([str(tmp_path)], Path(), "training") == [(tmp_path / "a.tif", False)]


def test_images_that_are_not_looked_at_are_named(tmp_path: Path) -> None:
    for name in ("x/1.tif", "x/._1.tif", "x/2.png", "x/day2/3.tif", "x/empty/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert [p.name for p, _ in find(["x"], tmp_path, "training")] == ["1.tif"]
    (said,) = passed_over(["x", "x/day2", "x/*.tif"], tmp_path, "training")
    assert "'x'" in said and "(1 .png, 1 folder)" in said


def test_tiles_with_something_on_them_are_preferred() -> None:
    empty = np.random.default_rng(0).normal(100, 5, (400, 400))
    empty[:100, :100] += 40 * image(0, 100) / 1000
    rng = np.random.default_rng(1)
    places = [choose_tile(empty, 64, rng) for _ in range(200)]
    busy = np.mean([y < 100 and x < 100 for y, x in places])
    assert busy > 2 * (100 / 336) ** 2 * 2  # by chance alone: (100 / 336)^2


def test_saturated_tiles_are_avoided() -> None:
    bright = image(0, 300)
    bright[:, :100] = 65535
    rng = np.random.default_rng(1)
    lefts = [choose_tile(bright, 64, rng)[1] for _ in range(100)]
    assert min(lefts) > 95


def test_a_moving_clip_is_the_movie_itself(tmp_path: Path) -> None:
    film = np.stack([np.roll(image(0), 2 * t, 1) for t in range(5)])
    path = written(tmp_path / "a.ome.tif", film, "TYX")
    (source,) = looked_at(path).sources
    plan = PoolPlan(frames=5, size=80)
    clip = own_clip(source, np.random.default_rng(0), plan, smooth_px=0)
    np.testing.assert_allclose(clip[1:, :, 2:], clip[:-1, :, :-2], atol=1e-6)
    assert -0.1 < clip.min() and 0.9 < clip.max() < 4


def test_a_pool_is_seeded_and_its_key_follows_its_content(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", image(0))
    sources = looked_at(path).sources
    plan = OwnPool(sources, 4, 3, 64, seed=5, simulated_share=0.25)
    first, second = (make_pool(plan, lambda *_: None) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all() and first.std() > 0.1
    assert plan.key == OwnPool(sources, 4, 3, 64, 5, "mito", 0.25).key
    assert plan.key != OwnPool(sources, 4, 3, 64, 6, "mito", 0.25).key
    written(path, image(1))
    changed = looked_at(path).sources
    assert plan.key != OwnPool(changed, 4, 3, 64, 5, "mito", 0.25).key
