"""The napari plugin: its manifest, and the layers it makes of real session folders."""

from __future__ import annotations

import gc
import itertools
import tomllib
import warnings
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import make_frame

from pssr_live.engines.bicubic import bicubic
from pssr_live.errors import StorageError
from pssr_live.frame import Frame, Restored
from pssr_live.storage.layout import RunLayout
from pssr_live.storage.movie import Movie
from pssr_live.storage.recorder import SessionRecorder
from pssr_live.storage.session import SessionFolder
from pssr_live.storage.sites import Site

with warnings.catch_warnings():
    # npe2 0.10 uses what pydantic 2.14 calls deprecated; neither is ours to mend.
    warnings.simplefilter("ignore", DeprecationWarning)
    from npe2 import PluginManager, PluginManifest, read

PLUGIN = Path(__file__).parents[1] / "plugins" / "napari"
MANIFEST = PLUGIN / "napari_pssr_live" / "napari.yaml"
SCALE = 4
LayerTuple = tuple[Any, dict[str, Any], str]


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> PluginManager:
    """Return the manager that napari would ask, with this plugin alone."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    manager = PluginManager()
    manager.register(PluginManifest.from_file(MANIFEST))
    monkeypatch.setattr(PluginManager, "instance", lambda: manager)
    return manager


def dropped(path: Path) -> list[LayerTuple]:
    """Return what napari gets for a path that is dropped onto it."""
    return read([str(path)], stack=False)


def planned(**sizes: int) -> RunLayout:
    turns = itertools.product(*map(range, sizes.values()))
    return RunLayout(tuple(dict(zip(sizes, at, strict=True)) for at in turns))


def begin(
    path: Path,
    layout: RunLayout,
    *,
    pixel_size_um: float | None = 0.2,
    lost: Sequence[int] = (),
    engines: Sequence[str] = (),
    restored: int = 10**6,
) -> SessionRecorder:
    """Record a session whose restored frames are interpolated, and leave it open."""
    recorder = SessionRecorder(SessionFolder.create(path), layout, SCALE)
    for n in range(len(layout)):
        if n in lost:
            continue
        made = make_frame(n, dict(layout.index_of(n)))
        frame = replace(made, pixel_size_um=pixel_size_um)
        recorder.write_raw(frame)
        if n < restored:
            engine = engines[n] if engines else "onnxruntime"
            recorder.write_restored(enlarged(frame, engine))
    return recorder


def enlarged(frame: Frame, engine: str) -> Restored:
    fine = bicubic(frame.pixels.astype(np.float32), SCALE)
    pixels = np.clip(fine.round(), 0, None).astype(frame.pixels.dtype)
    size = frame.pixel_size_um and frame.pixel_size_um / SCALE
    return Restored(pixels, frame, (frame.ordinal,), size, "a-model", engine, 1.0)


def record(path: Path, layout: RunLayout, **how: Any) -> Path:
    details = how.pop("details", {})
    begin(path, layout, **how).close(details, len(layout))
    return path


def field_of(layer: LayerTuple) -> list[tuple[float, float]]:
    """Return the field's edges along Y and X, where napari draws them."""
    data, properties, _ = layer
    axes = zip(
        data.shape[-2:],
        properties["scale"][-2:],
        properties["translate"][-2:],
        strict=True,
    )
    return [(at - step / 2, at + (n - 0.5) * step) for n, step, at in axes]


def centre_of_mass(layer: LayerTuple, t: int) -> list[float]:
    """Return where napari would show the bright spot of a frame."""
    data, properties, _ = layer
    image = np.asarray(data[t], np.float64)
    image = np.clip(image - 60, 0, None)
    middle = [
        (image.sum(axis=1 - axis) * np.arange(image.shape[axis])).sum() / image.sum()
        for axis in (0, 1)
    ]
    places = zip(
        middle, properties["scale"][1:], properties["translate"][1:], strict=True
    )
    return [at * step + start for at, step, start in places]


def facts(layer: LayerTuple) -> dict[str, Any]:
    said: dict[str, Any] = layer[1]["metadata"]["pssr_live"]
    return said


def test_the_manifest_names_what_there_is() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    assert manifest.name == project["name"]
    module, _, file = project["entry-points"]["napari.manifest"][
        project["name"]
    ].partition(":")
    assert PLUGIN / module / file == MANIFEST


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("raw.ome.tiff", True),
        ("restored.ome.tiff", True),
        ("cell3_restored.ome.tiff", True),
        ("somebody.ome.tiff", False),
        ("raw.tif", False),
    ],
)
def test_only_files_named_like_ours_are_asked_for(
    plugins: PluginManager, tmp_path: Path, name: str, asked: bool
) -> None:
    assert bool(list(plugins.iter_compatible_readers(str(tmp_path / name)))) == asked


