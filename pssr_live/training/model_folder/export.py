"""Write a model folder: ONNX for engines, weights for training further, and the card.

The ONNX file is float32, opset 18, self-contained, with any number of windows of any
size. It is compared with the torch network before the card is written, and the stored
self-test is what that network gave: every engine is held to it.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch
from safetensors.torch import save as as_bytes

from pssr_live.card import CARD, ModelCard
from pssr_live.engines.onnx import start_session
from pssr_live.errors import ModelError
from pssr_live.network import FastNet

EXPORT_ERROR = 1e-5  # largest allowed difference of ONNX and torch
HASHED = ("model.onnx", "weights.safetensors", "self_test.npz")


def export(net: FastNet, folder: Path, about: dict[str, Any]) -> ModelCard:
    """Write the model folder of a trained network.

    Parameters
    ----------
    net : FastNet
        The network, in evaluation mode.
    folder : Path
        Where to write; its name becomes the model's name.
    about : dict
        The fields of `ModelCard` that a network cannot know: version, summary,
        licence, limits, tolerance, sample, training, metrics.

    Raises
    ------
    ModelError
        If the exported network does not agree with the torch network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Its own `save_file` makes files that other accounts cannot read.
    (folder / "weights.safetensors").write_bytes(as_bytes(net.state_dict()))
    _write_onnx(net, folder / "model.onnx")
    _write_self_test(net, folder / "self_test.npz")
    _compare(folder)
    a = net.architecture
    card = ModelCard(
        name=folder.name,
        scale=a.scale,
        n_frames=a.n_frames,
        lookahead=a.lookahead,
        receptive_radius=a.receptive_radius,
        gflop_per_lr_pixel=a.gflop_per_lr_pixel,
        parameters=sum(p.numel() for p in net.parameters()),
        sha256={
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in HASHED
        },
        **about,
    )
    text = tomli_w.dumps(card.model_dump(mode="json"))
    (folder / CARD).write_text(text, encoding="utf-8")
    return card


def _write_onnx(net: FastNet, path: Path) -> None:
    a = net.architecture
    example = (torch.rand(2, a.n_frames, 24, 40), torch.ones(2, a.n_frames))
    sizes = {
        "frames": {0: "windows", 2: "height", 3: "width"},
        "valid": {0: "windows"},
    }
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        # The exporter remarks that both inputs share the name of one axis.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            example,
            path,
            input_names=["frames", "valid"],
            output_names=["restored"],
            dynamic_shapes=sizes,
            opset_version=18,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger's remarks on what else could be installed to itself."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _write_self_test(net: FastNet, path: Path) -> None:
    """Store a window of moving spots with one frame missing, and its restoration."""
    a = net.architecture
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:48, :40]
    frames = rng.normal(0.05, 0.05, (a.n_frames, 48, 40))
    for cy, cx in rng.uniform(4, 36, (12, 2)):
        for number, frame in enumerate(frames):
            away = (y - cy - 0.3 * number) ** 2 + (x - cx) ** 2
            frame += np.exp(-away / 2.5)
    valid = np.ones(a.n_frames, np.float32)
    missing = 0 if a.target != 0 else a.n_frames - 1
    valid[missing : missing + (a.n_frames > 1)] = 0
    given = frames.astype(np.float32) * valid[:, None, None]
    with torch.no_grad():
        window = torch.from_numpy(given)[None], torch.from_numpy(valid)[None]
        restored = net(*window)[0].numpy()
    np.savez(path, frames=given, valid=valid, restored=restored)


def _compare(folder: Path) -> None:
    session = start_session(str(folder / "model.onnx"))
    with np.load(folder / "self_test.npz", allow_pickle=False) as stored:
        fed = {name: stored[name][None] for name in ("frames", "valid")}
        (restored,) = session.run(["restored"], fed)
        error = float(np.abs(restored[0] - stored["restored"]).max())
    if not error <= EXPORT_ERROR:
        raise ModelError(
            f"The exported network in {folder} differs by {error:.3g} from the trained "
            f"one ({EXPORT_ERROR:g} is allowed): export it with another torch version."
        )
