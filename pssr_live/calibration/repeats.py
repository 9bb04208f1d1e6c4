"""A calibration from repeated frames of one field, with or without dark frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from pssr_live.calibration.dark import check_dark, fit_dark
from pssr_live.calibration.doubts import doubts
from pssr_live.calibration.lines import Lines, separate
from pssr_live.calibration.noise import BINS, FLATTEST, noise_of
from pssr_live.calibration.spectrum import Detail, Spectrum, fit_spectrum
from pssr_live.calibration.stack import Pixels, check_repeats, check_still, without_odd
from pssr_live.calibration.transfer import (
    ROUNDING,
    Transfer,
    fit_transfer,
    steadied,
    straight,
)
from pssr_live.calibration.values import Calibration, Measured, Source
from pssr_live.errors import SettingsError
from pssr_live.evaluation.pair import Real

_GAIN_ERROR = 0.1  # relative errors beyond which a value is not given
_NOISE_ERROR = 0.05
_PSF_ERROR = 0.2
_OFFSET_ERROR_PHOTONS = 0.1
_BRIGHT_PERCENTILE = 99.8
_BAD_MISFIT = 10.0
_LEAST_BINS = 6
_SLOPE_ERROR = 0.15  # found on the simulated scanner


@dataclass(frozen=True, slots=True, eq=False)
class RepeatsFit:
    """What was fitted to repeated frames, and what of it can be relied on."""

    calibration: Calibration
    transfer: Transfer = field(repr=False)
    spectrum: Spectrum = field(repr=False)


def fit_repeats(
    frames: Pixels,
    *,
    name: str = "the stack",
    pixel_size_um: float | None = None,
    dark: Pixels | None = None,
    detail: Detail = "edges",
) -> RepeatsFit:
    """Fit an instrument to repeated frames of one field.

    Parameters
    ----------
    frames : ndarray of integers, (T, Y, X)
        Two or more of a sample that keeps still; see `stack.check_repeats`.
    name : str
        What to call them in errors and in the calibration.
    pixel_size_um : float, optional
        Distance of neighbouring pixels.
    dark : ndarray of integers, (T, Y, X), optional
        Frames taken without light: they give offset and read noise directly.
    detail : {"edges", "lines", "points", "gold"}
        What the finest detail of the sample is; see `spectrum`.

    Raises
    ------
    SettingsError
        If no instrument can be fitted to the frames.
    """
    check_repeats(frames, name)
    frames, odd = without_odd(frames)
    exact = frames.astype(np.float64)
    check_still(exact, name)
    lines = separate(exact)
    noise = noise_of(exact, lines.differences)
    if len(noise.spread) < _LEAST_BINS:
        raise SettingsError(
            f"{name} has clipped pixels in {BINS - len(noise.spread)} of {BINS} levels "
            "of brightness: raise the offset, or lower the gain, and scan again."
        )
    flatter = noise_of(exact, lines.differences, FLATTEST / 3)
    transfer = steadied(fit_transfer(noise), fit_transfer(flatter))
    if transfer.misfit > _BAD_MISFIT:
        transfer = straight(noise, transfer)
    spectrum = fit_spectrum(exact, detail)
    known, missing = _detector(transfer, name)
    if dark is not None:
        check_dark(dark, frames, transfer)
        known |= fit_dark(dark)
        missing = {why: text for why, text in missing.items() if why not in known}
    known["bright_adu"] = _bright(exact)
    known["noise_at_bright_adu"] = _noise_at(known["bright_adu"].value, transfer)
    for found in (_jitter(lines), _shared(lines), _psf(spectrum, pixel_size_um)):
        known |= found[0]
        missing |= found[1]
    notes = _notes(transfer, known, detail, odd)
    notes += doubts(frames, lines, noise, transfer)
    source = Source(
        kind="repeats",
        files=(name,),
        frames=len(frames),
        shape_px=frames.shape[1:],
        pixel_size_um=pixel_size_um,
    )
    values: dict[str, Any] = dict(known)
    calibration = Calibration(
        source=source,
        misfit=transfer.misfit,
        not_identifiable=missing,
        notes=notes,
        **values,
    )
    return RepeatsFit(calibration, transfer, spectrum)


_Found = tuple[dict[str, Measured], dict[str, str]]


def _detector(fit: Transfer, name: str) -> _Found:
    if not (fit.gain > 0 and fit.error[0] <= _GAIN_ERROR * fit.gain):
        raise SettingsError(
            f"The noise of {name} does not grow with its brightness, a gain of "
            f"{fit.gain:.3g} +- {fit.error[0]:.2g} comes out: give raw frames, with "
            "dark and bright places, that were not filtered."
        )
    known = {"gain_adu_per_photon": _measured(fit.gain, fit.error[0])}
    if fit.misfit > _BAD_MISFIT:
        why = "the noise is not that of photons and a Gaussian; add --dark frames"
        return known, dict.fromkeys(("offset_adu", "read_noise_adu"), why)
    offset_known = fit.error[1] <= _OFFSET_ERROR_PHOTONS * fit.gain
    noise_known = fit.error[2] <= _NOISE_ERROR * fit.read_noise
    # One hangs on the other: a wrong offset is made good by a wrong read noise.
    if fit.tells_dark and offset_known and noise_known:
        known["offset_adu"] = _measured(fit.offset, fit.error[1])
        known["read_noise_adu"] = _measured(fit.read_noise, fit.error[2])
        return known, {}
    missing = {
        "offset_adu": f"{fit.offset:.3g} +- {fit.error[1]:.2g} hangs on the read noise",
        "read_noise_adu": f"{fit.read_noise:.2g} +- {fit.error[2]:.2g} hangs on the "
        "offset",
    }
    ways = "too uncertain beside the noise of the photons; add --dark frames"
    missing = {name: f"{text}, and both are {ways}" for name, text in missing.items()}
    return known, missing


def _bright(frames: Real) -> Measured:
    """Return the grey level that 2 pixels in 1000 exceed, noise smoothed away."""
    halves = (
        np.percentile(gaussian_filter(half.mean(0), 1.0), _BRIGHT_PERCENTILE)
        for half in (frames[0::2], frames[1::2])
    )
    one, other = (float(level) for level in halves)
    return _measured((one + other) / 2, abs(one - other) / 2)


def _noise_at(level: float, fit: Transfer) -> Measured:
    """Return the noise of one pixel; sure also where offset and read noise are not."""
    variance = fit.gain * (level - fit.offset) + fit.read_noise**2 + ROUNDING
    noise = float(np.sqrt(max(variance, ROUNDING)))
    return _measured(noise, noise * float(fit.error[0]) / fit.gain / 2)


def _jitter(lines: Lines) -> _Found:
    # The variance is three standard deviations from none.
    if lines.jitter_px > 6 * lines.jitter_error_px:
        # The slopes that turn grey levels into pixels are themselves noisy.
        error = np.hypot(lines.jitter_error_px, _SLOPE_ERROR * lines.jitter_px)
        return {"line_jitter_px": _measured(lines.jitter_px, error)}, {}
    return {}, {
        "line_jitter_px": f"{lines.jitter_px:.2g} +- {lines.jitter_error_px:.2g} "
        "pixels cannot be told from none"
    }


def _shared(lines: Lines) -> _Found:
    if not lines.shared.shows:
        return {}, {}
    return {"noise_width_px": _measured(*lines.shared.width_px)}, {}


def _psf(spectrum: Spectrum, pixel_size_um: float | None) -> _Found:
    sigma, error = spectrum.sigma_px, spectrum.error_px
    if sigma is None or error is None:
        why = "too little of the power spectrum is above the noise; add frames"
        return {}, {"psf_sigma_px": why}
    if error > _PSF_ERROR * sigma:
        why = (
            f"{sigma:.2g} +- {error:.2g} pixels, depending on the sample's own "
            "spectrum; scan sub-resolution beads and pass --detail points, or "
            "gold on carbon with --detail gold"
        )
        return {}, {"psf_sigma_px": why}
    found = {"psf_sigma_px": _measured(sigma, error)}
    if pixel_size_um:
        um = pixel_size_um
        found["psf_sigma_um"] = _measured(sigma * um, error * um)
    return found, {}


def _notes(
    fit: Transfer, known: dict[str, Measured], detail: Detail, odd: tuple[int, ...]
) -> tuple[str, ...]:
    notes = []
    if odd:
        which = ", ".join(map(str, odd))
        notes.append(f"Left out, being unlike all others (from 0): frame {which}.")
    if "psf_sigma_px" in known and detail in ("edges", "lines"):
        notes.append(
            f"The PSF holds if the finest detail of the sample is {detail}; detail "
            "with a width of its own makes it too large."
        )
    if fit.misfit > _BAD_MISFIT:
        notes.append(
            "The noise is not that of photons and a Gaussian (misfit "
            f"{fit.misfit:.1f}): the frames were processed, or the detector's gain "
            "varies from photon to photon; the gain is that of the variance, which is "
            "what a denoiser meets."
        )
    return tuple(notes)


def _measured(value: float, uncertainty: float) -> Measured:
    return Measured(value=float(value), uncertainty=float(uncertainty))
