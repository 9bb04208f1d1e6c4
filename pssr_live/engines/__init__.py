"""Inference engines: what runs a network, fastest first, each proved before use."""

from pssr_live.engines.by_counts import CountsEngine
from pssr_live.engines.by_values import FloatEngine
from pssr_live.engines.engine import BuildProgress, Engine
from pssr_live.engines.ladder import EngineLadder, Refusal

__all__ = [
    "BuildProgress",
    "CountsEngine",
    "Engine",
    "EngineLadder",
    "FloatEngine",
    "Refusal",
]
