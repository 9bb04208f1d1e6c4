"""Pixel sizes that differ within a run: an objective may be turned meanwhile."""

from __future__ import annotations

from pssr_live.frame import Frame


class PixelSizesSeen:
    """The pixel sizes of the frames of a run, of which its files know one."""

    def __init__(self) -> None:
        self._sizes_um: dict[float | None, None] = {}

    def take(self, frame: Frame) -> None:
        """Take note of a frame's pixel size."""
        self._sizes_um[frame.pixel_size_um] = None

    def warnings(self) -> list[str]:
        """Return what a person should know, where there was more than one."""
        sizes = [f"{size:g} um" if size else "none" for size in self._sizes_um]
        if len(sizes) < 2:
            return []
        return [
            f"The pixel size changed in the run ({', then '.join(sizes)}), and the "
            "files tell the first for all frames: give each a run of its own."
        ]
