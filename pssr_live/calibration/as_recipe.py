"""A calibration as a chain of the crappifier: scan as this instrument does."""

from __future__ import annotations

from math import hypot, sqrt
from pathlib import Path

from pssr_live.calibration.values import Calibration, Measured
from pssr_live.crappifier.beam import LineJitter
from pssr_live.crappifier.detector import Photons, ReadNoise, SlowDetector
from pssr_live.crappifier.recipe import AnyStep, Recipe
from pssr_live.crappifier.sampling import Scan
from pssr_live.errors import SettingsError
from pssr_live.shared_noise import loudness


def recipe_of(path: Path, scale: int) -> Recipe:
    """Return the chain for a `calibration.toml`.

    Parameters
    ----------
    path : Path
        What `pssr-live calibrate` wrote. From repeats it gives line jitter, noise and
        how far neighbours share it, with as many photons at the white level of an
        image as the calibrated field had at its bright level. From a pair it gives
        blur and dwell, and no noise.
    scale : int
        HR pixels from one low-density pixel to the next.

    Raises
    ------
    StorageError
        If it cannot be read.
    SettingsError
        If it is from a pair of another scale, or does not tell what is needed.
    """
    calibration = Calibration.read(path)
    if calibration.source.kind == "pair":
        steps = _beam(calibration, path, scale)
    else:
        steps = _detector(calibration, path, scale)
    return Recipe(name=f"calibration {path.name}", steps=steps)


def _detector(calibration: Calibration, path: Path, scale: int) -> tuple[AnyStep, ...]:
    photons, bright = calibration.photons, calibration.bright_adu
    offset, read_noise = calibration.offset_adu, calibration.read_noise_adu
    if photons is None or bright is None or offset is None or photons <= 0:
        raise SettingsError(
            f"{path} does not tell how many photons a bright pixel had: calibrate "
            "again, with --dark."
        )
    jitter = calibration.line_jitter_px
    steps: list[AnyStep] = []
    if jitter is not None:
        # Repeats are coarse scans: their pixels are the low-density ones.
        steps.append(LineJitter(sd_px=jitter.value * scale))
    # What a slow detector smooths was louder before.
    shared = calibration.noise_width_px
    left = 1.0 if shared is None else loudness(shared.value)
    steps += [Scan(mode="line"), Photons(photons=photons * left)]
    if read_noise is not None:
        span = bright.value - offset.value
        steps.append(ReadNoise(sd=max(read_noise.value, 0.0) / span / sqrt(left)))
    if shared is not None:
        steps.append(SlowDetector(sigma_px=shared.value))
    return tuple(steps)


def _beam(calibration: Calibration, path: Path, scale: int) -> tuple[AnyStep, ...]:
    down, across = calibration.blur_y_px, calibration.blur_x_px
    if calibration.source.scale != scale:
        raise SettingsError(
            f"{path} is from a pair of scale {calibration.source.scale} and not "
            f"{scale}: pass --scale {calibration.source.scale}."
        )
    if down is None or across is None:
        why = calibration.not_identifiable.get("blur_y_px", "calibrate again")
        raise SettingsError(f"{path} does not tell the blur of the coarse scan: {why}.")
    share = min(dwell_share(down, across, scale).value, 1.0)
    blur = max(down.value, 0.0)
    return (Scan(mode="line", psf_sigma_px=blur, dwell_share=share),)


def dwell_share(down: Measured, across: Measured, scale: int) -> Measured:
    """Return the part of a low-density pixel that the beam travels in a dwell.

    Parameters
    ----------
    down, across : Measured
        Blur of the coarse scan beyond the dense one along the slow and the fast axis,
        in HR pixels. The fast axis has also the beam's way: of the length L, the
        variance L**2 / 12.
    scale : int
        HR pixels from one low-density pixel to the next.
    """
    variance = 12 * max(across.value**2 - down.value**2, 0.0) / scale**2
    chance = hypot(across.value * across.uncertainty, down.value * down.uncertainty)
    error = 24 * chance / scale**2
    share = sqrt(variance)
    return Measured(
        value=share, uncertainty=error / (2 * max(share, sqrt(error))) if error else 0.0
    )
