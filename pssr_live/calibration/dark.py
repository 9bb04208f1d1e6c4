"""Dark frames: offset and read noise, measured directly.

Only their levels count, so they may be of another size than the repeats.
"""

from __future__ import annotations

import numpy as np

from pssr_live.calibration.stack import LEAST_SIDE_PX, Pixels, flat_value
from pssr_live.calibration.transfer import Transfer
from pssr_live.calibration.values import Measured
from pssr_live.errors import SettingsError

_BRIGHTER_SD = 0.5  # of the noise in the darkest places of the repeats


def fit_dark(dark: Pixels) -> dict[str, Measured]:
    """Return offset and read noise of `dark` (T, Y, X); one frame is enough."""
    exact = dark.astype(np.float64)
    # Fixed patterns are no noise, where there are frames to tell.
    apart = np.diff(exact, axis=0) / np.sqrt(2) if len(exact) > 1 else exact
    variance = max(float(apart.var()) - 1 / 12, 0.0)
    sd = float(np.sqrt(variance))
    level, spread = float(exact.mean()), float(exact.std())
    return {
        "offset_adu": Measured(value=level, uncertainty=spread / np.sqrt(exact.size)),
        "read_noise_adu": Measured(
            value=sd, uncertainty=spread / np.sqrt(2 * apart.size)
        ),
    }


def check_dark(dark: Pixels, frames: Pixels, transfer: Transfer) -> None:
    """Refuse dark frames that do not belong to the repeats.

    Raises
    ------
    SettingsError
        If they are of another type, too small, constant, or not dark.
    """
    if dark.dtype != frames.dtype:
        raise SettingsError(
            f"The dark frames are {dark.dtype} and the repeats {frames.dtype}: record "
            "both in the same way."
        )
    if min(dark.shape[-2:]) < LEAST_SIDE_PX:
        raise SettingsError(
            f"The dark frames have {dark.shape[-2]} x {dark.shape[-1]} pixels and "
            f"{LEAST_SIDE_PX} x {LEAST_SIDE_PX} are needed: give larger ones."
        )
    if (value := flat_value(dark)) is not None:
        raise SettingsError(
            f"A dark frame has the value {value} in all pixels and holds no "
            "detector's noise: give raw frames, with an offset that keeps them above 0."
        )
    darkest = int(transfer.mean_adu.argmin())
    level = float(transfer.mean_adu[darkest])
    reach = _BRIGHTER_SD * float(np.sqrt(transfer.variance_adu2[darkest]))
    if float(dark.mean()) > level + reach:
        raise SettingsError(
            f"The dark frames, {dark.mean():.4g} ADU, are brighter than the darkest "
            f"places of the repeats, {level:.4g}: record them with the light off and "
            "the detector's settings as they were."
        )
