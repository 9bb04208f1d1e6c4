"""The trust light: may one believe the restored picture, and why.

Green only where a scan at full density of this very sample has agreed with it. Without
one, the best that can be said is that nothing speaks against it. Pure; knows no Qt.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pssr_live.agreement import unlike_calibrated
from pssr_live.frame import Consistency

MUCH = 0.01  # of the field that differs from its scan
WORTH_DB = 0.0  # that a restored frame must gain over bicubic to be called good


class Colour(StrEnum):
    """The colours of the light."""

    OFF = "off"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the pictures on the screen.

    Attributes
    ----------
    restored : bool
        Whether there is any picture.
    engine_restores : bool
        False if the engine only interpolates.
    mismatch : str
        What is wrong with the pixel size; empty if nothing is.
    pixel_size_known : bool
        Whether it could be compared with what the model was made for.
    reference_gain_db : float or None
        PSNR of the last reference's frame over bicubic of the same scan.
    reference_failed : str
        Why the last reference could not be used; empty if it could.
    is_movie : bool
        Whether they come from a file, so that no reference can have checked them.
    consistency : Consistency or None
        How they agree with their scans; None without a calibration of each channel.
    """

    restored: bool = False
    engine_restores: bool = True
    mismatch: str = ""
    pixel_size_known: bool = True
    reference_gain_db: float | None = None
    reference_failed: str = ""
    is_movie: bool = False
    consistency: Consistency | None = None


@dataclass(frozen=True, slots=True)
class Light:
    """A colour, a few words, and the reasons as sentences."""

    colour: Colour
    words: str
    why: str


def light(known: Evidence) -> Light:
    """Return the light for what is known; the worst reason decides."""
    if not known.restored:
        return Light(Colour.OFF, "no picture yet", "Nothing has been restored yet.")
    if not known.engine_restores:
        return Light(
            Colour.RED,
            "not restored",
            "The engine only interpolates: these pictures hold no detail that the raw "
            "scan does not show.",
        )
    if known.mismatch:
        return Light(Colour.RED, "outside the model", known.mismatch)
    checked, found = _checked(known), known.consistency
    if found is None or found.agrees:
        return checked
    differs = _differs(found)
    # Of two reasons to doubt, that of the reference is only told if it is the worse.
    is_worse = checked.colour is Colour.RED and differs.colour is not Colour.RED
    return checked if is_worse else differs


def _checked(known: Evidence) -> Light:
    """Return the light by what a reference has said, if one has."""
    has_reference = known.reference_gain_db is not None or known.reference_failed
    if has_reference and not known.is_movie:
        return _of_reference(known.reference_gain_db, known.reference_failed)
    return _unchecked(known)


def _unchecked(known: Evidence) -> Light:
    """Return the light where no reference has spoken and nothing speaks against."""
    if not known.pixel_size_known:
        teller = "file" if known.is_movie else "microscope"
        return Light(
            Colour.AMBER,
            "pixel size unknown",
            f"The {teller} does not tell its pixel size, so it cannot be compared "
            "with what the model was trained for.",
        )
    said = (
        "no reference can check a movie: its sample is not under the microscope."
        if known.is_movie
        else "no reference has checked them: take one (key T)."
    )
    if known.consistency is not None:
        if unlike := unlike_calibrated(known.consistency.misfit):
            return Light(Colour.AMBER, "noise unlike calibrated", unlike)
        return Light(
            Colour.AMBER,
            "fits the scan",
            "The picture agrees with its own scan within the calibrated noise. That "
            f"cannot check detail smaller than a raw pixel, and {said}",
        )
    return Light(
        Colour.AMBER,
        "not checked",
        f"Nothing speaks against these pictures, and {said} With a calibration of the "
        "microscope, or of each channel, they would be held against their scans.",
    )


def _differs(found: Consistency) -> Light:
    """Return the light of a picture that has places unlike its scan."""
    share = f"{100 * found.doubtful_share:.1f} %"
    much = found.doubtful_share >= MUCH
    unlike = unlike_calibrated(found.misfit)  # then it may be no fault of the model
    return Light(
        Colour.RED if much else Colour.AMBER,
        f"differs from the scan, {share}" if much else "differs in places",
        f"In {share} of the field the picture differs from its own scan by more "
        f"than noise, by up to {found.worst_sd:.0f} standard deviations: it is orange "
        "where it shows more, blue where less (key W). Something moves too fast for "
        f"the model, or is unlike what it learned from. {unlike}".rstrip(),
    )


def _of_reference(gain: float | None, failed: str) -> Light:
    """Return the light after a reference that gave a gain in dB, or failed."""
    if gain is None:
        return Light(
            Colour.AMBER,
            "reference failed",
            f"The last reference could not be used: {failed}",
        )
    if gain <= WORTH_DB:
        return Light(
            Colour.RED,
            f"reference disagrees, {gain:+.1f} dB",
            "The last scan at full density is closer to plain interpolation than to "
            "the restored picture: do not trust its detail.",
        )
    return Light(
        Colour.GREEN,
        f"checked, {gain:+.1f} dB",
        f"The last scan at full density agrees: the restored frame is {gain:.1f} dB "
        "closer to it than interpolation. Detail finer than the microscope's "
        "resolution stays unproved.",
    )
