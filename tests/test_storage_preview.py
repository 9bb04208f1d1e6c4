"""The preview picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pssr_live.errors import SettingsError, StorageError
from pssr_live.storage.preview import BACKGROUND, COMPUTED, Panel, write_preview


def test_panels_of_one_field_have_one_size(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    low = np.arange(64, dtype="uint16").reshape(8, 8)
    high = np.kron(low, np.ones((4, 4), "uint16"))
    panels = [
        Panel("raw scan 8 x 8", low, 0.4),
        Panel("restored 32 x 32", high, 0.1, computed=True),
    ]
    write_preview(path, panels)
    with Image.open(path) as picture:
        seen = np.asarray(picture)
    gap, head, side = 8, 32, 512
    assert seen.shape == (head + side + gap, gap + 2 * (side + gap), 3)
    left, right = (seen[head + 90 : -90, x : x + side] for x in (gap, 2 * gap + side))
    np.testing.assert_allclose(left.astype(int), right, atol=6)
    assert len(np.unique(left[:, 0])) <= 8  # pixels are copied, not blended
    assert not (seen[:, : gap + side] == COMPUTED).all(-1).any()
    assert (seen[:, gap + side :] == COMPUTED).all(-1).any()
    assert tuple(seen[-1, 0]) == BACKGROUND


def test_shared_contrast_keeps_brightness_comparable(tmp_path: Path) -> None:
    dim, bright = np.full((9, 9), 10, "uint8"), np.full((9, 9), 200, "uint8")
    path = tmp_path / "preview.png"
    write_preview(path, [Panel("", dim), Panel("", bright)], shared_contrast=True)
    with Image.open(path) as picture:
        seen = np.asarray(picture)
    assert seen[300, 300].max() == 0
    assert seen[300, 800].min() == 255


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (127, 333), (1500, 700)])
@pytest.mark.parametrize("pixel_size_um", [None, 1e-4, 3.7, 1e4])
def test_odd_sizes_make_a_picture(
    tmp_path: Path, shape: tuple[int, int], pixel_size_um: float | None
) -> None:
    panel = Panel("a title that is far too long " * 9, np.ones(shape), pixel_size_um)
    write_preview(tmp_path / "p.png", [panel], panel_size=256)
    assert (tmp_path / "p.png").stat().st_size > 0


def test_colours_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[...] = (10, 200, 30)
    grey = np.arange(64, dtype="uint16").reshape(8, 8)
    panels = [Panel("merge", colours), Panel("scan", grey)]
    write_preview(path, panels, shared_contrast=True)
    with Image.open(path) as picture:
        seen = np.asarray(picture)
    assert (seen[200, 200] == (10, 200, 30)).all()
    assert len(np.unique(seen[100:400, 600:1000, 0])) > 20
    with pytest.raises(SettingsError, match="or \\(Y, X, 3\\) colours"):
        write_preview(path, [Panel("x", colours.astype("uint16"))])


def test_bad_panels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least one"):
        write_preview(tmp_path / "p.png", [])
    with pytest.raises(SettingsError, match=r"\(2, 2, 3\); give \(Y, X\)"):
        write_preview(tmp_path / "p.png", [Panel("rgb", np.zeros((2, 2, 3)))])
    with pytest.raises(StorageError, match="preview could not be written"):
        write_preview(tmp_path / "no" / "p.png", [Panel("a", np.zeros((2, 2)))])


@pytest.mark.parametrize("size_um", [float("inf"), float("nan"), -1.0, 1e308])
def test_a_size_that_is_none_gives_no_scale_bar(tmp_path: Path, size_um: float) -> None:
    pixels = np.arange(64, dtype="uint16").reshape(8, 8)
    for name, size in (("with", size_um), ("without", None)):
        write_preview(tmp_path / f"{name}.png", [Panel("a", pixels, size)])
    drawn = [(tmp_path / f"{name}.png").read_bytes() for name in ("with", "without")]
    assert drawn[0] == drawn[1]
