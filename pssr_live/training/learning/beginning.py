"""Weights to go on from, and whether they fit what is to be trained."""

from __future__ import annotations

from pathlib import Path

import torch

from pssr_live.card import load_model, model_folders
from pssr_live.errors import ModelError
from pssr_live.network import Architecture
from pssr_live.weights import Weights, fits, read_weights

TARGET_SHARE = 0.6


def start_from(name: str, architecture: Architecture, folder: Path) -> Weights:
    """Return the weights of a model that training may begin from.

    Parameters
    ----------
    name : str
        A model's name, or its folder, relative to `folder`.
    architecture : Architecture
        What is to be trained; the model must agree with it, or see a single frame.
    folder : Path
        The recipe's.

    Raises
    ------
    ModelError
        If there is no such model, or it is another network.
    """
    model = load_model(name if name in model_folders() else folder / name)
    card, a = model.card, architecture
    theirs = (card.n_frames, card.scale)
    ours = (a.n_frames, a.scale)
    if theirs not in (ours, (1, a.scale)):
        raise ModelError(
            f"{card.name} looks at {theirs[0]} frames and enlarges x{theirs[1]}, the "
            f"recipe's network at {ours[0]} and x{ours[1]}: make [network] agree, or "
            "leave out training.begins_from."
        )
    weights = for_window(read_weights(model), a)
    if not fits(weights, a):
        raise ModelError(
            f"{card.name} is another kind of network than the recipe's: change "
            "network.kind, or leave out training.begins_from."
        )
    return weights


def for_window(weights: Weights, architecture: Architecture) -> Weights:
    """Return single-frame weights as a start for a network that sees a window.

    It begins by looking at a mean of the frames in which the target counts most.
    Weights of a network that sees a window already are returned as they are.
    """
    head, frames = weights["head.weight"], architecture.n_frames
    if head.shape[1] != 1 or frames == 1:
        return weights
    share = torch.full((frames,), (1 - TARGET_SHARE) / (frames - 1))
    share[architecture.target] = TARGET_SHARE
    pattern = weights["pattern.weight"]
    return weights | {
        "head.weight": (head * share[:, None, None]).contiguous(),
        "pattern.weight": pattern.new_zeros(len(pattern), frames),
    }
