"""What a run is going to do and cost, worked out before the first frame.

The sequence's setup is applied for it, density included, because only the microscope
knows which size and pixel size that gives; then all is put back. Nothing is scanned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymmcore_plus import CMMCorePlus
from useq import MDAEvent, MDASequence

from pssr_live.card import ModelCard
from pssr_live.engines.ladder import BEING_BUILT
from pssr_live.errors import ScannerError
from pssr_live.restorer import Restorer, check_axis
from pssr_live.scanners.arrivals import doubts
from pssr_live.scanners.grids import on_field_of, once
from pssr_live.scanners.hardware_kept import hardware_kept, leaves_stage, touched
from pssr_live.scanners.profiles.on_core import (
    answering,
    read_number,
    require,
    set_density,
)
from pssr_live.scanners.profiles.profile import Profile
from pssr_live.scanners.rounds import Rounds
from pssr_live.scanners.scan_plan import ScanPlan, plan_scan
from pssr_live.scanners.sequence_check import check_sequence
from pssr_live.storage.disk import check_room, free_bytes
from pssr_live.storage.recorder import frame_bytes


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """A run that can begin.

    Attributes
    ----------
    sequence : MDASequence
        What to run, with the density in its setup.
    scan : ScanPlan or None
        Density, times and dose; None without a profile.
    frames : int
        Frames that the camera will give.
    expected_s : float or None
        Duration of the acquisition; None without a profile.
    shape, restored_shape : tuple of int
        (Y, X) of a raw and of a restored frame.
    pixel_size_um : float or None
        Of a raw frame; None where the microscope does not know it.
    raw_bytes, restored_bytes, free_bytes : int
        What the files will take, and the room on their disk.
    model, engine : dict
        As in the report of a run.
    building : tuple of str
        Better engines that are being built.
    warnings : tuple of str
        What the user should know.
    """

    sequence: MDASequence
    scan: ScanPlan | None
    frames: int
    expected_s: float | None
    shape: tuple[int, int]
    restored_shape: tuple[int, int]
    pixel_size_um: float | None
    raw_bytes: int
    restored_bytes: int
    free_bytes: int
    model: dict[str, Any]
    engine: dict[str, Any]
    building: tuple[str, ...]
    warnings: tuple[str, ...]

    def report(self) -> dict[str, Any]:
        """Return the plan for a script."""
        told = {n: getattr(self, n) for n in self.__slots__ if n != "sequence"}
        scan = self.scan
        return told | {"scan": None if scan is None else scan.report()}


def plan_session(
    core: CMMCorePlus,
    sequence: MDASequence,
    restorer: Restorer,
    out: Path,
    profile: Profile | None = None,
) -> SessionPlan:
    """Work out a run, and refuse one that cannot succeed.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope; afterwards as it was.
    sequence : MDASequence
        What to acquire.
    restorer : Restorer
        What restores.
    out : Path
        Where the session will be recorded.
    profile : Profile, optional
        How the scanner is told its density.

    Raises
    ------
    ScannerError
        If the microscope is busy or lacks something, or the density is not the one
        that the model was made for.
    SettingsError
        If windows shall follow an axis that the sequence does not have.
    StorageError
        If the disk has too little room.
    """
    if profile is not None:
        require(core, profile)
        sequence = _at_density(sequence, profile, restorer.card)
    addresses = touched(core, sequence, profile)
    with hardware_kept(core, addresses, stage=not leaves_stage(sequence)):
        if profile is not None:  # a refusal shall name the profile
            sequence = _set_density(core, sequence, profile, restorer.card.scale)
        check_sequence(core, sequence)
        with answering():
            sequence = on_field_of(core, sequence)
            check_axis(restorer.axis, [dict(e.index) for e in once(sequence)])
            return _work_out(core, sequence, restorer, out, profile)


def _work_out(
    core: CMMCorePlus,
    sequence: MDASequence,
    restorer: Restorer,
    out: Path,
    profile: Profile | None,
) -> SessionPlan:
    card = restorer.card
    shape = core.getImageHeight(), core.getImageWidth()
    size_um = core.getPixelSizeUm() or None
    scan = None if profile is None else plan_scan(core, profile, shape, size_um)
    events, expected_s = _count(sequence, scan)
    frames = events * core.getNumberOfCameraChannels()
    raw, restored = frame_bytes(shape, core.getBytesPerPixel(), card.scale)
    check_room(out, frames * (raw + restored))
    mismatch = card.sample.mismatch(size_um)
    refused = restorer.ladder.refusals
    return SessionPlan(
        sequence=sequence,
        scan=scan,
        frames=frames,
        expected_s=expected_s,
        shape=shape,
        restored_shape=(shape[0] * card.scale, shape[1] * card.scale),
        pixel_size_um=size_um,
        raw_bytes=frames * raw,
        restored_bytes=frames * restored,
        free_bytes=free_bytes(out),
        model=restorer.model_report(),
        engine=restorer.engine_report(),
        building=tuple(r.engine for r in refused if r.reason == BEING_BUILT),
        warnings=(*((mismatch,) if mismatch else ()), *doubts(sequence)),
    )


def _at_density(
    sequence: MDASequence, profile: Profile, card: ModelCard
) -> MDASequence:
    """Return the sequence with the model's density in its setup."""
    device, name = profile.address(profile.density)
    for event in once(sequence):
        if any((d, n) == (device, name) for d, n, _ in event.properties or ()):
            raise ScannerError(
                f"The sequence changes {device}-{name} in the middle, and a run has "
                "one density: set it in the sequence's setup."
            )
    setup = sequence.setup
    properties = [] if setup is None else list(setup.properties or ())
    own = [value for d, n, value in properties if (d, n) == (device, name)]
    wanted = profile.density_for(card.scale)
    if not own:
        # First, so that whatever depends on it is set on top.
        ready = {"properties": [(device, name, wanted), *properties]}
        return sequence.replace(setup=setup.replace(**ready) if setup else ready)
    if str(own[-1]) != str(wanted):
        raise ScannerError(
            f"The sequence's setup sets {device}-{name} to {own[-1]!r}, and the model "
            f"{card.name}, which enlarges {card.scale} times, was made for {wanted}: "
            "take that out of the setup, or choose another model."
        )
    return sequence


