"""Which frame of one movie belongs to which of another.

Programs write the same frames in different orders: by time and then by channel, or the
other way round. What a frame is called tells more than where it stands.
"""

from __future__ import annotations

from pssr_live.errors import SettingsError
from pssr_live.frame import Series
from pssr_live.storage.movie import Movie


def matching(movie: Movie, other: Movie) -> list[int]:
    """Return, for each frame of `movie`, the ordinal of its frame in `other`.

    Frames of one index (time, channel, plane, position) belong together. A movie
    whose frames differ along one axis at most, such as a plain stack, tells no more
    than their order, and then the order counts.

    Parameters
    ----------
    movie, other : Movie
        With as many frames.

    Raises
    ------
    SettingsError
        If both tell more than an order, and not the same.
    """
    ours, theirs = _indices(movie), _indices(other)
    place = {index: ordinal for ordinal, index in enumerate(theirs)}
    if set(ours) == set(place) and len(place) == len(movie):
        return [place[index] for index in ours]
    if min(_axes_told(ours), _axes_told(theirs)) < 2:
        return list(range(len(movie)))
    raise SettingsError(
        f"The frames of {movie.path} are {_in_words(ours)} and those of {other.path} "
        f"{_in_words(theirs)}: give movies of the same axes, or save one as a plain "
        "stack in the order of the other."
    )


def _indices(movie: Movie) -> list[Series]:
    """Return what tells each frame from the others: (axis, rank), by axis.

    Axes along which nothing differs are left out, and the values of the others are
    counted anew: a file that starts at position 2 and one at 0 may be the same.
    """
    indices = [movie.layout.index_of(ordinal) for ordinal in range(len(movie))]
    axes = sorted({axis for index in indices for axis in index})
    values = {axis: sorted({i.get(axis, 0) for i in indices}) for axis in axes}
    ranks = {
        axis: {value: rank for rank, value in enumerate(known)}
        for axis, known in values.items()
        if len(known) > 1
    }
    return [
        tuple((axis, rank[index.get(axis, 0)]) for axis, rank in ranks.items())
        for index in indices
    ]


def _axes_told(indices: list[Series]) -> int:
    """Return how many axes tell frames apart; 0 where an index comes twice."""
    return len(indices[0]) if len(set(indices)) == len(indices) else 0


def _in_words(indices: list[Series]) -> str:
    """Return the axes and their lengths, such as "t 3 x c 2"."""
    lengths = {axis: rank + 1 for axis, rank in map(max, zip(*indices, strict=True))}
    return " x ".join(f"{axis} {length}" for axis, length in lengths.items())
