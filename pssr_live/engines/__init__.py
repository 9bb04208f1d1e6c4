"""Inference engines: what runs a network, fastest first, each proved before use."""

from pssr_live.engines.engine import Engine
from pssr_live.engines.ladder import EngineLadder, Refusal

__all__ = ["Engine", "EngineLadder", "Refusal"]