def test_other_folders_and_stacks_are_declined(tmp_path: Path) -> None:
    from napari_pssr_live.reader import get_reader

    (tmp_path / "somebody.tif").write_bytes(b"")
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(tmp_path / "raw.ome.tiff")]) is None
    with pytest.raises(ValueError, match="No readers returned data"):
        dropped(tmp_path)


def test_a_session_is_two_layers_on_one_field(tmp_path: Path) -> None:
    raw, restored = dropped(record(tmp_path / "run", planned(t=3)))
    assert [raw[1]["name"], restored[1]["name"]] == ["raw", "restored (computed)"]
    assert (raw[0].shape, restored[0].shape) == ((3, 24, 20), (3, 96, 80))
    assert raw[0].dtype == restored[0].dtype == np.uint16
    assert raw[2] == restored[2] == "image"
    for layer in (raw, restored):
        assert layer[1]["units"] == ("pixel", "um", "um")
        np.testing.assert_allclose(field_of(layer), [(0, 4.8), (0, 4.0)], atol=1e-12)
    # Half a coarse pixel less half a fine one.
    moved = np.subtract(raw[1]["translate"], restored[1]["translate"])
    np.testing.assert_allclose(moved, [0, 0.1 - 0.025, 0.1 - 0.025])


def test_a_spot_is_at_one_place_in_both_layers(tmp_path: Path) -> None:
    layout = planned(t=8)
    raw, restored = dropped(record(tmp_path / "run", layout))
    for t in (5, 7):
        apart = np.subtract(centre_of_mass(raw, t), centre_of_mass(restored, t))
        assert np.abs(apart).max() < 0.015  # um; without translation it is 0.075


def test_frames_are_read_one_by_one_when_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "run", planned(t=6))
    asked = []
    frame = Movie.frame
    monkeypatch.setattr(
        Movie, "frame", lambda self, n: asked.append(n) or frame(self, n)
    )
    raw, restored = dropped(path)
    assert asked == [0]  # for the contrast
    expected = make_frame(4).pixels
    np.testing.assert_array_equal(raw[0][4].compute(), expected)
    assert asked == [0, 4]
    low, high = raw[1]["contrast_limits"]
    assert make_frame(0).pixels.min() <= low < high <= make_frame(0).pixels.max()
    assert restored[1]["contrast_limits"] == (low, high)


def test_all_frames_can_be_read_at_once(tmp_path: Path) -> None:
    raw, _ = dropped(record(tmp_path / "run", planned(t=40)))
    whole = raw[0].compute(scheduler="threads", num_workers=8)
    expected = np.stack([make_frame(n).pixels for n in range(40)])
    np.testing.assert_array_equal(whole, expected)


def test_a_file_is_open_as_long_as_a_layer_shows_it(tmp_path: Path) -> None:
    from napari_pssr_live.layers import layers_of
    from napari_pssr_live.lazy import OpenMovie

    opened = OpenMovie(record(tmp_path / "run", planned(t=2)) / "raw.ome.tiff")
    alive, movie = weakref.ref(opened), opened.movie
    layers = layers_of([opened])
    del opened
    gc.collect()
    assert alive() is not None and layers[0][0][1].compute().any()
    del layers
    gc.collect()
    assert alive() is None
    with pytest.raises(StorageError, match="closed"):
        movie.frame(0)


def test_lost_frames_are_black_and_listed(tmp_path: Path) -> None:
    layers = dropped(record(tmp_path / "run", planned(t=5), lost=(0, 3)))
    for data, properties, _ in layers:
        said = properties["metadata"]["pssr_live"]
        assert [at["t"] for at in said["missing_frames"]] == [0, 3]
        assert data.shape[0] == 5
        assert not data[3].compute().any() and data[4].compute().any()
        assert properties["contrast_limits"][1] > 40  # not those of the black one


def test_one_file_lies_where_it_lies_in_its_session(tmp_path: Path) -> None:
    path = record(tmp_path / "run", planned(t=2))
    together = dropped(path)
    for both, name in zip(together, ("raw", "restored"), strict=True):
        (alone,) = dropped(path / f"{name}.ome.tiff")
        assert alone[1]["name"] == both[1]["name"]
        assert alone[1]["scale"] == both[1]["scale"]
        assert alone[1]["translate"] == both[1]["translate"]


def test_without_a_pixel_size_both_are_in_coarse_pixels(tmp_path: Path) -> None:
    layers = dropped(record(tmp_path / "run", planned(t=2), pixel_size_um=None))
    for layer in layers:
        assert "units" not in layer[1]
        assert field_of(layer) == [(0, 24), (0, 20)]


