"""Everything in turns, so that none has the quiet half of the minute.

Two figures that were not taken in turns cannot be compared on a machine that does
anything else: it slows down for one of them. Here each taker has one turn in every
round, and all have the same number of rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

REST_S = 0.25  # until the threads of the one before sleep: some wait actively

Listener = Callable[[str, float], None]
"""Called with what is being done, and the share of it that is done, 0 to 1."""


class Turn(Protocol):
    """Something that is measured in turns.

    Attributes
    ----------
    name : str
        How it is called in reports.
    rounds : int
        How many turns it had.
    """

    name: str
    rounds: int

    def warm_up(self) -> None:
        """Run once without a clock, and settle how much fits into a turn."""

    def turn(self) -> None:
        """Measure, and keep what came out."""


def run_rounds(
    turns: Sequence[Turn], seconds: float, what: str, listen: Listener
) -> int:
    """Take rounds for about `seconds`, at least one; return how many.

    Parameters
    ----------
    turns : sequence of Turn
        Each has one turn a round, in this order.
    seconds : float
        When to begin no further round; warming up does not count.
    what : str
        What this is, for `listen`.
    listen : callable
        See `Listener`.
    """
    for place, turn in enumerate(turns):
        listen(f"Warming up {turn.name}", place / len(turns))
        turn.warm_up()
        time.sleep(REST_S)
    begun, rounds = time.perf_counter(), 0
    while rounds == 0 or time.perf_counter() - begun < seconds:
        for turn in turns:
            turn.turn()
            time.sleep(REST_S)
            listen(what, min((time.perf_counter() - begun) / seconds, 1))
        rounds += 1
    return rounds