def _set_density(
    core: CMMCorePlus, sequence: MDASequence, profile: Profile, scale: int
) -> MDASequence:
    """Set it; return the sequence with the region that many scanners drop by that."""
    density, wanted = profile.density, profile.density_for(scale)
    before = density.scale_of(read_number(core, profile, density))
    with answering():
        region = core.getROI()
    set_density(core, profile, wanted)
    with answering():
        now = core.getROI()
    coarser = density.scale_of(wanted) / before
    left, top, width, height = (round(n / coarser) for n in region)
    kept = (left, top, max(width, 1), max(height, 1))
    setup = MDAEvent() if sequence.setup is None else sequence.setup
    # Where a field does not divide, scanners round one way or the other.
    if setup.roi or all(abs(a - b) <= 1 for a, b in zip(kept, now, strict=True)):
        return sequence
    return sequence.replace(setup=setup.replace(roi=kept))


def _count(sequence: MDASequence, scan: ScanPlan | None) -> tuple[int, float | None]:
    """Return how many frames are taken and how long that takes, waiting included."""
    if (rounds := Rounds.of(sequence)) is not None:
        return _count_rounds(rounds, scan)
    count, now_s, timer_s = 0, 0.0, 0.0
    for event in sequence:
        if event.action.type != "acquire_image":
            continue
        count += 1
        if scan is not None:
            if event.reset_event_timer:  # a position with a time plan of its own
                timer_s = now_s
            now_s = max(now_s, timer_s + (event.min_start_time or 0.0))
            now_s += scan.frame_ms(event.exposure) / 1000
    return count, None if scan is None else now_s


def _count_rounds(rounds: Rounds, scan: ScanPlan | None) -> tuple[int, float | None]:
    """Return what `_count` does, from one time point."""
    images = [e for e in rounds.events if e.action.type == "acquire_image"]
    count = len(images) * len(rounds.starts_s)
    if scan is None:
        return count, None
    round_s, now_s = sum(scan.frame_ms(e.exposure) for e in images) / 1000, 0.0
    for start_s in rounds.starts_s:
        now_s = max(now_s, start_s) + round_s
    return count, now_s
