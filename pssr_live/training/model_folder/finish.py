"""From a training's folder, or a model's, to a model folder that is judged anew.

A model folder appears whole or not at all: it is written beside its place.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pssr_live.card import ModelCard, load_model
from pssr_live.errors import StorageError
from pssr_live.network import Architecture, FastNet
from pssr_live.storage.disk import disk_errors
from pssr_live.training.judging.judge import Example, examples, judge
from pssr_live.training.judging.validation import prepared
from pssr_live.training.learning.checkpoint import load
from pssr_live.training.learning.run_folder import RunFolder
from pssr_live.training.learning.trainer import part_of
from pssr_live.training.model_folder.export import export
from pssr_live.training.model_folder.page import draw, page
from pssr_live.training.scans.ranges import Ranges
from pssr_live.weights import network_of

PHOTONS = 20.0
NAME = r"[a-z0-9][a-z0-9-]*"
AS_TRAINED = "validation, degraded as in training"
AS_SHELF = f"validation, {PHOTONS:g} photons"


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a place for a model that is taken.

    Raises
    ------
    StorageError
        If it is a file, a folder that is not empty, or has no name for a model.
    """
    if not re.fullmatch(NAME, folder.resolve().name):
        raise StorageError(
            f"{folder.resolve().name!r} is no name for a model: name a folder with "
            "small letters, digits and hyphens, such as actin-x4."
        )
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file: name a folder for the model.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / "card.toml").exists():
        raise StorageError(f"{folder} holds other things: choose another folder.")
    if not overwrite:
        raise StorageError(
            f"{folder} holds a model already: choose another folder, or pass "
            "--overwrite to replace it."
        )


def from_run(run: RunFolder, folder: Path, last: bool = False) -> ModelCard:
    """Write the model folder of a training: its best weights, or its last.

    Raises
    ------
    StorageError
        If the training has none yet, or the disk refuses.
    ModelError
        If the exported network does not agree with the trained one.
    """
    facts = run.read_facts()
    architecture = Architecture(**facts["architecture"])
    ranges = Ranges(**{k: _pair(v) for k, v in facts["ranges"].items()})
    net = FastNet(architecture)
    kept = run.last if last else run.best
    if not kept.exists():
        raise StorageError(
            f"{run.path} has no {kept.name} yet: go on with `pssr-live train --resume`."
        )
    tensors, _ = load(kept)
    net.load_state_dict(part_of(tensors, "average") if last else tensors)
    net.eval()
    clips = torch.from_numpy(np.load(run.validation, allow_pickle=False))
    shown = {
        AS_TRAINED: prepared(clips, architecture, ranges).shown,
        AS_SHELF: examples(clips, net, PHOTONS),
    }
    metrics = {test: judge(net, found) for test, found in shown.items()}
    about = facts["about"]
    spent = load(run.last)[1]
    training = {
        **about["training"],
        "steps": spent["steps"],
        "seconds": round(spent["spent_s"], 1),
        "device": spent["device"],
    }
    limits = [*about["limits"], *behind(metrics)]
    about = {**about, "metrics": metrics, "training": training, "limits": limits}
    return _write(net, folder, about, shown[AS_SHELF])


def behind(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a sentence on each test in which interpolation does better."""
    said = []
    for test, m in metrics.items():
        ways = {"bicubic": m["bicubic_psnr_db"], "classical": m["classical_psnr_db"]}
        way = max(ways, key=ways.__getitem__)
        if m["psnr_db"] < ways[way]:
            said.append(
                f"Worse than {way} interpolation without any model ({test}: "
                f"{m['psnr_db']:.2f} and {ways[way]:.2f} dB)."
            )
    return said


def from_model(source: Path | str, folder: Path) -> ModelCard:
    """Write a model folder anew from the weights and the card of another.

    Raises
    ------
    ModelError
        If the source is no model, or not one of this version's networks.
    StorageError
        If the disk refuses.
    """
    model = load_model(source)
    net = network_of(model)
    known = set(ModelCard.model_fields) - _OF_NETWORK
    about = model.card.model_dump(mode="json", include=known)
    picture = model.folder / "preview.png"
    return _write(net, folder, about, picture if picture.exists() else None)


_OF_NETWORK = {
    *("name", "scale", "n_frames", "lookahead", "receptive_radius"),
    *("gflop_per_lr_pixel", "parameters", "sha256"),
}


def _write(
    net: FastNet,
    folder: Path,
    about: dict[str, Any],
    picture: list[Example] | Path | None,
) -> ModelCard:
    """Write all files beside `folder`, then put them there."""
    with disk_errors("The model", folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".model-", dir=folder.parent))
    try:
        # The name of its folder becomes the model's.
        made = room / folder.resolve().name
        with disk_errors("The model", folder):
            card = export(net, made, about)
            (made / "README.md").write_text(page(card), encoding="utf-8")
            if isinstance(picture, Path):
                shutil.copyfile(picture, made / "preview.png")
            elif picture:
                best = max(picture, key=lambda e: float(e.truth.std()))
                draw(net, best, made / "preview.png")
            if folder.exists():
                shutil.move(folder, room / ".old")
            made.replace(folder)
        load_model(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return card


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
