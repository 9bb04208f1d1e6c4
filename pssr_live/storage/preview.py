"""One PNG to look at: panels of the same field side by side, raw pixels visible.

Each panel is enlarged by copying pixels, never by interpolation, so that what was
scanned and what was computed can be told apart by eye.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pssr_live.errors import SettingsError, StorageError
from pssr_live.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

BACKGROUND = (16, 18, 22)
TEXT = (232, 234, 238)
COMPUTED = (255, 176, 59)
PERCENTILES = (0.5, 99.8)
_BAR_SHARE = 0.25  # of a panel's width, at most
_SMALLEST = 256  # pixels of a panel, whatever was asked

_Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture of the preview.

    Attributes
    ----------
    title : str
        Stands above it.
    pixels : ndarray, (Y, X) or (Y, X, 3)
        Any numeric type; three planes are colours, uint8, and shown as they are.
    pixel_size_um : float or None
        Distance of neighbouring pixels; gives the scale bar, if it is a size.
    computed : bool
        Whether a model made it: then the panel says so.
    """

    title: str
    pixels: npt.NDArray[Any] = field(repr=False)
    pixel_size_um: float | None = None
    computed: bool = False


def write_preview(
    path: Path,
    panels: Sequence[Panel],
    *,
    panel_size: int = 512,
    shared_contrast: bool = False,
) -> None:
    """Write the panels, left to right, as one PNG.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    panels : sequence of Panel
        At least one, all of the same field.
    panel_size : int
        The longer side of a panel on the picture, in pixels.
    shared_contrast : bool
        Whether one grey value means the same in all panels.

    Raises
    ------
    SettingsError
        If there is no panel, or one is not (Y, X).
    StorageError
        If the file cannot be written.
    """
    for panel in panels:
        if not _is_picture(panel.pixels):
            raise SettingsError(
                f"The panel {panel.title!r} has the shape {panel.pixels.shape}; give "
                "(Y, X) pixels, or (Y, X, 3) colours."
            )
    if not panels:
        raise SettingsError("A preview of no panels was asked for; give at least one.")
    size = _size_on_picture(panels[0].pixels.shape[:2], max(panel_size, _SMALLEST))
    unit = max(size) // 64  # what margins and letters are measured in
    gap, head = unit, 4 * unit
    picture = Image.new(
        "RGB",
        (gap + (size[0] + gap) * len(panels), head + size[1] + gap),
        BACKGROUND,
    )
    greys = [panel.pixels for panel in panels if panel.pixels.ndim == 2]
    limits = _limits(greys) if shared_contrast and greys else None
    for n, panel in enumerate(panels):
        left = gap + (size[0] + gap) * n
        box = (left, head, left + size[0], head + size[1])
        shown = panel.pixels
        if shown.ndim == 2:
            shown = _grey(shown, limits or _limits([shown]))
        enlarged = Image.fromarray(shown).resize(size, Image.Resampling.NEAREST)
        picture.paste(enlarged, box)
        _annotate(ImageDraw.Draw(picture), panel, box, unit)
    made = BytesIO()
    picture.save(made, "PNG")
    try:
        with disk_errors("The preview", path):
            path.write_bytes(made.getvalue())
    except StorageError:
        with suppress(OSError):
            path.unlink()  # half a picture, which no viewer opens
        raise


def bar_length_um(field_um: float) -> float:
    """Return a round length (1, 2 or 5 times a power of ten) for a scale bar.

    >>> bar_length_um(25.6), bar_length_um(3.0)
    (5.0, 0.5)
    """
    longest = field_um * _BAR_SHARE
    power = 10.0 ** math.floor(math.log10(longest))
    step = max(step for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
    return float(f"{step * power:.1g}")


def _is_picture(pixels: npt.NDArray[Any]) -> bool:
    coloured = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    return pixels.size > 0 and (pixels.ndim == 2 or coloured)


def _size_on_picture(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """Return (width, height): a whole multiple of the pixels where one fits."""
    y, x = shape
    factor = longest / max(x, y)
    if factor >= 1:
        factor = math.floor(factor)
    return max(round(x * factor), 1), max(round(y * factor), 1)


def _limits(images: Sequence[npt.NDArray[Any]]) -> tuple[float, float]:
    low, high = zip(*(np.percentile(i, PERCENTILES) for i in images), strict=True)
    return float(min(low)), float(max(high))


def _grey(
    pixels: npt.NDArray[Any], limits: tuple[float, float]
) -> npt.NDArray[np.uint8]:
    low, high = limits
    scaled = (pixels.astype(np.float32) - low) / max(high - low, 1e-6)
    grey: npt.NDArray[np.uint8] = (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)
    return grey


def _annotate(draw: ImageDraw.ImageDraw, panel: Panel, box: _Box, unit: int) -> None:
    left, top, right, _ = box
    font = ImageFont.load_default(2.2 * unit)
    title = _fitting(panel.title, right - left, font)
    draw.text((left, top - 0.9 * unit), title, TEXT, font, anchor="ls")
    if panel.computed:
        small = ImageFont.load_default(1.7 * unit)
        at = (right - 1.2 * unit, top + 1.2 * unit)
        edges = draw.textbbox(at, "COMPUTED", small, anchor="rt")
        pad = 0.5 * unit
        plate = (edges[0] - pad, edges[1] - pad, edges[2] + pad, edges[3] + pad)
        draw.rounded_rectangle(plate, radius=pad, fill=COMPUTED)
        draw.text(at, "COMPUTED", BACKGROUND, small, anchor="rt")
    field_um = panel.pixels.shape[1] * (panel.pixel_size_um or 0.0)
    if 0 < field_um < math.inf:  # some files say that a pixel is infinite
        _scale_bar(draw, field_um, box, unit)


def _scale_bar(
    draw: ImageDraw.ImageDraw, field_um: float, box: _Box, unit: int
) -> None:
    left, _, right, bottom = box
    length_um = bar_length_um(field_um)
    end = right - 1.5 * unit
    start = end - length_um / field_um * (right - left)
    base = bottom - 1.5 * unit
    draw.rectangle((start, base - 0.6 * unit, end, base), fill=TEXT, outline=BACKGROUND)
    draw.text(
        ((start + end) / 2, base - 0.9 * unit),
        f"{length_um:g} um",  # Pillow's own font has no micro sign
        TEXT,
        ImageFont.load_default(1.9 * unit),
        anchor="ms",
        stroke_width=max(unit // 6, 1),
        stroke_fill=BACKGROUND,
    )


def _fitting(text: str, width: int, font: Any) -> str:
    """Return the text, cut where it would run into the next panel."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
