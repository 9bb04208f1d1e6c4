"""The score of one reference, from what has been recorded of its frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pssr_live.errors import SettingsError
from pssr_live.frame import Pixels


class Recorded(Protocol):
    """The recorder of the run, as far as references need it."""

    def read_raw(self, ordinal: int) -> Pixels:
        """Read a raw frame back."""

    def read_restored(self, ordinal: int) -> Pixels:
        """Read a restored frame back; StorageError if there is none yet."""

    def remark(self, ordinal: int, status: Any, **facts: Any) -> None:
        """Write a line about a frame."""


def score(
    line: Mapping[str, Any], recorded: Recorded, restored: Pixels, reference: Pixels
) -> dict[str, Any]:
    """Return the figures of a reference, by name.

    Parameters
    ----------
    line : mapping
        What the diary says of the reference.
    recorded : Recorded
        Holds the raw frame.
    restored, reference : ndarray, (Y, X)
        The restored frame, all of it, and the reference.

    Raises
    ------
    SettingsError
        If the reference shows nothing to judge by, or scipy is not installed.
    """
    # Loaded here, because it needs scipy, which a live session can do without.
    try:
        from pssr_live.evaluation.references import as_facts, score_reference
    except ImportError as error:
        raise SettingsError(
            'Scores need scipy: pip install "pssr-live[demo]".'
        ) from error
    raw = recorded.read_raw(line["ordinal"])
    return as_facts(score_reference(restored, raw, reference, line["rectangle"]))


def summary(scores: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what `report.json` says of all scores."""
    listed = sorted(scores, key=lambda one: int(one["reference"]))
    if not listed:
        return {"mean": None, "worst": None, "list": []}
    from pssr_live.evaluation.references import summarise

    return summarise(listed)
