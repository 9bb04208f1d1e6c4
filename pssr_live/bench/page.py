"""The report as files to keep: figures for programs, a page, and a picture.

bench.json      everything, as `pssr-live bench --json` prints it
bench.md        the page
bench.png       how long a frame takes, all engines side by side
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pssr_live.bench.bars import BAR_SIDE
from pssr_live.bench.picture import draw_picture
from pssr_live.bench.rows import (
    ENGINE_HEAD,
    TIMES,
    WORK,
    about,
    absent_rows,
    busy,
    engine_rows,
    sentences,
    speed_rows,
)
from pssr_live.errors import StorageError
from pssr_live.evaluation.page import Section, markdown
from pssr_live.storage.disk import disk_errors

JSON, PAGE, PICTURE = "bench.json", "bench.md", "bench.png"


def write(report: dict[str, Any], folder: Path) -> None:
    """Write the three files.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with disk_errors("The figures", folder):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=2) + "\n"
        (folder / JSON).write_text(text, "utf-8")
        draw_picture(folder / PICTURE, report)
        title = f"How fast {report['model']['name']} is here"
        page = markdown(title, _sections(report, folder / PICTURE))
        (folder / PAGE).write_text(page, "utf-8")


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that holds figures, before minutes are spent on others.

    Raises
    ------
    StorageError
        If it does and `overwrite` is not set, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file: name a folder for the figures.")
    if (folder / JSON).exists() and not overwrite:
        raise StorageError(
            f"{folder} holds figures already: choose another folder, or pass "
            "--overwrite to replace them."
        )


def _sections(report: dict[str, Any], picture: Path) -> list[Section]:
    remark = busy(report)
    told = [f"{about(report)}.", *sentences(report), *([remark] if remark else [])]
    parts = [Section("Where", told, pictures=[(picture, _CAPTION)])]
    scale = report["model"]["scale"]
    for side in report["settings"]["sizes"]:
        heading = f"{side} x {side} to {scale * side} x {scale * side}"
        rows = [["engine", *TIMES, *WORK], *speed_rows(report, side)]
        parts.append(Section(heading, [_SPEED], rows))
    parts.append(Section("Starting", [_START], [ENGINE_HEAD, *engine_rows(report)]))
    if absent := absent_rows(report):
        parts.append(Section("Not measured", (), [["what", "why"], *absent]))
    met = {True: "yes", False: "no", None: "not run"}
    bars = [
        [bar["what"], str(bar["value"]), bar["bar"], met[bar["met"]]]
        for bar in report["bars"]
    ]
    heading = f"Bars, for {BAR_SIDE} x {BAR_SIDE} unless another size is named"
    parts.append(Section(heading, (), [["what", "measured", "bar", "met"], *bars]))
    return parts


_CAPTION = "A frame in memory to its picture: median, and up to the 99th percentile."
_SPEED = (
    "From a 16-bit frame in memory to a 16-bit picture in memory, all in turns. Of the "
    "peak: of what this machine was measured to do at most in the same minutes, the "
    "whole restoration and the network alone. Cores: flat out, and at 30 frames/s."
)
_START = (
    "In a fresh process, from the call of Python to an engine that has passed its "
    "self-test; memory that the process grew by until it had restored a few frames."
)
