"""One page to judge a calibration by: the fit beside what it was fitted to."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pssr_live.calibration.chart import MUTED, POINTS, Chart
from pssr_live.calibration.pairs import PairFit
from pssr_live.calibration.repeats import RepeatsFit
from pssr_live.calibration.values import Calibration, Measured
from pssr_live.evaluation.pair import Real
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.preview import BACKGROUND, COMPUTED, TEXT

_WIDTH_PX, _LEAST_HEIGHT_PX, _MARGIN_PX = 1400, 860, 40
_LEFT, _RIGHT = (100, 130, 660, 620), (800, 130, 1360, 620)
_TABLE_Y = 710
_PANEL_PX = 420

_Words = tuple[tuple[int, int], str, Any, int]  # where, what, colour, size


def write_picture(path: Path, fit: RepeatsFit | PairFit) -> None:
    """Write the page as PNG.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    calibration = fit.calibration
    table = _table(calibration)
    below = table[-1][0][1] + _MARGIN_PX
    page = Image.new("RGB", (_WIDTH_PX, max(_LEAST_HEIGHT_PX, below)), BACKGROUND)
    draw = ImageDraw.Draw(page)
    names = " and ".join(Path(name).name for name in calibration.source.files)
    _text(draw, (40, 58), f"Calibration from {names}"[:90], TEXT, 28)
    if isinstance(fit, RepeatsFit):
        _draw_transfer(draw, fit)
        _draw_spectrum(draw, fit)
    else:
        _draw_pair(page, draw, fit)
    for words in table:
        _text(draw, *words)
    with disk_errors("The picture of the fit", path):
        page.save(path, "PNG")


def _draw_transfer(draw: ImageDraw.ImageDraw, fit: RepeatsFit) -> None:
    transfer = fit.transfer
    mean, variance = transfer.mean_adu, transfer.variance_adu2
    limits = (_padded(mean), (0.0, float(variance.max()) * 1.08))
    chart = Chart(draw, _LEFT, *limits)
    chart.frame("Photon transfer", "mean (ADU)", "variance of one frame (ADU^2)")
    x = np.linspace(*limits[0], 400)
    line = transfer.gain * (x - transfer.offset) + transfer.read_noise**2
    chart.curve(x, line)
    chart.points(mean, variance)
    chart.legend([("measured", POINTS), ("fitted", COMPUTED)], 400)


def _draw_spectrum(draw: ImageDraw.ImageDraw, fit: RepeatsFit) -> None:
    spectrum = fit.spectrum
    seen = np.concatenate([spectrum.power[spectrum.power > 0], spectrum.noise])
    low, high = float(seen[seen > 0].min()), float(seen.max())
    x_limits = (float(spectrum.frequency[0]) * 0.9, 0.55)
    chart = Chart(draw, _RIGHT, x_limits, (low / 2, high * 2), log=True)
    chart.frame("Power spectrum", "frequency (cycles / pixel)", "power (arbitrary)")
    chart.curve(spectrum.frequency, spectrum.noise, MUTED)
    chart.points(spectrum.frequency, spectrum.power)
    chart.curve(spectrum.frequency, spectrum.fitted)
    entries = [("sample", POINTS), ("PSF fitted", COMPUTED), ("noise", MUTED)]
    chart.legend(entries, 16)


def _draw_pair(page: Image.Image, draw: ImageDraw.ImageDraw, fit: PairFit) -> None:
    limits = tuple(np.percentile(fit.low, (0.5, 99.8)))
    apart = fit.low - fit.predicted
    far = max(float(np.percentile(np.abs(apart), 99.5)), 1e-6)
    panels = (
        ("Low-density scan", _grey(fit.low, *limits), TEXT),
        ("Predicted from high density", _grey(fit.predicted, *limits), COMPUTED),
        (
            f"Difference, black to white {2 * far:.3g} ADU",
            _grey(apart, -far, far),
            TEXT,
        ),
    )
    for n, (title, grey, colour) in enumerate(panels):
        left = 40 + n * (_PANEL_PX + 30)
        image = Image.fromarray(grey)
        factor = _PANEL_PX / max(image.size)
        size = (round(image.width * factor), round(image.height * factor))
        page.paste(image.resize(size, Image.Resampling.NEAREST), (left, 150))
        _text(draw, (left, 138), title, colour, 19)


def _grey(picture: Real, low: float, high: float) -> npt.NDArray[np.uint8]:
    scaled = np.clip((picture - low) / max(high - low, 1e-9), 0, 1)
    return np.asarray(scaled * 255 + 0.5, np.uint8)


def _table(calibration: Calibration) -> list[_Words]:
    """Return all values in two columns, those that are missing with their reason."""
    rows = [
        (name, in_words(value))
        for name in type(calibration).model_fields
        if isinstance(value := getattr(calibration, name), Measured)
    ]
    words: list[_Words] = []
    y = _TABLE_Y
    for n, (name, text) in enumerate(rows):
        x, y = 40 + 690 * (n % 2), _TABLE_Y + 30 * (n // 2)
        words += [((x, y), name, MUTED, 18), ((x + 270, y), text, TEXT, 18)]
    for name, why in calibration.not_identifiable.items():
        words.append(((40, y + 28), name, MUTED, 16))
        for line in wrap(f"not identifiable: {why}", 125):
            y += 28
            words.append(((310, y), line, COMPUTED, 16))
    for line in (line for note in calibration.notes for line in wrap(note, 170)):
        y += 28
        words.append(((40, y), line, MUTED, 15))
    return words


def in_words(measured: Measured) -> str:
    """Return a value with its uncertainty, to the digits that the latter allows.

    >>> in_words(Measured(value=39.7321, uncertainty=0.214))
    '39.73 +- 0.21'
    """
    error = measured.uncertainty
    digits = 1 - int(np.floor(np.log10(error))) if error > 0 else 3
    digits = min(max(digits, 0), 6)
    return f"{measured.value:.{digits}f} +- {error:.{digits}f}"


def _padded(values: Real) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: Any, size: int
) -> None:
    draw.text(at, text, colour, ImageFont.load_default(size), anchor="ls")
