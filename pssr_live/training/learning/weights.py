"""Weights to go on from: which network they belong to, and whether it is the one.

A card tells frames and scale, not width and depth: those are read off the weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pssr_live.card import Model, load_model, model_folders
from pssr_live.errors import ModelError
from pssr_live.training.network import Architecture, FastNet

Weights = dict[str, torch.Tensor]
FILE = "weights.safetensors"
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


def read_weights(model: Model) -> Weights:
    """Read the weights of a model folder.

    Raises
    ------
    ModelError
        If it has none.
    """
    path = model.folder / FILE
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"The weights {path} cannot be read ({error}): take the model folder anew."
        ) from error


def network_of(model: Model) -> FastNet:
    """Return the network of a model folder, ready for use.

    Raises
    ------
    ModelError
        If its weights are of no network that is known here.
    """
    weights, card = read_weights(model), model.card
    head = weights.get("head.weight", torch.empty(0))
    numbers = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
    a = Architecture(
        n_frames=card.n_frames,
        lookahead=card.lookahead,
        scale=card.scale,
        width=len(head),
        blocks=len(numbers),
    )
    if not len(head) or not fits(weights, a):
        raise ModelError(
            f"The weights of {card.name} belong to no network of this version: export "
            "it with the version that trained it."
        )
    net = FastNet(a)
    net.load_state_dict(weights)
    return net.eval()


def fits(weights: Weights, architecture: Architecture) -> bool:
    """Whether weights have the names and shapes of a network."""
    with torch.device("meta"):
        wanted = FastNet(architecture).state_dict()
    return {name: tensor.shape for name, tensor in weights.items()} == {
        name: tensor.shape for name, tensor in wanted.items()
    }
