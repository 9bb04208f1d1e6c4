"""Scores abroad: what they compare, and that a page says the truth about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pssr_live.card import load_model
from pssr_live.engines.bicubic import bicubic
from pssr_live.training.judging import foreign
from pssr_live.training.judging.foreign import DEGRADATIONS, Scores, abroad
from pssr_live.training.model_folder.page import page


def movie(frames: int = 8) -> np.ndarray:
    y, x = np.mgrid[:64, :48]
    film = [np.sin((y + t) / 4) * np.cos(x / 5) + 1 for t in range(frames)]
    return np.rint(500 + 1000 * np.stack(film)).astype(np.uint16)


@pytest.mark.parametrize(("n_frames", "lookahead"), [(5, 2), (5, 0), (1, 0)])
def test_interpolation_scores_like_interpolation(n_frames: int, lookahead: int) -> None:
    target = n_frames - 1 - lookahead
    found = abroad(
        lambda window: bicubic(window[target], 4),
        {"waves": movie()},
        n_frames=n_frames,
        lookahead=lookahead,
        scale=4,
    )
    assert list(found) == ["waves"]
    assert list(found["waves"]) == [how.name for how in DEGRADATIONS]
    for scores in found["waves"].values():
        assert scores.restored == scores.bicubic
        assert scores.gain <= 0


def test_the_truth_itself_cannot_be_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "WINDOWS", 1)
    film = movie()
    found = abroad(lambda window: film[2], {"": film}, n_frames=5, lookahead=2, scale=4)
    assert all(scores.restored > 60 for scores in found[""].values())


def test_each_degradation_has_a_name_of_its_own() -> None:
    names = [how.name for how in DEGRADATIONS]
    assert len(set(names)) == len(names) >= 12


def test_a_page_shows_the_gain_over_the_better_of_two() -> None:
    card = load_model("mito-mf5-x4").card
    told: dict[str, Any] = {
        "cells": {"dim": (30.0, 20.0, 29.0), "clean": (40.0, 40.5, 30.0)}
    }
    text = page(card.model_copy(update={"foreign": told}))
    assert "| dim | +1.00 |" in text
    assert "| clean | -0.50 |" in text
    assert "Mean +0.25 dB, worst -0.50 dB, below 0 in 1 of 2" in text
    assert Scores(30.0, 20.0, 29.0).gain == 1
