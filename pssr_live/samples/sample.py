"""What a scanner needs of a sample, and the samples by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pssr_live.errors import SettingsError
from pssr_live.samples.division import DivisionSample
from pssr_live.samples.mito import MitoSample
from pssr_live.samples.optics import ScanGrid
from pssr_live.samples.section import SectionSample

FloatArray = npt.NDArray[np.floating[Any]]


class Sample(Protocol):
    """Something that a beam can be scanned over, at any time and in any order.

    Attributes
    ----------
    name : str
        The name that `make_sample` knows it by.
    field_um : float
        Side of the square field that it fills.
    """

    name: str
    field_um: float

    def scan(self, grid: ScanGrid, row_times_s: FloatArray) -> FloatArray:
        """Return the noise-free scan (Y, X), about 0..1, each row at its own time."""


_SAMPLES: dict[str, Callable[[int, float], Sample]] = {
    MitoSample.name: MitoSample,
    SectionSample.name: SectionSample,
    DivisionSample.name: DivisionSample,
}
SAMPLE_NAMES = tuple(_SAMPLES)


def make_sample(name: str, seed: int, field_um: float) -> Sample:
    """Return the sample `name` that fills a square field of `field_um`.

    Raises
    ------
    SettingsError
        If there is no sample of that name.
    """
    if name not in _SAMPLES:
        known = ", ".join(SAMPLE_NAMES)
        raise SettingsError(f"There is no sample {name!r}; choose one of: {known}.")
    return _SAMPLES[name](seed, field_um)
