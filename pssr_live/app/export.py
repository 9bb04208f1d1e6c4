"""A picture file of what is on the screen, with COMPUTED burnt into what is. No Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pssr_live.app.levels import Levels
from pssr_live.app.picture import Display, Picture, picture_of
from pssr_live.app.render import Words, as_rgb
from pssr_live.storage.preview import Panel, write_preview


def export_view(path: Path, shown: Picture, display: Display) -> None:
    """Write raw and restored side by side, in the contrast and colours of the screen.

    Parameters
    ----------
    path : Path
        A PNG file; replaced if it exists.
    shown : Picture
        What is on the screen.
    display : Display
        How it is shown.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    whole = picture_of(shown.scene, _held(shown, display), full_size=True)
    first = "raw scan"
    if whole.is_computed:
        first = f"{_made(whole.frames_restore)}, as in the file"
    panels = [_panel(first, whole, whole.raw, computed=whole.is_computed)]
    if whole.restored is not None:
        title = _made(whole.restores)
        panels.append(_panel(title, whole, whole.restored, computed=True))
    longest = max(max(panel.pixels.shape[:2]) for panel in panels)
    write_preview(path, panels, panel_size=max(512, longest))


def _made(restores: bool) -> str:
    return "restored" if restores else "interpolated, NOT restored"


def _panel(title: str, whole: Picture, words: Words, *, computed: bool) -> Panel:
    pixels = as_rgb(words)
    height, width = pixels.shape[:2]
    size_um = whole.field_um[0] / width if whole.in_um else None
    said = f"{title} {width} x {height}" + (whole.place and f", {whole.place}")
    return Panel(said, pixels, size_um, computed=computed)


def _held(shown: Picture, display: Display) -> Display:
    """Return the display with the contrast that is on the screen, automatic or not."""
    held: dict[str, Levels] = dict(shown.levels)
    looks = {
        channel: replace(display.look(channel, n, len(held)), fixed=held[channel])
        for n, channel in enumerate(held)
    }
    return replace(display, looks=looks, marks=False, doubts=False)
