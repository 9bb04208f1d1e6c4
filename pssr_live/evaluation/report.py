"""The report of a comparison: a folder to keep and a page to look at.

frames.csv      every figure of every frame and method
summary.json    means, paired differences and how they were made
report.md       the page, with its pictures beside it
report.html     the same page in a single file
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from pssr_live.errors import StorageError
from pssr_live.evaluation.case import RESTORED, Judged, Score
from pssr_live.evaluation.comparison import Comparison
from pssr_live.evaluation.findings import TITLES, caption, sections
from pssr_live.evaluation.page import html, markdown
from pssr_live.evaluation.pair import Image
from pssr_live.evaluation.summary import as_json
from pssr_live.storage.disk import disk_errors
from pssr_live.storage.preview import Panel, write_preview

CUTOUT_PX = 160  # of the truth's pixels: still large enough to see pixels
_PANEL_PX = 320
FILES = (
    *("summary.json", "report.md", "report.html", "frames.csv"),
    *("first_frame.png", "best_frame.png", "worst_frame.png"),
)

Box = tuple[slice, slice]


def write_report(
    comparison: Comparison,
    folder: Path,
    *,
    title: str = "Restored beside the truth",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the report; return what is in `summary.json`.

    Parameters
    ----------
    comparison : Comparison
        See `pssr_live.evaluation.comparison.compare`.
    folder : Path
        Made if it is not there.
    title : str
        Heads the page.
    overwrite : bool
        Replace the report that the folder holds.

    Raises
    ------
    StorageError
        If there is a report already, or the disk refuses; nothing is left then.
    """
    check_free(folder, overwrite)
    summary = as_json(comparison)
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with disk_errors("The report", folder), _room_in(folder) as room:
            _write_files(comparison, summary, room, title)
            for name in FILES:  # a picture of an earlier report may have no successor
                (folder / name).unlink(missing_ok=True)
            for path in room.iterdir():
                path.replace(folder / path.name)
    except BaseException:
        for each in new:
            with suppress(OSError):  # it holds what others wrote meanwhile
                each.rmdir()
        raise
    return summary


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder with files that a report would replace, before hours are spent.

    Raises
    ------
    StorageError
        If there is one and `overwrite` is not set, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file: name a folder for the report.")
    taken = [name for name in FILES if (folder / name).exists()]
    if not taken or overwrite:
        return
    what = "a report" if "summary.json" in taken else f"a {taken[0]}"
    raise StorageError(
        f"{folder} holds {what} already: choose another folder, or pass --overwrite to "
        "replace it."
    )


@contextmanager
def _room_in(folder: Path) -> Iterator[Path]:
    """Yield a folder to write in, so that a report is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _write_files(
    comparison: Comparison, summary: dict[str, Any], folder: Path, title: str
) -> None:
    _write_table(folder / "frames.csv", comparison.scores)
    pictures = []
    for why, judged in comparison.shown:
        path = folder / f"{why.replace(' ', '_')}.png"
        _write_picture(path, judged, comparison.pixel_size_um)
        pictures.append((path, caption(why, judged)))
    parts = sections(comparison, pictures)
    _write(folder / "report.md", markdown(title, parts))
    _write(folder / "report.html", html(title, parts))
    _write(folder / "summary.json", json.dumps(summary, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write_table(path: Path, scores: tuple[Score, ...]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(field.name for field in fields(Score))
        table.writerows(astuple(score) for score in scores)


def _write_picture(path: Path, judged: Judged, pixel_size_um: float | None) -> None:
    case, scan = judged.case, judged.case.scan
    scale = 1 if scan is None else len(case.truth) // len(scan)
    box = _greatest_error(judged, scale)
    panels = [
        Panel(TITLES[method], picture[box], pixel_size_um, method == RESTORED)
        for method, picture in judged.pictures.items()
    ]
    panels.append(Panel("truth", judged.truth[box], pixel_size_um))
    if scan is not None:
        coarse = tuple(slice(s.start // scale, s.stop // scale) for s in box)
        size = None if pixel_size_um is None else pixel_size_um * scale
        panels.insert(0, Panel("raw scan", scan[coarse], size))
    write_preview(path, panels, panel_size=_PANEL_PX, shared_contrast=True)


def _greatest_error(judged: Judged, scale: int) -> Box:
    """Return the cutout around the greatest error, on whole pixels of the scan."""
    restored = judged.pictures[RESTORED].astype(np.float64)
    error: Image = gaussian_filter(np.abs(restored - judged.truth), CUTOUT_PX / 4)
    peak = np.unravel_index(error.argmax(), error.shape)
    starts, sides = [], []
    for at, side in zip(peak, error.shape, strict=True):
        length = min(side, CUTOUT_PX) // scale * scale
        start = int(np.clip(at - length // 2, 0, side - length))
        starts.append(start // scale * scale)
        sides.append(length)
    y, x = (slice(s, s + n) for s, n in zip(starts, sides, strict=True))
    return y, x
