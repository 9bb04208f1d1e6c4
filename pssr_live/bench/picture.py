"""The picture: how long a frame takes, all engines side by side, shortest first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from pssr_live.bench.rows import busy, called
from pssr_live.calibration.chart import GRID, MUTED, POINTS
from pssr_live.storage.preview import BACKGROUND, COMPUTED, TEXT

WIDTH, MARGIN = 1400, 40
NAMES, FIGURES = 300, 250  # columns left and right of the axis
HEAD, ROW, GAP = 120, 44, 92
OTHERS = (150, 120, 230)
SCANNER_MS = 1e3 / 30
LEGEND = (
    ("in use", COMPUTED),
    ("engines", POINTS),
    ("not restored", MUTED),
    ("networks of others", OTHERS),
)

Colour = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One taker: its name, and where it lies on the axis."""

    name: str
    colour: Colour
    p50_ms: float
    p99_ms: float
    frames_per_s: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Milliseconds on a logarithmic axis between two columns of the picture."""

    low_ms: float
    high_ms: float
    left: int = MARGIN + NAMES
    right: int = WIDTH - MARGIN - FIGURES

    def at(self, value_ms: float) -> float:
        """Return where a value lies."""
        share = math.log(value_ms / self.low_ms) / math.log(self.high_ms / self.low_ms)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> list[float]:
        """Return the powers of ten, and 2 and 5 times them."""
        powers = range(
            math.floor(math.log10(self.low_ms)), math.ceil(math.log10(self.high_ms))
        )
        marks = [float(f"{m}e{p}") for p in powers for m in (1, 2, 5)]
        return [mark for mark in marks if self.low_ms <= mark <= self.high_ms]


def draw_picture(path: Path, report: dict[str, Any]) -> None:
    """Write the picture of a report.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    report : dict
        Of `pssr_live.bench.measure`.
    """
    blocks = {side: _lines(report, side) for side in report["settings"]["sizes"]}
    every = [line for lines in blocks.values() for line in lines]
    axis = Axis(
        0.7 * min([SCANNER_MS, *(line.p50_ms for line in every)]),
        1.4 * max([SCANNER_MS, *(line.p99_ms for line in every)]),
    )
    height = HEAD + MARGIN + sum(ROW * len(lines) + GAP for lines in blocks.values())
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    _head(draw, report)
    top, scale = HEAD, report["model"]["scale"]
    for side, lines in blocks.items():
        title = f"{side} x {side} pixels to {scale * side} x {scale * side}"
        _block(draw, axis, top, title, lines)
        top += ROW * len(lines) + GAP
    picture.save(path, "PNG")


def _lines(report: dict[str, Any], side: int) -> list[Line]:
    found = [
        _line(called(report, name), _colour(report, name), engine["sizes"][str(side)])
        for name, engine in report["engines"].items()
    ]
    if side == report["settings"]["sizes"][0]:
        found += [_line(name, OTHERS, peer) for name, peer in report["peers"].items()]
    return sorted(found, key=lambda line: line.p50_ms)


def _line(name: str, colour: Colour, timed: dict[str, Any]) -> Line:
    figures = (timed[name] for name in ("p50_ms", "p99_ms", "frames_per_s"))
    return Line(name, colour, *figures)


def _colour(report: dict[str, Any], name: str) -> Colour:
    if name == report["chosen"]:
        return COMPUTED
    return POINTS if report["engines"][name]["restores"] else MUTED


def _head(draw: ImageDraw.ImageDraw, report: dict[str, Any]) -> None:
    machine = report["machine"]
    title = f"How long a frame takes: {report['model']['name']}"
    _text(draw, (MARGIN, 46), title, TEXT, 28, "ls")
    remark = busy(report)
    where = f"{machine['cpu']}, {machine['cores']} cores"
    if report["gpu"] is not None:
        where += f", {report['gpu']['name']}"
    said = "bars: from the median to the 99th percentile"
    _text(draw, (MARGIN, 78), f"{where};  {said}", MUTED, 17, "ls")
    if remark is not None:
        _text(draw, (MARGIN, 102), remark, COMPUTED, 15, "ls")
    at = float(WIDTH - MARGIN)
    for name, colour in reversed(LEGEND):
        _text(draw, (at, 46), name, colour, 16, "rs")
        at -= ImageFont.load_default(16).getlength(name) + 24


def _block(
    draw: ImageDraw.ImageDraw, axis: Axis, top: int, title: str, lines: list[Line]
) -> None:
    begin, end = top + 36, top + 36 + ROW * len(lines)
    _text(draw, (MARGIN, top + 22), title, TEXT, 20, "ls")
    for mark in axis.ticks():
        x = axis.at(mark)
        draw.line((x, begin, x, end), GRID)
        _text(draw, (x, end + 6), f"{mark:g}", MUTED, 15, "mt")
    _text(draw, (axis.right + 24, end + 6), "ms a frame", MUTED, 15, "lt")
    x = axis.at(SCANNER_MS)
    draw.line((x, begin, x, end), MUTED, 2)
    _text(draw, (x, begin - 6), "30 frames/s", MUTED, 15, "ms")
    for place, line in enumerate(lines):
        _row(draw, axis, begin + ROW * place + ROW // 2, line)


def _row(draw: ImageDraw.ImageDraw, axis: Axis, y: int, line: Line) -> None:
    _text(draw, (axis.left - 24, y), line.name, line.colour, 18, "rm")
    begin, end = axis.at(line.p50_ms), axis.at(line.p99_ms)
    faint = tuple(round(0.35 * part) for part in line.colour)
    draw.rectangle((axis.left, y - 9, begin, y + 9), fill=faint)
    draw.rectangle((begin, y - 9, max(end, begin + 2), y + 9), fill=line.colour)
    figures = f"{_short(line.p50_ms)} ms,  {_short(line.frames_per_s)} frames/s"
    _text(draw, (WIDTH - MARGIN, y), figures, TEXT, 17, "rm")


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    colour: Colour,
    size: int,
    anchor: str,
) -> None:
    draw.text(at, text, colour, ImageFont.load_default(size), anchor=anchor)
