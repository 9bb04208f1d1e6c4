"""Ranges of degradation around an instrument that was measured.

Brightness 1 is the bright level of a picture: `bright_adu` less the offset.

A network is to cope with one microscope on all days, not with all microscopes: what
was measured becomes its value with a slack for another sample and another day, and
for the uncertainty of the value. What was not measured stays as it is. So do `gain`
and `offset`: they are about how well a picture is brought to the range 0..1, and not
the detector's.
"""

from __future__ import annotations

from dataclasses import replace

from pssr_live.calibration.as_recipe import dwell_share
from pssr_live.calibration.values import Calibration
from pssr_live.training.scans.ranges import Ranges

DIM = 3.0  # a sample as much dimmer, or brighter, than the calibrated one
SHAKY = 2.0  # lines as much worse, or better, on another day
SLOW = 1.2  # a detector as much slower or quicker, beside the dwell of another day
WIDEST_PX = 3.0  # coarse pixels: as far as the crappifier's kernel goes
BLUR_SLACK_PX = 0.3
SAME_SIZE = 1.2  # pixels that differ by no more are the same zoom
DWELL_SLACK = 0.2
_SDS = 2.0  # of a value's uncertainty


def calibrated(ranges: Ranges, calibration: Calibration, scale: int) -> Ranges:
    """Return `ranges` narrowed to the instrument of a calibration.

    Parameters
    ----------
    ranges : Ranges
        What holds for all that was not measured.
    calibration : Calibration
        From repeats of the coarse scans that are to be restored, or from a pair of a
        coarse and a dense one.
    scale : int
        HR pixels from one low-density pixel to the next: repeats are measured in
        low-density pixels, and ranges are in HR pixels.
    """
    if calibration.source.kind == "pair":
        return _beam(ranges, calibration, scale)
    detected = _slow(_detector(ranges, calibration), calibration)
    return _lines(detected, calibration, scale)


def other_pixels(
    calibration: Calibration, scale: int, dense_um: tuple[float, float]
) -> str:
    """Return a sentence on a calibration of pixels of another size; empty if it fits.

    Parameters
    ----------
    calibration : Calibration
        From repeats of coarse scans, or from a pair.
    scale : int
        HR pixels from one low-density pixel to the next.
    dense_um : tuple of float
        Smallest and largest pixel size of the images that are learned from.
    """
    size_um, kind = calibration.source.pixel_size_um, calibration.source.kind
    factor = scale if kind == "repeats" else 1
    low, high = (factor * end for end in dense_um)
    if size_um is None or low / SAME_SIZE <= size_um <= high * SAME_SIZE:
        return ""
    named = "frames" if kind == "repeats" else "a dense scan"
    wanted = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return (
        f"The calibration is from {named} of {size_um:.3g} um pixels, and this "
        f"training's have {wanted} um: its photons, jitter and blur are not those of "
        "the scans to restore."
    )


def _detector(ranges: Ranges, calibration: Calibration) -> Ranges:
    photons, bright = calibration.photons, calibration.bright_adu
    offset, read_noise = calibration.offset_adu, calibration.read_noise_adu
    if photons is None or bright is None or offset is None or photons <= 0:
        return ranges
    span = bright.value - offset.value
    unsure = _SDS * (bright.uncertainty + offset.uncertainty) / span
    ranges = replace(ranges, photons=_around(photons, DIM * (1 + unsure)))
    if read_noise is None:
        return ranges
    # The same factor: half of the light makes the read noise twice as important.
    relative = read_noise.value / span
    return replace(ranges, read_noise=_around(relative, DIM * (1 + unsure)))


def _slow(ranges: Ranges, calibration: Calibration) -> Ranges:
    shared = calibration.noise_width_px
    if shared is None:
        return ranges
    slack = SLOW * (1 + _SDS * shared.uncertainty / shared.value)
    low, high = _around(shared.value, slack)
    # What was measured is there in every clip.
    widths = (min(low, WIDEST_PX), min(high, WIDEST_PX))
    return replace(ranges, shared_noise_px=widths, shared_noise_share=1.0)


def _lines(ranges: Ranges, calibration: Calibration, scale: int) -> Ranges:
    jitter = calibration.line_jitter_px
    if jitter is None:
        return ranges
    slack = SHAKY * (1 + _SDS * jitter.uncertainty / jitter.value)
    return replace(ranges, jitter_px=_around(jitter.value * scale, slack))


def _beam(ranges: Ranges, calibration: Calibration, scale: int) -> Ranges:
    """Narrow the blur of the coarse scan beyond the dense one, and its dwell."""
    down, across = calibration.blur_y_px, calibration.blur_x_px
    if down is None or across is None:
        return ranges
    slack = BLUR_SLACK_PX + _SDS * down.uncertainty
    blur = (max(down.value - slack, 0.0), down.value + slack)
    # A blur that was measured is there in every clip.
    ranges = replace(ranges, blur_px=blur, sharp_share=0.0)
    share = dwell_share(down, across, scale)
    slack = DWELL_SLACK + _SDS * share.uncertainty
    low, high = ranges.dwell_fraction
    inside = min(max(share.value, low), high)
    return replace(
        ranges,
        point_share=0.0,
        dwell_fraction=(max(inside - slack, low), min(inside + slack, high)),
    )


def _around(value: float, factor: float) -> tuple[float, float]:
    return value / factor, value * factor
