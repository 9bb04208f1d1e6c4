"""The picture of a training: loss, score, and a frame that is judged on.

Drawn anew at each validation, so that a person sees early whether it is worth the
wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pssr_live.calibration.chart import POINTS, Chart
from pssr_live.evaluation.pair import Real
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.preview import BACKGROUND, COMPUTED, TEXT, Panel, write_preview
from pssr_live.training.learning.run_folder import Row

WIDTH, CHARTS_HEIGHT = 1400, 520
FAINT = (40, 82, 104)
BICUBIC, CLASSICAL = (150, 120, 230), (110, 210, 130)


@dataclass(frozen=True, slots=True)
class Lines:
    """What needs no network, in dB: the lines that a model must rise above."""

    bicubic_db: float
    classical_db: float


def draw_progress(
    path: Path, name: str, rows: Sequence[Row], lines: Lines, panels: Sequence[Panel]
) -> None:
    """Write `progress.png`.

    Parameters
    ----------
    path : Path
        Replaced if it exists, never half-written.
    name : str
        What is trained.
    rows : sequence of dict
        The history: `step` and `loss`, or `step` and `psnr_db`.
    lines : Lines
        Drawn across the scores.
    panels : sequence of Panel
        A validation frame: scan, restored, truth.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    frames = path.with_name("." + path.name)
    write_preview(frames, panels, panel_size=440, shared_contrast=True)
    with Image.open(frames) as picture:
        below = picture.convert("RGB")
    frames.unlink()
    width = max(WIDTH, below.width)
    whole = Image.new("RGB", (width, CHARTS_HEIGHT + below.height), BACKGROUND)
    draw = ImageDraw.Draw(whole)
    title = f"{name}, {int(rows[-1]['step']) if rows else 0} steps"
    draw.text((40, 40), title, TEXT, ImageFont.load_default(26), anchor="lm")
    half = width // 2
    _losses(draw, (90, 130, half - 40, CHARTS_HEIGHT - 60), rows)
    _scores(draw, (half + 60, 130, width - 50, CHARTS_HEIGHT - 60), rows, lines)
    whole.paste(below, ((width - below.width) // 2, CHARTS_HEIGHT))
    part = path.with_name(path.name + ".part")
    with disk_errors("The picture of the training", path):
        whole.save(part, "PNG")
        part.replace(path)


def _losses(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rows: Sequence[Row]
) -> None:
    steps, losses = _column(rows, "loss")
    low, high = np.percentile(losses, [0, 98]) if len(losses) else (0, 1)
    margin = 0.1 * float(high - low) + 1e-6  # some losses are logarithms, and negative
    limits = (float(low) - margin, float(high) + margin)
    chart = Chart(draw, box, (0, _last(rows)), limits)
    chart.frame("loss of the crops learned from", "steps", "")
    chart.curve(steps, losses, FAINT)
    width = 1 + len(losses) // 15
    mean = np.convolve(losses, np.full(width, 1 / width), "valid")
    chart.curve(steps[width - 1 :], mean, POINTS)


def _scores(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    rows: Sequence[Row],
    lines: Lines,
) -> None:
    steps, scores = _column(rows, "psnr_db")
    across = (lines.bicubic_db, lines.classical_db)
    # The first steps are far below all else and would flatten the rest.
    low = min([*across, *scores[1:]]) - 0.5
    high = max([*across, *scores]) + 0.5
    chart = Chart(draw, box, (0, _last(rows)), (low, high))
    chart.frame("PSNR of the validation sources", "steps", "dB")
    ends = np.array([0.0, _last(rows)])
    for value, colour in zip(across, (BICUBIC, CLASSICAL), strict=True):
        chart.curve(ends, np.full(2, value), colour)
    chart.curve(steps, scores, COMPUTED)
    chart.points(steps, scores, COMPUTED)
    best = f"restored, best {max(scores):.2f} dB" if len(scores) else "restored"
    names = [
        (best, COMPUTED),
        (f"classical {lines.classical_db:.2f}", CLASSICAL),
        (f"bicubic {lines.bicubic_db:.2f}", BICUBIC),
    ]
    _legend(draw, box, names)


def _legend(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    names: Sequence[tuple[str, tuple[int, ...]]],
) -> None:
    """Write the names under the chart, where no curve runs through them."""
    left, _, _, bottom = box
    font = ImageFont.load_default(15)
    at = float(left)
    for text, colour in names:
        draw.text((at, bottom + 48), text, colour, font, anchor="ls")
        at += font.getlength(text) + 24


def _column(rows: Sequence[Row], name: str) -> tuple[Real, Real]:
    found = [(row["step"], row[name]) for row in rows if name in row]
    steps, values = np.array(found, np.float64).reshape(-1, 2).T
    return steps, values


def _last(rows: Sequence[Row]) -> float:
    return max([1.0, *(row["step"] for row in rows)])
