"""The pixel size while the camera runs freely: an objective may be turned meanwhile."""

from __future__ import annotations

from pymmcore_plus import CMMCorePlus

from pssr_live.card import Sample


class PixelSizes:
    """Asks for the pixel size of each frame, and remembers those of a recording."""

    def __init__(self, core: CMMCorePlus) -> None:
        self._core = core
        self._seen: dict[float | None, None] = {}

    def now(self) -> float | None:
        """Return the pixel size in micrometres; None where it is not known."""
        # From what the core remembers: asking the devices would take time of a frame.
        size_um = self._core.getPixelSizeUm(True) or None
        self._seen[size_um] = None
        return size_um

    def begin(self) -> None:
        """Forget what was, because a recording begins."""
        self._seen = {}

    def warnings(self, sample: Sample) -> list[str]:
        """Return what a person should know, for a model made for `sample`."""
        sizes = list(self._seen)
        said = [mismatch for size in sizes[:1] if (mismatch := sample.mismatch(size))]
        if len(sizes) > 1:
            told = ", then ".join(f"{size:g} um" if size else "none" for size in sizes)
            said.append(
                f"The pixel size changed while recording ({told}), and the files tell "
                "the first for all frames: record anew after a change."
            )
        return said
