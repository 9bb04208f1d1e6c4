"""Event-driven microscopy: the scanner reacts to what the restored pictures show.

On the simulated scanner nuclei divide now and then. While nothing happens, the field
is scanned coarsely every two seconds. Where chromatin condenses, the place is scanned
once at full density and the whole field four times as often; where it parts, the
place is scanned at full density again. Then the run goes back to being slow.

    python examples/event_driven.py event_driven

Afterwards the files tell how many of the divisions have a full-density picture of
their split, and what dose that took beside constant full density at the slow rate.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import numpy as np
from scipy.ndimage import center_of_mass, gaussian_filter, label
from useq import MDAEvent, MDASequence, TIntervalLoops

import pssr_live as pl
from pssr_live.samples.division import DivisionSample
from pssr_live.scanners.core import close_core, open_core
from pssr_live.scanners.simulated import scanner_of, simulated_config
from pssr_live.storage.session import SessionFolder, read_log

MODEL = "mito-mf5-x4-live"
COARSE, DENSE, TILE = 128, 512, 128  # pixels per axis; TILE of DENSE is looked at
SLOW_MS, FAST_MS = 2000.0, 500.0
BURST = 8  # fast frames at a time
SMOOTH_UM, SMALLEST_UM2 = 0.2, 0.2
BRIGHT = 1.9  # times as bright as the brightest nuclei of a quiet field
VALLEY = 0.45  # of a mass's brightness: below it, two masses are two
APART_UM, ALIKE = 0.9, 0.4  # halves are so far apart, and so similar in area
WHOLE = 2  # pictures of a plate before it can part
NEAR_UM = 2.6  # what belongs to one nucleus
SPLIT_LASTS_S = 8.0  # after which a picture no longer shows the split


Mass = tuple[float, float, float]  # y, x, area


@dataclass
class Plate:
    """Condensed chromatin that has not parted yet."""

    y_um: float
    x_um: float
    whole: int = 0  # pictures that showed it in one piece
    parted: bool = False
    unseen: int = 0


class Watcher:
    """Looks at each restored picture, and answers with what to scan next."""

    def __init__(self, field_um: float) -> None:
        self.field_um = field_um
        self.plates: list[Plate] = []
        self.fast_to_come = 0
        self.dark = self.level = 0.0

    def __call__(self, restored: pl.Restored) -> list[MDAEvent]:
        """Return what to scan next, in answer to a picture."""
        if "feedback" in restored.frame.index:
            self.fast_to_come -= 1
        seen, pixel_um = self.smoothed(restored)
        looks = [self.look(plate, "split") for plate in self.parting(seen, pixel_um)]
        new = self.condensing(masses_above(self.level, seen, pixel_um))
        looks += [self.look(plate, "condensed") for plate in new]
        waiting = any(not plate.parted for plate in self.plates)
        fast = BURST if waiting and self.fast_to_come <= 0 else 0
        self.fast_to_come = max(self.fast_to_come, 0) + fast
        return [*looks, *fast_frames(fast)]

    def smoothed(self, restored: pl.Restored) -> tuple[np.ndarray, float]:
        """Return a picture without its finest grain, and its pixel size."""
        pixel_um = restored.pixel_size_um or 0.05
        seen = gaussian_filter(restored.pixels.astype(float), SMOOTH_UM / pixel_um)
        if not self.level:  # the first picture shows a quiet field
            dark, nuclei = np.percentile(seen, [5, 98])
            self.dark, self.level = dark, dark + BRIGHT * (nuclei - dark)
        return seen, pixel_um

    def parting(self, seen: np.ndarray, pixel_um: float) -> list[Plate]:
        """Follow the plates that are known, and return those that have just parted."""
        parted = []
        for plate in self.plates:
            own = self.masses_of(plate, seen, pixel_um)
            plate.unseen = 0 if own else plate.unseen + 1
            if own:
                y_um, x_um, _ = np.mean(own, axis=0)
                plate.y_um, plate.x_um = float(y_um), float(x_um)
            plate.whole += len(own) == 1
            # Chromatin is in pieces before it is a plate, too.
            if plate.whole >= WHOLE and are_halves(own) and not plate.parted:
                plate.parted = True
                parted.append(plate)
        self.plates = [plate for plate in self.plates if plate.unseen < 3]
        return parted

    def masses_of(self, plate: Plate, seen: np.ndarray, pixel_um: float) -> list[Mass]:
        """Return the masses around a plate, told apart by its own brightness."""
        top, left = (
            max(0, int((at - NEAR_UM) / pixel_um)) for at in (plate.y_um, plate.x_um)
        )
        side = int(2 * NEAR_UM / pixel_um)
        around = seen[top : top + side, left : left + side]
        if around.max() < self.level:
            return []
        level = self.dark + VALLEY * (around.max() - self.dark)
        masses = masses_above(level, around, pixel_um)
        masses = sorted(masses, key=lambda mass: mass[2])[-2:]
        return [(y + top * pixel_um, x + left * pixel_um, a) for y, x, a in masses]

    def condensing(self, masses: list[Mass]) -> list[Plate]:
        """Return plates that are new."""
        new = []
        for mass in masses:
            if all(distance(mass, plate) >= NEAR_UM for plate in self.plates):
                new.append(Plate(*mass[:2]))
                self.plates.append(new[-1])
        return new

    def look(self, plate: Plate, what: str) -> MDAEvent:
        """Return a full-density scan of the place."""
        pixel_um = self.field_um / DENSE
        x, y = (
            int(np.clip(at / pixel_um - TILE / 2, 0, DENSE - TILE))
            for at in (plate.x_um, plate.y_um)
        )
        return MDAEvent(
            properties=[("Scanner", "Resolution", DENSE), ("Scanner", "Rest_ms", 0)],
            roi=(x, y, TILE, TILE),
            metadata={"what": what, "y_um": plate.y_um, "x_um": plate.x_um},
        )


def masses_above(level: float, seen: np.ndarray, pixel_um: float) -> list[Mass]:
    """Return the places (y, x) in um of bright masses, and their areas."""
    found, count = label(seen > level)
    areas = np.bincount(found.ravel(), minlength=count + 1)[1:] * pixel_um**2
    large = [n for n in range(count) if areas[n] >= SMALLEST_UM2]
    centres = center_of_mass(seen, found, [n + 1 for n in large]) if large else []
    return [
        (y * pixel_um, x * pixel_um, areas[n])
        for n, (y, x) in zip(large, centres, strict=True)
    ]


def are_halves(masses: list[Mass]) -> bool:
    """Tell whether there are two masses alike and apart."""
    if len(masses) != 2:
        return False
    (y0, x0, a0), (y1, x1, a1) = masses
    return np.hypot(y0 - y1, x0 - x1) > APART_UM and min(a0, a1) > ALIKE * max(a0, a1)


def distance(mass: Mass, plate: Plate) -> float:
    return float(np.hypot(mass[0] - plate.y_um, mass[1] - plate.x_um))


def fast_frames(count: int) -> list[MDAEvent]:
    return [MDAEvent(properties=[("Scanner", "Rest_ms", FAST_MS)])] * count


def run(folder: Path, seed: int, frames: int) -> dict[str, float]:
    """Run the experiment; return what the files say about it."""
    core = open_core(simulated_config())
    core.setConfig("Specimen", "Divisions")
    core.setProperty("Scanner", "Seed", seed)
    core.setProperty("Scanner", "RealTime", "Off")  # as fast as it can be computed
    plan = MDASequence(
        time_plan=TIntervalLoops(interval=timedelta(0), loops=frames),
        setup=MDAEvent(
            properties=[
                ("Scanner", "Resolution", COARSE),
                ("Scanner", "Rest_ms", SLOW_MS),
            ]
        ),
    )
    scanner = scanner_of(core)
    sample = cast("DivisionSample", scanner.sample)
    live = pl.LiveRestoration(MODEL, folder, core=core, overwrite=True)
    live.on_restored(Watcher(sample.field_um))
    with live:
        core.mda.run(live.feed(plan, in_step=True), output=live)
    times_s = [scanner.record(n).start_s for n in range(scanner.frames_scanned)]
    close_core(core)
    return measure(SessionFolder(folder), sample, times_s)


def measure(
    folder: SessionFolder, sample: DivisionSample, times_s: list[float]
) -> dict[str, float]:
    """Return catches and dose, from the files and the times of all scans."""
    lines = [line for line in read_log(folder.frames) if line["status"] == "raw"]
    if folder.feedback.exists():
        lines += [n for n in read_log(folder.feedback) if n["status"] == "rescan"]
    lines.sort(key=lambda line: line["time_s"])
    looks = [
        (when_s, line["why"])
        for when_s, line in zip(times_s, lines, strict=True)
        if line["status"] == "rescan" and line["why"]["what"] == "split"
    ]
    due = [d for d in sample.divisions if d.time_s < times_s[-1] - SPLIT_LASTS_S]
    caught = [
        division
        for division in due
        if any(
            0 <= when_s - division.time_s <= SPLIT_LASTS_S
            and abs(why["y_um"] - division.y_um) < NEAR_UM
            and abs(why["x_um"] - division.x_um) < NEAR_UM
            for when_s, why in looks
        )
    ]
    acquired = [folder.raw, *folder.path.glob("rescans*.ome.tiff")]
    samples = sum(pixels_in(path) for path in acquired)
    constant = DENSE**2 * (times_s[-1] - times_s[0]) / (SLOW_MS / 1000)
    return {
        "divisions": len(due),
        "caught": len(caught),
        "false_alarms": len(looks) - len(caught),
        "frames": len(lines),
        "dose": samples,
        "dose_of_constant_full_density": constant,
    }


def pixels_in(path: Path) -> int:
    """Return the pixels that the beam was on in all frames of a file."""
    with pl.open_movie(path) as movie:
        return int(np.prod(movie.shape)) * (len(movie) - len(movie.missing))


def main(folder: Path, seeds: range, frames: int = 150) -> None:
    total = dict[str, float]()
    for seed in seeds:
        found = run(folder / f"cells_{seed}", seed, frames)
        total = {name: total.get(name, 0) + value for name, value in found.items()}
    part = total["dose"] / total["dose_of_constant_full_density"]
    print(f"{total['caught']:g} of {total['divisions']:g} divisions caught,")
    print(f"{total['false_alarms']:g} false alarms, {total['frames']:g} scans,")
    print(f"at {part:.3f} of the dose of constant full density.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), range(1, 4))
