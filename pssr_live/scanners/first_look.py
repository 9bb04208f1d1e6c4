"""What a run says of its images before the first: can they be restored, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pssr_live.card import Sample
from pssr_live.frame import Frame
from pssr_live.restorer import check_frame
from pssr_live.scanners.arrivals import size_um
from pssr_live.storage.recorder import SessionRecorder


def look(
    meta: Mapping[str, Any], sample: Sample, recorder: SessionRecorder
) -> list[str]:
    """Return what a person should know of a run's images, one sentence each.

    Parameters
    ----------
    meta : mapping
        The summary that an MDA runner gives at the start of a sequence.
    sample : Sample
        What the model was made for.
    recorder : SessionRecorder
        Where the images will go.

    Raises
    ------
    PssrLiveError
        If they cannot be restored, or the disk has no room for them.
    """
    warnings = []
    for info in meta.get("image_infos", ())[:1]:
        check_frame(Frame(np.zeros(info["plane_shape"], info["dtype"]), 0))
        mismatch = sample.mismatch(size_um(info))
        if mismatch:
            warnings.append(mismatch)
        shape = (int(info["height"]), int(info["width"]))
        recorder.check_room(shape, np.dtype(info["dtype"]).itemsize)
    return warnings
