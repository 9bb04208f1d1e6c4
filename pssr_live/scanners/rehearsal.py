"""A session on the simulated scanner, scored against the truth that only it knows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from useq import MDAEvent, MDASequence, PropertyTuple, TIntervalLoops

from pssr_live.engines.bicubic import bicubic
from pssr_live.errors import SettingsError
from pssr_live.evaluation.metrics import psnr, ssim
from pssr_live.pipeline import Progress
from pssr_live.scanners.acquire import acquire
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import (
    SimulatedScanner,
    calibration_file,
    density_setup,
    scanner_of,
    simulated_config,
)
from pssr_live.scanners.timing import ScanTiming
from pssr_live.storage.movie import Movie, open_movie
from pssr_live.storage.picture import scan_and_picture, titled
from pssr_live.storage.preview import Panel, write_preview
from pssr_live.storage.session import SessionFolder

MOST_FRAMES = 100_000  # an hour; what is kept of each adds up
SPECIMENS = {"mito": "Mitochondria", "em": "Section"}  # presets of the scanner


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What to scan and how to restore it."""

    frames: int
    sample: str
    seed: int
    resolution: int
    model: str
    engine: str | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise SettingsError(
                f"A demo of {self.frames} frames shows nothing: give 1 or more."
            )
        if self.frames > MOST_FRAMES:
            raise SettingsError(
                f"A demo of {self.frames} frames is more than memory holds with the "
                f"truth of each: give {MOST_FRAMES} or fewer."
            )
        if not 0 <= self.seed < 2**31:
            raise SettingsError(
                f"There is no cell number {self.seed}: give a seed from 0 to "
                f"{2**31 - 1}."
            )


def rehearse(
    plan: Rehearsal,
    out: Path,
    overwrite: bool = False,
    scanning: Progress | None = None,
    catching_up: Progress | None = None,
    scoring: Progress | None = None,
) -> dict[str, Any]:
    """Acquire, restore, score; return the report, which is also in `report.json`.

    Parameters
    ----------
    plan : Rehearsal
        What to do.
    out : Path
        Folder for the session.
    overwrite : bool
        Replace the session that `out` holds.
    scanning, catching_up, scoring : callable, optional
        Called with (done, total) while frames are scanned, while deferred ones are
        restored, and while all are compared with the truth.
    """
    core = open_core(simulated_config())
    try:
        scanner = scanner_of(core)
        label = core.getCameraDevice()
        core.setConfig("Specimen", SPECIMENS[plan.sample])
        core.setProperty(label, "Seed", plan.seed)
        density = [PropertyTuple(*p) for p in density_setup(plan.resolution, label)]
        sequence = MDASequence(
            time_plan=TIntervalLoops(interval=timedelta(0), loops=plan.frames),
            setup=MDAEvent(properties=density),
        )
        live = LiveRestoration(
            plan.model,
            out,
            engine=plan.engine,
            overwrite=overwrite,
            core=core,
            progress=catching_up,
            calibration=calibration_file(plan.sample),
        )
        report = acquire(core, sequence, live, scanning)
        if report["frames_restored"] == plan.frames:  # else there is little to score
            folder = SessionFolder(out)
            report["scan"] = _account(core, scanner, report)
            report["quality"] |= _score(scanner, folder, scoring)
            _picture(scanner, folder, report)
            folder.write_report(report)
    finally:
        close_core(core)
    return report


def _account(
    core: ScanCore, scanner: SimulatedScanner, report: dict[str, Any]
) -> dict[str, Any]:
    """Compare the run with a full-density scan of the same field, taken now."""
    low = scanner.record(0).settings.timing
    core.setProperty(core.getCameraDevice(), "Resolution", 512)
    begun = time.perf_counter()
    core.snapImage()
    full_ms = 1000 * (time.perf_counter() - begun)
    full: ScanTiming = scanner.record(report["frames_acquired"]).settings.timing
    fps = report["fps"]
    frame_ms = 1000 / fps if fps else low.frame_time_ms
    saving = low.compared_to(full)
    return {
        "density": saving.density,
        "time_ratio": full_ms / frame_ms,
        "dose_ratio": saving.dose_ratio,
        "frame_time_ms": frame_ms,
        "frame_time_is": "measured" if fps else "modelled",
        "full_frame_time_ms": full_ms,
        "full_frame_time_is": "measured",
        "nominal_frame_time_ms": low.frame_time_ms,
        "nominal_full_frame_time_ms": full.frame_time_ms,
        "dwell_us": low.dwell_us,
        "pixel_size_um": scanner.record(0).settings.pixel_size_um,
    }


def _score(
    scanner: SimulatedScanner, folder: SessionFolder, progress: Progress | None
) -> dict[str, Any]:
    """Compare every restored frame, and bicubic of its scan, with the truth."""
    rows: list[tuple[float, float, float, float]] = []
    with open_movie(folder.raw) as raw, open_movie(folder.restored) as restored:
        total = len(raw.layout)
        side = restored.shape[0]
        data_range = float(np.ptp(scanner.truth(0, side)))
        for number in range(total):
            truth = scanner.truth(number, side)
            rows.append(_row(raw, restored, number, truth, data_range))
            if progress is not None:
                progress(number + 1, total)
    names = ("psnr_db", "bicubic_psnr_db", "ssim", "bicubic_ssim")
    means = np.mean(rows, axis=0)
    quality: dict[str, Any] = dict(zip(names, map(float, means), strict=True))
    quality["data_range_adu"] = data_range
    quality["first_frame_psnr_db"] = rows[0][0]
    quality["psnr_db_by_frame"] = [round(row[0], 2) for row in rows]
    return quality


def _row(
    raw: Movie,
    restored: Movie,
    number: int,
    truth: np.ndarray[Any, Any],
    data_range: float,
) -> tuple[float, float, float, float]:
    picture = restored.frame(number).pixels
    scan = raw.frame(number).pixels.astype(np.float32)
    plain = bicubic(scan, len(truth) // len(scan))
    return (
        psnr(picture, truth, data_range),
        psnr(plain, truth, data_range),
        ssim(picture, truth, data_range),
        ssim(plain, truth, data_range),
    )


def _picture(
    scanner: SimulatedScanner, folder: SessionFolder, report: dict[str, Any]
) -> None:
    with open_movie(folder.raw) as raw, open_movie(folder.restored) as restored:
        number = len(raw.layout) // 2
        scan, picture = raw.frame(number), restored.frame(number)
        truth = scanner.truth(number, restored.shape[0])
    panels = [
        *scan_and_picture(
            scan,
            picture.pixels,
            picture.pixel_size_um,
            restored=report["engine"]["restores"],
        ),
        Panel(titled("truth", truth), truth, picture.pixel_size_um),
    ]
    write_preview(folder.preview, panels)
