"""A restoration beside bicubic and the classical mean, frame by frame.

Cases come one at a time and are let go of, so a movie may be larger than memory;
only the figures stay, and the few pictures that the report shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pssr_live.errors import SettingsError
from pssr_live.evaluation.case import Case, Judged, Score, why_unfit
from pssr_live.evaluation.judging import judge


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All that a report needs.

    Attributes
    ----------
    scores : tuple of Score
        In the order of the cases; the restoration first in each.
    shown : tuple of (str, Judged)
        A few cases with their pictures, each with the reason why it was chosen.
    skipped : tuple of str
        Which frames could not be judged, and why.
    data_range : float
        Of PSNR and SSIM, in the units of the pictures.
    pixel_size_um : float or None
        Of the truth.
    registered : bool
        Whether the truth was moved onto each scan first.
    """

    scores: tuple[Score, ...]
    shown: tuple[tuple[str, Judged], ...]
    skipped: tuple[str, ...]
    data_range: float
    pixel_size_um: float | None
    registered: bool


def compare(
    cases: Iterable[Case],
    data_range: float,
    *,
    pixel_size_um: float | None = None,
    register: bool = False,
) -> Comparison:
    """Judge a restoration beside bicubic and the classical mean.

    Parameters
    ----------
    cases : iterable of Case
        Read one at a time; the frames of a scene in order.
    data_range : float
        The range of the truth over the whole run, in the units of the pictures.
    pixel_size_um : float, optional
        Of the truth; turns FRC into micrometres.
    register : bool
        Measure how far each truth lies from its scan, and undo it; see `judge`.

    Raises
    ------
    SettingsError
        If shapes do not fit, a restored picture holds NaN, or no frame can be judged.
    """
    scores: list[Score] = []
    skipped: list[str] = []
    first = worst = best = None
    for judged in _each(cases, data_range, register, skipped):
        scores += judged.scores
        first = first or judged
        worst = judged if worst is None or judged.gain_db < worst.gain_db else worst
        best = judged if best is None or judged.gain_db > best.gain_db else best
    if first is None or worst is None or best is None:
        reason = f"; the first: {skipped[0]}" if skipped else ""
        raise SettingsError(
            f"None of {len(skipped)} frames can be judged{reason}: give restored "
            "frames whose truth shows something."
        )
    chosen = [("first frame", first), ("best frame", best), ("worst frame", worst)]
    chosen = chosen if worst is not best else chosen[:1]
    shown = {id(judged): (why, judged) for why, judged in chosen}  # each once
    return Comparison(
        tuple(scores),
        tuple(shown.values()),
        tuple(skipped),
        data_range,
        pixel_size_um,
        register,
    )


def _each(
    cases: Iterable[Case], data_range: float, register: bool, skipped: list[str]
) -> Iterator[Judged]:
    """Judge case after case; append to `skipped` the reason for each left out."""
    before: Judged | None = None
    for case in cases:
        reason = why_unfit(case.truth)
        if reason is not None:
            skipped.append(f"{case.scene}, frame {case.frame}: {reason}")
            continue
        before = judge(case, before, data_range, register)
        yield before
