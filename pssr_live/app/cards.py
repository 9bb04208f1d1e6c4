"""The models that are here, and how each suits the scan. Pure; knows no Qt."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pssr_live.card import Model, ModelCard, load_model, model_folders
from pssr_live.errors import PssrLiveError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Match:
    """How the pixel size of a scan suits a model.

    Attributes
    ----------
    good : bool or None
        None where the pixel size is not known.
    words : str
        One line.
    """

    good: bool | None
    words: str


def known_models() -> dict[str, str]:
    """Return the names of all models here, with what each is for or what is wrong."""
    told = {}
    for name, folder in model_folders().items():
        try:
            told[name] = load_model(folder).card.summary
        except PssrLiveError as error:
            told[name] = str(error)
    return told


def found_by(model: Model) -> str:
    """Return what finds this very model again: its name, or else its folder."""
    known = model_folders().get(model.card.name)
    folder = model.folder.absolute()
    is_known = known is not None and known.absolute() == folder
    return model.card.name if is_known else str(folder)


def match(card: ModelCard, pixel_size_um: float | None) -> Match:
    """Return whether a scan has the pixel size that the model was made for."""
    low, high = card.sample.pixel_size_um
    made_for = f"{low:g} to {high:g} µm"
    if pixel_size_um is None:
        return Match(None, f"pixel size unknown; the model is for {made_for}")
    if card.sample.mismatch(pixel_size_um):
        return Match(False, f"{pixel_size_um:.3g} µm: the model is for {made_for}")
    return Match(True, f"{pixel_size_um:.3g} µm, within {made_for}")


def page(model: Model) -> list[tuple[str, str]]:
    """Return the card as captions and texts."""
    card = model.card
    low, high = card.sample.pixel_size_um
    return [
        ("What", f"{card.summary}; enlarges {card.scale} times per axis"),
        ("Made for", f"{card.sample.kind}; {card.sample.modality}"),
        ("Pixel size", f"{low:g} to {high:g} µm, as scanned"),
        ("Looks at", _window(card)),
        ("Learned from", "\n".join(card.training.data)),
        ("Where it fails", "\n".join(card.limits)),
        ("Version", f"{card.version}, {card.licence}"),
        ("Network", f"sha256 {card.sha256['model.onnx'][:16]}…"),
    ]


def preview_of(model: Model) -> Path | None:
    """Return the model's picture, if it has one."""
    path = model.folder / "preview.png"
    return path if path.is_file() else None


def _window(card: ModelCard) -> str:
    if card.n_frames == 1:
        return "one frame"
    late = "never waits" if not card.lookahead else f"waits for {card.lookahead} later"
    return f"{card.n_frames} frames, {late}"
