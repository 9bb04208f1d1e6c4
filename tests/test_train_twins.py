"""Validation images that show nearly what is learned from are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from recipes import image, laboratory, learned

from pssr_live.training.films.twins import look, twins

FIELD = image(1, 300, sigma_px=6.0)
NOISE = np.random.default_rng(0).normal(0, 300, FIELD.shape)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (np.sqrt(FIELD), True),
        (FIELD + NOISE, True),
        (FIELD // 256, True),
        (np.roll(FIELD, (9, -14), (0, 1)), True),
        (image(2, 300, sigma_px=6.0), False),
        (FIELD[:, ::-1], False),
        (NOISE, False),
        (image(1, 200, sigma_px=6.0), False),
        (np.zeros((300, 300)), False),
    ],
    ids="gamma noise bits moved another mirrored nothing small empty".split(),
)
def test_the_same_field_is_told_from_another(other: np.ndarray, told: bool) -> None:
    judged = {Path("judged.tif"): [look(other)], Path("far.tif"): [look(NOISE.T)]}
    said = twins(judged, {Path("learned.tif"): [look(image(3, 300)), look(FIELD)]})
    assert len(said) == told
    if told:
        assert "1 of 2 validation sources" in said[0]
        assert "judged.tif as learned.tif" in said[0]


def test_many_images_are_compared_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pssr_live.training.films.twins.MOST", 20)
    many = {Path(str(n)): [look(FIELD)] for n in range(30)}
    assert "30 of 30" in twins(many, many)[0]


def test_the_second_half_of_a_movie_is_a_note(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path)
    assert learned(recipe, tmp_path / "apart") == []
    moving = [np.roll(image(5), t, 1)[:, :100] for t in range(8)]
    for name, half in (("good/half.tif", moving[:4]), ("other.tif", moving[4:])):
        tifffile.imwrite(tmp_path / name, np.stack(half), photometric="minisblack")
    (said,) = learned(recipe, tmp_path / "halves")
    assert "1 of 1 validation sources" in said and "other.tif as half.tif" in said
