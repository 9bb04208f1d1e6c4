"""Frames that were filtered are told from raw ones, moving or still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, gaussian_filter1d, uniform_filter, zoom

from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.samples.sample import make_sample
from pssr_live.scanners.simulated import ScanRecord, ScanSettings
from pssr_live.scanners.simulated.beam import brightness
from pssr_live.shared_noise import filtered

Film = np.ndarray
SETTINGS = ScanSettings(resolution=96, seed=5)


@pytest.fixture(scope="module")
def film() -> Film:
    """Return a moving cell without noise, brightness about 0..1."""
    sample = make_sample("mito", SETTINGS.seed, SETTINGS.optics.field_um)
    seen = [brightness(sample, ScanRecord(n, SETTINGS, n * 2.0, 0)) for n in range(5)]
    return np.stack(seen).astype(np.float64) / np.max(seen)


def photons(film: Film, many: float) -> Film:
    noise = np.random.default_rng(0)
    caught: Film = noise.poisson(film * many) / many
    return caught


def recorded(film: Film) -> Film:
    return (film * 3000 + 200).clip(0, 65535).astype(np.uint16)


def line_offsets(film: Film) -> Film:
    offsets = np.random.default_rng(1).normal(0, 0.1, (5, 96, 1))
    return photons(film, 50) + offsets


RAW: dict[str, Callable[[Film], Film]] = {
    "5 photons": lambda film: photons(film, 5),
    "500 photons": lambda film: photons(film, 500),
    "no noise, but motion": lambda film: film,
    "offsets of lines": line_offsets,
    "a slow detector": lambda film: gaussian_filter1d(photons(film, 30), 0.9, axis=2),
    "bleaching": lambda film: photons(film * 0.9 ** np.arange(5)[:, None, None], 99),
    "nothing at all": np.zeros_like,
}
FILTERED: dict[str, Callable[[Film], Film]] = {
    "a Gaussian": lambda film: gaussian_filter(photons(film, 30), (0, 0.7, 0.7)),
    "a wide Gaussian": lambda film: gaussian_filter(photons(film, 30), (0, 1.5, 1.5)),
    "a mean": lambda film: uniform_filter(photons(film, 30), (0, 3, 3)),
    "enlarged": lambda film: zoom(photons(film, 30), (1, 2, 2), order=1),
}


@pytest.mark.parametrize("how", RAW)
def test_raw_frames_are_not_called_filtered(how: str, film: Film) -> None:
    assert filtered(recorded(RAW[how](film))) == ""


@pytest.mark.parametrize("how", FILTERED)
def test_filtered_frames_are_told(how: str, film: Film) -> None:
    assert "filtered or resampled" in filtered(recorded(FILTERED[how](film)))


@pytest.mark.parametrize("shape", [(2, 96, 96), (1, 96, 96), (5, 9, 96), (5, 1, 1)])
def test_too_little_says_nothing(shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0).normal(size=shape)
    assert filtered(gaussian_filter(noise, (0, 0.7, 0.7))) == ""


@pytest.mark.parametrize("how", ["a Gaussian", "5 photons"])
def test_a_restored_file_warns(
    how: str, film: Film, tmp_path: Path, centred: Restorer
) -> None:
    path, made = tmp_path / "in.tif", (RAW | FILTERED)[how](film)
    other = photons(np.ones_like(film), 20)  # a second channel, raw in either case
    both = np.stack([recorded(made), recorded(other)], axis=1)
    tifffile.imwrite(path, both, ome=True, metadata={"axes": "TCYX"})
    report = restore_file(path, tmp_path / "out.tif", centred, pixel_size_um=0.2)
    said = [note for note in report["warnings"] if "filtered" in note]
    assert bool(said) == (how in FILTERED)


def test_a_model_that_learned_from_filtered_frames_takes_them(
    film: Film, tmp_path: Path, centred: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = centred.card.training.crappifier | {"filtered_share": 0.1}
    training = centred.card.training.model_copy(update={"crappifier": learned})
    card = centred.card.model_copy(update={"training": training})
    monkeypatch.setattr(centred, "card", card)
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, recorded(FILTERED["a Gaussian"](film)))
    report = restore_file(path, tmp_path / "out.tif", centred, pixel_size_um=0.2)
    assert not [note for note in report["warnings"] if "filtered" in note]
