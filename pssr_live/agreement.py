"""What the agreement of pictures with their scans comes to, over a whole run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pssr_live.trust import Noises

NOISE_ALONE = 0.02  # share of frames that are marked, up to which nothing is said
TOO_SMOOTH, TOO_NEAR = 1.5, 0.4  # misfits; good pictures have 0.55 to 1
MOST_TOLD = 100


def agreement(
    found: Mapping[int, Mapping[str, float]], noises: Noises
) -> dict[str, Any]:
    """Return what the consistencies of a run come to, for its report.

    Parameters
    ----------
    found : mapping of int to mapping
        `Consistency.facts` by ordinal; nothing comes of none.
    noises : mapping of str to ScanNoise
        What they were found with, as far as that is known.
    """
    if not found:
        return {}
    doubtful = [n for n in sorted(found) if found[n]["doubtful_share"] > 0]
    worst = max(doubtful or found, key=lambda ordinal: found[ordinal]["worst_sd"])
    # By its values: the file may be another one when the report is read.
    values = {channel: asdict(noise) for channel, noise in noises.items()}
    return {
        "calibration": values.get("") if set(values) <= {""} else values,
        "frames": len(found),
        "frames_doubtful": len(doubtful),
        "misfit_median": round(
            float(np.median([one["misfit"] for one in found.values()])), 3
        ),
        "worst": {"ordinal": worst, **found[worst]},
        "doubtful_ordinals": doubtful[:MOST_TOLD],
    }


def in_diary(lines: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, float]]:
    """Return the facts of each consistency in the diary of a run, by ordinal."""
    key = "consistency"
    return {line["ordinal"]: line[key] for line in lines if key in line}


def doubts(told: Mapping[str, Any], noises: Noises, restored: int) -> list[str]:
    """Return what a person should know of the `agreement` of some restored frames."""
    held = told.get("frames", 0)
    said = []
    if noises and held < restored:
        how_many = f"Only {held} of {restored}" if held else f"None of {restored}"
        said.append(
            f"{how_many} restored frames were held against their scans: the "
            f"calibrations are of the channels {', '.join(noises)}, and the others are "
            "of other channels."
        )
    if not held:
        return said
    many, all_of_them, worst = told["frames_doubtful"], told["frames"], told["worst"]
    if many > NOISE_ALONE * all_of_them:
        said.append(
            f"{many} of {all_of_them} restored frames show places that do not agree "
            f"with their scans, most of all frame {worst['ordinal']} (from 0; "
            f"{worst['worst_sd']:.1f} standard deviations of the noise): something "
            "moved too fast for the model, or is unlike what it learned from."
        )
    if unlike := unlike_calibrated(told["misfit_median"]):
        said.append(unlike)
    return said


def unlike_calibrated(misfit: float) -> str:
    """Say what is wrong where a misfit is not that of a good picture; "" if nothing is.

    >>> unlike_calibrated(0.8)
    ''
    """
    differ = "Scans and restored frames differ by"
    of_noise = "times the variance of the calibrated noise"
    set_otherwise = "the detector is set otherwise than when it was calibrated"
    if misfit > TOO_SMOOTH:
        return (
            f"{differ} {misfit:.1f} {of_noise}: {set_otherwise}, or the pictures are "
            "too smooth."
        )
    if misfit < TOO_NEAR:
        return (
            f"{differ} only {misfit:.2g} {of_noise}: frames are averaged, or "
            f"{set_otherwise}, and then faults can go unmarked; or the pictures repeat "
            "the noise."
        )
    return ""