def test_channels_and_positions_are_layers_of_their_own(tmp_path: Path) -> None:
    turns = planned(t=2, p=2, c=2, z=3)
    layout = replace(turns, channel_names=("GFP", "RFP"), z_step_um=0.5)
    layers = dropped(record(tmp_path / "run", layout))
    names = [properties["name"] for _, properties, _ in layers]
    assert names[:4] == ["raw GFP p0", "raw RFP p0", "raw GFP p1", "raw RFP p1"]
    assert names[4:] == [f"restored (computed){name[3:]}" for name in names[:4]]
    shown = [properties["name"] for _, properties, _ in layers if properties["visible"]]
    assert shown == names[4:6]
    data, properties, _ = layers[3]
    assert data.shape == (2, 3, 24, 20)
    assert properties["axis_labels"] == ("t", "z", "y", "x")
    assert properties["scale"] == (1, 0.5, 0.2, 0.2)
    assert properties["units"] == ("pixel", "um", "um", "um")
    index = {"t": 1, "p": 1, "c": 1, "z": 2}
    ordinal = layout.indices.index(index)  # type: ignore[union-attr]
    assert data[1, 2, 0, 0].compute() == ordinal
    assert {p["colormap"] for _, p, _ in layers} == {"green", "magenta"}


def test_positions_have_the_names_that_a_person_gave(tmp_path: Path) -> None:
    sites = (Site((("p", 0),), "wild type"), Site((("p", 1),), "knock-out"))
    turns = replace(planned(t=2, p=3), sites=sites)
    layers = dropped(record(tmp_path / "run", turns))
    names = [properties["name"] for _, properties, _ in layers]
    assert names[:3] == ["raw wild type", "raw knock-out", "raw p2"]
    shown = [properties["name"] for _, properties, _ in layers if properties["visible"]]
    assert shown == ["raw wild type", "restored (computed) wild type"]  # the first one


def test_planes_that_nobody_planned_are_told_from_lost_ones(tmp_path: Path) -> None:
    indices = ({"t": 0, "c": 0}, {"t": 0, "c": 1}, {"t": 1, "c": 0}, {"t": 2, "c": 0})
    layers = dropped(record(tmp_path / "run", RunLayout(indices), lost=(2,)))
    first, second = layers[:2]
    assert facts(first)["missing_frames"] == [{"t": 1, "z": 0, "frame": 2}]
    assert facts(second)["never_planned"] == [{"t": 1, "z": 0}, {"t": 2, "z": 0}]
    assert second[0].shape == first[0].shape
    assert not second[0][2].compute().any()


def test_a_running_session_shows_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "run"
    recorder = begin(path, planned(t=6), lost=(4, 5), restored=1)
    raw, restored = dropped(path)
    assert (raw[0].shape[0], restored[0].shape[0]) == (4, 1)
    assert raw[0].ndim == restored[0].ndim  # so that t = 0 is not shown for all t
    recorder.close({}, 6)
    assert dropped(path)[0][0].shape[0] == 6


def test_a_session_without_a_frame_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run"
    recorder = begin(path, planned(t=2), lost=(0, 1))
    with pytest.raises(StorageError, match="holds no frame yet"):
        dropped(path)
    recorder.close({}, 2)
    with pytest.raises(StorageError, match="holds no frame yet"):
        dropped(path)


def test_frames_without_a_position_have_no_name_of_one(tmp_path: Path) -> None:
    layout = RunLayout(({"t": 0}, {"t": 1}, {"t": 0, "feedback": 0}))
    layers = dropped(record(tmp_path / "run", layout, restored=0))
    names = [properties["name"] for _, properties, _ in layers]
    assert names == ["raw", "raw feedback0"]


def test_a_spoiled_restored_file_does_not_hide_the_raw_one(tmp_path: Path) -> None:
    path = record(tmp_path / "run", planned(t=2))
    (path / "restored.ome.tiff").write_bytes(b"II spoiled")
    with pytest.warns(UserWarning, match="A part of the session is not shown: .*TIFF"):
        layers = dropped(path)
    assert [properties["name"] for _, properties, _ in layers] == ["raw"]
    (path / "raw.ome.tiff").write_bytes(b"")
    with pytest.raises(StorageError, match=r"restored\.ome\.tiff"):
        dropped(path)


@pytest.mark.parametrize(
    ("engines", "restores", "name", "listed"),
    [
        ("oo", True, "restored (computed)", []),
        ("ob", True, "restored (computed; 1 of 2 only interpolated)", [1]),
        ("bb", False, "interpolated (not restored)", [0, 1]),
    ],
)
def test_interpolated_frames_are_called_so(
    tmp_path: Path, engines: str, restores: bool, name: str, listed: list[int]
) -> None:
    named = {"o": "onnxruntime", "b": "bicubic"}
    last = {"name": named[engines[-1]], "restores": restores}
    path = record(
        tmp_path / "run",
        planned(t=2),
        engines=[named[engine] for engine in engines],
        details={"engine": last},
    )
    layer = dropped(path)[1]
    assert layer[1]["name"] == name
    assert facts(layer)["interpolated_frames"] == listed
    assert facts(layer)["details"]["engine"] == last
    # Away from its diary, the file tells only which engine it ended with.
    away = (path / "restored.ome.tiff").rename(tmp_path / "my_restored.ome.tiff")
    alone = dropped(away)[0][1]["name"]
    assert alone == ("restored (computed)" if restores else name)
