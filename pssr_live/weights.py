"""The trained numbers of a model folder, and the torch network that they fill.

A card tells frames and scale, not width and depth: those are read off the weights.
"""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pssr_live.card import Model
from pssr_live.errors import ModelError
from pssr_live.network import Architecture, FastNet

Weights = dict[str, torch.Tensor]
FILE = "weights.safetensors"


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
