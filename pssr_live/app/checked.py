"""What a reference, a scan at full density, says of a restored picture. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from pssr_live.errors import PssrLiveError
from pssr_live.frame import Pixels, Restored
from pssr_live.scanners.references.tile import Rectangle


@dataclass(frozen=True, slots=True)
class Checked:
    """What a reference said of the frame that was on the screen.

    Attributes
    ----------
    gain_db : float or None
        How much closer the restored frame is to it than interpolation; None where
        it could not be told.
    reason : str
        Why not.
    """

    gain_db: float | None
    reason: str = ""


def judged(shown: Restored, reference: Pixels, rectangle: Rectangle) -> Checked:
    """Return what a scan at full density says of a restored picture."""
    try:  # scipy, which a session can do without
        from pssr_live.evaluation.references import score_reference
    except ImportError:
        return Checked(None, 'scores need scipy: pip install "pssr-live[gui]"')
    try:
        score = score_reference(shown.pixels, shown.frame.pixels, reference, rectangle)
    except PssrLiveError as error:
        return Checked(None, str(error))
    ours, theirs = score.noise_free_psnr_db, score.bicubic_noise_free_psnr_db
    if ours is None or theirs is None:
        ours, theirs = score.psnr_db, score.bicubic_psnr_db
    return Checked(ours - theirs)
