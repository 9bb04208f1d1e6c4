"""Frames per second from counts that only grow, or begin again."""

from __future__ import annotations

from collections import deque

WINDOW_S = 2.5


class Rate:
    """How fast one counter grew in the last moments."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, now_s: float, count: int) -> float:
        """Take the counter's value and return its growth per second.

        >>> rate = Rate()
        >>> [rate.update(t, n) for t, n in ((0.0, 5), (1.0, 25), (2.0, 45))]
        [0.0, 20.0, 20.0]
        >>> rate.update(3.0, 2)  # it began again
        0.0
        """
        seen = self._seen
        if seen and count < seen[-1][1]:
            seen.clear()
        seen.append((now_s, count))
        while len(seen) > 2 and now_s - seen[0][0] > WINDOW_S:
            seen.popleft()
        elapsed_s = now_s - seen[0][0]
        return (count - seen[0][1]) / elapsed_s if elapsed_s > 0 else 0.0
