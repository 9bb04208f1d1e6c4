"""What the report says: the tables and sentences made from a comparison."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pssr_live.evaluation.baselines import SMOOTHING_PX
from pssr_live.evaluation.case import BICUBIC, CLASSICAL, RESTORED, Judged
from pssr_live.evaluation.comparison import Comparison
from pssr_live.evaluation.page import Section, Table
from pssr_live.evaluation.summary import (
    Means,
    differences,
    equal_to_truth,
    means,
    means_by_scene,
    resolution_px,
)

TITLES = {
    RESTORED: "restored",
    BICUBIC: "bicubic of the scan",
    CLASSICAL: "smoothed mean",
}
_FRC = "frc_cycles_per_px"
_COLUMNS = {  # figure: (heading, format)
    "psnr_db": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "normalised_psnr_db": ("PSSR's PSNR, dB", ".2f"),
    "normalised_ssim": ("PSSR's SSIM", ".4f"),
    _FRC: ("FRC", ".3g"),
    "rsp": ("RSP", ".4f"),
    "rse": ("RSE", ".4g"),
    "flicker": ("flicker", ".4g"),
    "truth_flicker": ("the truth's", ".4g"),
}
_DIFFERENCES = {
    "psnr_db": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "normalised_psnr_db": ("PSSR's PSNR, dB", ".2f"),
    "normalised_ssim": ("PSSR's SSIM", ".4f"),
    _FRC: ("FRC, cycles per pixel", ".4f"),
}
_HOW_TO_READ = (
    "PSSR's own PSNR and SSIM forgive wrong brightness. FRC: the finest period on "
    "which picture and truth agree (threshold 0.378); smaller is better. RSP and RSE: "
    "agreement with the scan at the scan's resolution; interpolation keeps the scan's "
    "noise and does well there. Flicker: RMS change from frame to frame where the "
    "truth stands still; blurring lowers it too."
)
_CLASSICAL = (
    "The smoothed mean is the classical method: the mean of the window, a Gaussian of "
    f"{SMOOTHING_PX} pixels of the scan, bicubic."
)
_PAIRED = (
    "Mean over scenes of the paired difference, with its 95 % bootstrap interval over "
    "scenes. Above 0, the restoration is better."
)
_PICTURES = (
    "Cut out where the restored picture differs most from the truth; one grey value "
    "means the same in all panels of a row."
)


def sections(
    comparison: Comparison, pictures: Sequence[tuple[Path, str]]
) -> list[Section]:
    """Return the parts of the page, most important first.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    pictures : sequence of (Path, str)
        PNG files and their captions.
    """
    parts = [Section("Means over scenes", _about(comparison), _means_table(comparison))]
    gains = _gain_table(comparison)
    if len(gains) > 1:
        parts.append(Section("Restored minus the others", (_PAIRED,), gains))
    parts.append(Section("Pictures", (_PICTURES,), (), pictures))
    psnr = "PSNR in dB, mean over the frames of a scene."
    parts.append(Section("Scenes", (psnr,), _scene_table(comparison)))
    if comparison.skipped:
        table = [["frame and reason"], *([reason] for reason in comparison.skipped)]
        parts.append(Section("Frames that could not be judged", (), table))
    return parts


def caption(why: str, judged: Judged) -> str:
    """Return the line under a picture."""
    said = ", ".join(f"{TITLES[s.method]} {s.psnr_db:.2f} dB" for s in judged.scores)
    return f"The {why}: {judged.case.scene}, frame {judged.case.frame}. {said}."


def _about(comparison: Comparison) -> list[str]:
    frames = {(score.scene, score.frame) for score in comparison.scores}
    scenes = {scene for scene, _ in frames}
    said = (
        f"{_count(frames, 'frame')} of {_count(scenes, 'scene')}; each scene counts "
        f"once. Data range of PSNR and SSIM: {comparison.data_range:g}, in the units "
        "of the pictures."
    )
    if comparison.skipped:
        said += f" {_count(comparison.skipped, 'frame')} could not be judged."
    if equal := equal_to_truth(comparison.scores):
        said += (
            f" In {equal} the restored picture equals the truth: an infinite PSNR, "
            "left out of the means."
        )
    if comparison.registered:
        said += (
            " The truth was moved onto each scan first, the same for all methods; the "
            "per-frame table has the displacements."
        )
    has_scans = any(score.method == CLASSICAL for score in comparison.scores)
    return [said, *([_CLASSICAL] if has_scans else []), _HOW_TO_READ]


def _count(things: Collection[Any], name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def _means_table(comparison: Comparison) -> Table:
    by_method = means(comparison.scores)
    known = [
        name
        for name in _COLUMNS
        if any(not math.isnan(figures[name]) for figures in by_method.values())
    ]
    unit = "px" if comparison.pixel_size_um is None else "um"
    head = ["", *(_COLUMNS[n][0] + (f", {unit}" if n == _FRC else "") for n in known)]
    rows = [
        [TITLES[method], *(_cell(figures, name, comparison) for name in known)]
        for method, figures in by_method.items()
    ]
    return [head, *rows]


def _cell(figures: Means, name: str, comparison: Comparison) -> str:
    value = figures[name]
    if name == _FRC:
        value = resolution_px(figures) * (comparison.pixel_size_um or 1)
    if math.isnan(value):
        return "-"
    return format(value, _COLUMNS[name][1])


def _gain_table(comparison: Comparison) -> Table:
    table = [
        ["against", *(heading for heading, _ in _DIFFERENCES.values()), "ahead in"]
    ]
    for method, figures in differences(comparison.scores).items():
        cells = [
            figures[name].in_words(digits) if name in figures else "-"
            for name, (_, digits) in _DIFFERENCES.items()
        ]
        if "psnr_db" in figures:
            psnr = figures["psnr_db"]
            ahead = f"{psnr.scenes_ahead} of {psnr.scenes} scenes"
        else:
            ahead = "-"
        table.append([TITLES[method], *cells, ahead])
    return table


def _scene_table(comparison: Comparison) -> Table:
    by_method = means_by_scene(comparison.scores)
    table = [["scene", *(TITLES[method] for method in by_method)]]
    for scene in next(iter(by_method.values())):
        psnrs = [scenes[scene]["psnr_db"] for scenes in by_method.values()]
        table.append([scene, *(f"{psnr:.2f}" for psnr in psnrs)])
    return table
