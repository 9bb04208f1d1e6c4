"""The scores of a session's references, from its files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pssr_live.errors import PssrLiveError, StorageError
from pssr_live.evaluation.references import as_facts, score_reference, summarise
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.session import SessionFolder, read_log

KEPT = ("reference", "ordinal", "index")  # of a reference's line in the diary


def score_references(session: str | Path) -> dict[str, Any]:
    """Score all references of a session that is over.

    Parameters
    ----------
    session : str or Path
        Its folder.

    Returns
    -------
    dict
        What `report.json` holds as `quality.references`: `mean`, `worst`, `list`.
        References whose frame is missing, or that show nothing, are left out.

    Raises
    ------
    StorageError
        If the folder has no references, or a file cannot be read.
    """
    folder = SessionFolder(Path(session))
    taken = [line for line in read_log(folder.frames) if line["status"] == "reference"]
    if not taken:
        raise StorageError(
            f"{session} has no references: record one with `pssr-live run "
            "--reference-every`."
        )
    with (
        open_movie(folder.raw) as raw,
        open_movie(folder.restored) as restored,
        open_movie(folder.reference) as references,
    ):
        scores = [_scored(line, raw, restored, references) for line in taken]
    return summarise(score for score in scores if score is not None)


def _scored(
    line: dict[str, Any], raw: Movie, restored: Movie, references: Movie
) -> dict[str, Any] | None:
    n = line["ordinal"]
    if n >= len(restored) or n in restored.missing or n in raw.missing:
        return None
    try:
        score = score_reference(
            restored.frame(n).pixels,
            raw.frame(n).pixels,
            references.frame(line["reference"]).pixels,
            line["rectangle"],
        )
    except StorageError:
        raise
    except PssrLiveError:  # it shows nothing to judge by
        return None
    return {name: line[name] for name in KEPT} | as_facts(score)
