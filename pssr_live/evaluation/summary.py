"""A comparison in one page of numbers: means over scenes and paired differences.

FRC is averaged as a frequency, in which "no agreement at all" is a plain 0, and only
the mean is turned into a resolution. A picture equal to its truth has an infinite PSNR,
which would hide all others: it is left out of the mean and counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from pssr_live.evaluation.case import FIGURES, RESTORED, Score
from pssr_live.evaluation.comparison import Comparison
from pssr_live.evaluation.paired import Difference, paired_difference
from pssr_live.storage.strict_json import strict

COMPARED = (
    "psnr_db",
    "ssim",
    "normalised_psnr_db",
    "normalised_ssim",
    "frc_cycles_per_px",
    "rsp",
    "rse",
    "flicker",
)

Means = dict[str, float]


def means_by_scene(scores: Iterable[Score]) -> dict[str, dict[str, Means]]:
    """Return {method: {scene: {figure: mean over frames}}}; see `_mean`."""
    sorted_out: dict[str, dict[str, list[Score]]] = defaultdict(dict)
    for score in scores:
        sorted_out[score.method].setdefault(score.scene, []).append(score)
    return {
        method: {
            scene: {name: _mean(getattr(s, name) for s in rows) for name in FIGURES}
            for scene, rows in scenes.items()
        }
        for method, scenes in sorted_out.items()
    }


def means(scores: Iterable[Score]) -> dict[str, Means]:
    """Return {method: {figure: mean over scenes}}: each scene counts once."""
    return {
        method: {
            name: _mean(scene[name] for scene in scenes.values()) for name in FIGURES
        }
        for method, scenes in means_by_scene(scores).items()
    }


def differences(scores: Iterable[Score]) -> dict[str, dict[str, Difference]]:
    """Return {other method: {figure: restoration minus other}}, where both have it."""
    by_method: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        by_method[score.method].append(score)
    ours = by_method.pop(RESTORED)
    return {
        method: {
            name: paired_difference(_series(ours, name), _series(theirs, name))
            for name in COMPARED
            if _both(ours, theirs, name)
        }
        for method, theirs in by_method.items()
    }


def resolution_px(means_of_method: Means) -> float:
    """Return the period in pixels at the mean FRC frequency; infinite for none."""
    frequency = means_of_method["frc_cycles_per_px"]
    return 1 / frequency if frequency else math.inf


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the summary for a file; what is not finite becomes None."""
    scores, size = comparison.scores, comparison.pixel_size_um
    by_method = means(scores)
    for figures in by_method.values():
        figures["frc_resolution_px"] = resolution_px(figures)
        if size is not None:
            figures["frc_resolution_um"] = figures["frc_resolution_px"] * size
    report = {
        "frames": len({(score.scene, score.frame) for score in scores}),
        "scenes": len({score.scene for score in scores}),
        "skipped": list(comparison.skipped),
        "equal_to_truth": equal_to_truth(scores),
        "data_range": comparison.data_range,
        "pixel_size_um": size,
        "registered": comparison.registered,
        "means": by_method,
        "means_by_scene": means_by_scene(scores),
        "restored_minus": {
            method: {name: asdict(value) for name, value in figures.items()}
            for method, figures in differences(scores).items()
        },
    }
    plain: dict[str, Any] = strict(report)
    return plain


def equal_to_truth(scores: Iterable[Score]) -> int:
    """Return how many restored frames are their truth, pixel by pixel."""
    return sum(s.method == RESTORED and s.psnr_db == math.inf for s in scores)


def _mean(values: Iterable[float]) -> float:
    """Return the mean of the finite values; infinite if there are only such, or NaN."""
    known = [value for value in values if not math.isnan(value)]
    finite = [value for value in known if math.isfinite(value)]
    return float(np.mean(finite or known)) if known else math.nan


def _series(scores: Iterable[Score], name: str) -> dict[str, list[float]]:
    scenes: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        scenes[score.scene].append(getattr(score, name))
    return scenes


def _both(ours: list[Score], theirs: list[Score], name: str) -> bool:
    return any(
        math.isfinite(getattr(a, name)) and math.isfinite(getattr(b, name))
        for a, b in zip(ours, theirs, strict=True)
    )
