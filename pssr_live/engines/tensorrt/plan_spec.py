"""What a plan shall be: which numbers, which sizes of picture, which GPUs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from pssr_live.errors import EngineError

Precision = Literal["float32", "float16"]
Shape = tuple[int, int, int]

MOST_WINDOWS = 8
TILE_PX = 512  # of a dynamic plan, without the receptive radius around it
USUAL: Shape = (1, 256, 256)


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """A plan as it is asked for.

    Attributes
    ----------
    precision : "float32" or "float16"
        What the network computes in.
    smallest, usual, largest : (N, H, W)
        Windows at a time and low-density pixels; the plan takes any size between
        the outer two and is fastest at the middle one.
    targets : tuple of int
        Compute capabilities without their dot (86 for 8.6) that the plan shall run
        on; empty for the GPU of this computer.

    Raises
    ------
    EngineError
        If it contradicts itself.
    """

    precision: Precision
    smallest: Shape
    usual: Shape
    largest: Shape
    targets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        wrong = self._wrong()
        if wrong:
            raise EngineError(f"A plan cannot be built {wrong}.")

    @classmethod
    def static(cls, precision: Precision, shape: Shape, **others: Any) -> Self:
        """Return what takes windows of one size only, (N, H, W)."""
        return cls(precision, shape, shape, shape, **others)

    @classmethod
    def dynamic(
        cls,
        precision: Precision,
        receptive_radius: int,
        usual: Shape = USUAL,
        **others: Any,
    ) -> Self:
        """Return what takes up to 8 windows of any size, to that of the largest tile.

        Parameters
        ----------
        precision : "float32" or "float16"
            What the network computes in.
        receptive_radius : int
            The model's, in low-density pixels: it lies around a tile on both sides.
        usual : (N, H, W)
            The size that it shall be fastest at.
        **others
            Other attributes.
        """
        side = TILE_PX + 2 * receptive_radius
        return cls(precision, (1, 1, 1), usual, (MOST_WINDOWS, side, side), **others)

    def to_json(self) -> str:
        """Return it as one line of text, for `from_json`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` gave."""
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(text).items()
        }
        return cls(**told)

    def takes(self, shape: Shape) -> bool:
        """Tell whether windows of this size, (N, H, W), can be given to the plan."""
        bounds = zip(self.smallest, shape, self.largest, strict=True)
        return all(low <= length <= high for low, length, high in bounds)

    def _wrong(self) -> str | None:
        if self.precision not in get_args(Precision):
            offered = " or ".join(get_args(Precision))
            return f"in {self.precision!r}: ask for {offered}"
        for shape in (self.smallest, self.usual, self.largest):
            if len(shape) != 3 or any(length < 1 for length in shape):
                return f"for windows of {shape}: give (N, H, W), each 1 or more"
        if not self.takes(self.usual) or not self.takes(self.smallest):
            sizes = f"{self.smallest}, {self.usual} and {self.largest}"
            return f"for sizes {sizes}: they must not become smaller along any axis"
        if len(set(self.targets)) != len(self.targets):
            return f"for the GPUs {self.targets}: name each once"
        return None
