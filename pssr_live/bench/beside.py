"""What stands beside the engines, as far as the packages for it are installed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pssr_live.bench.rounds import Listener
from pssr_live.card import Model
from pssr_live.errors import PssrLiveError

if TYPE_CHECKING:
    from pssr_live.bench.peers.turn import PeerTurn

LIVE_FRAMES_PER_S = 8  # of the seconds that the rounds were given
FEWEST_FRAMES, MOST_FRAMES = 24, 240


def peers_or_why_not(side: int, left_out: dict[str, str]) -> list[PeerTurn]:
    """Return the turns of others' networks, or say why there are none."""
    try:
        from pssr_live.bench.peers.turn import peer_turns, unfit
    except ModuleNotFoundError as error:
        left_out["networks of others"] = (
            f"The package {error.name} is not installed: run "
            '`pip install "pssr-live[train]"`.'
        )
        return []
    reason = unfit(side)
    if reason is not None:
        left_out["networks of others"] = reason
        return []
    return peer_turns(side)


def live_or_why_not(
    model: Model,
    engine: str,
    seconds: float,
    left_out: dict[str, str],
    listen: Listener,
) -> dict[str, Any]:
    """Return how a live run went, or say why there is none."""
    listen("Live, with the scanner running", 0)
    frames = int(np.clip(LIVE_FRAMES_PER_S * seconds, FEWEST_FRAMES, MOST_FRAMES))
    try:
        from pssr_live.bench.live import run_live

        return {"live": asdict(run_live(model.folder, engine, frames))}
    except PssrLiveError as error:
        left_out["live run"] = str(error)
    except ModuleNotFoundError as error:
        left_out["live run"] = (
            f"The package {error.name} is not installed: run "
            '`pip install "pssr-live[demo]"`.'
        )
    return {}
