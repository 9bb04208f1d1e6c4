"""What a reader found in a movie file, whatever its format: `Contents`.

Formats differ in `read` and in where the facts come from; `movie.Movie` knows none
of that.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pssr_live.errors import StorageError
from pssr_live.frame import PIXEL_TYPES, Pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from pssr_live.storage.layout import RunLayout

_HOW_TO_CONVERT = (
    "scale it to uint16 first (Fiji: Image > Type > 16-bit, or numpy and "
    "tifffile.imwrite)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """One movie, opened.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of every frame.
    dtype : str
        One of `pssr_live.frame.PIXEL_TYPES`.
    pixel_size_um : float or None
        None where unknown, and where pixels are not square.
    layout : RunLayout
        One index for each frame.
    read : callable
        Ordinal to pixels, (Y, X).
    close : callable
        Frees the file.
    missing : frozenset of int
        Ordinals without a frame.
    gaps : frozenset of int
        Ordinals of frames just before which the camera lost frames.
    provenance : mapping
        What our own files say about themselves; empty for others.
    doubt : str
        A sentence on what the file lacks beside known places, or on how it may be
        misread; empty if nothing.
    oblong : str
        A sentence on pixels that are not square; empty if they are.
    """

    shape: tuple[int, int]
    dtype: str
    pixel_size_um: float | None
    layout: RunLayout
    read: Callable[[int], Pixels]
    close: Callable[[], None]
    missing: frozenset[int] = frozenset()
    gaps: frozenset[int] = frozenset()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ""
    oblong: str = ""


def pixel_type(dtype: np.dtype[Any] | None, source: object) -> str:
    """Return the name of a dtype that can be restored.

    Raises
    ------
    StorageError
        If it cannot, saying how to convert.
    """
    name = "of no known type" if dtype is None else dtype.name
    if name not in PIXEL_TYPES:
        raise StorageError(
            f"{source} holds {name} pixels and only {', '.join(PIXEL_TYPES)} can be "
            f"restored; {_HOW_TO_CONVERT}."
        )
    return name


@contextmanager
def tiff_errors(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a damaged or foreign TIFF causes into one StorageError.

    A damaged file can make a TIFF reader fail in any way at all, so all are caught.
    """
    try:
        yield
    except StorageError:
        raise
    except MemoryError as error:
        raise StorageError(
            f"{what} in {path} claims a size that no memory holds; the file is "
            "damaged, save it again."
        ) from error
    except Exception as error:
        # Without imagecodecs tifffile names it, or the module that it tried instead.
        if isinstance(error, ImportError) or "imagecodecs" in str(error):
            raise StorageError(
                f"{what} in {path} is compressed in a way that needs another package; "
                "run `pip install imagecodecs` or save the file uncompressed."
            ) from error
        reason = str(error) or type(error).__name__
        if reason.startswith("not a TIFF file"):  # the rest would be bytes of it
            raise StorageError(
                f"{path} is not a TIFF file: save the images as TIFF first (Fiji: "
                "File > Save As > Tiff)."
            ) from error
        raise StorageError(
            f"{what} in {path} cannot be read: {reason}; check that it is a whole "
            "TIFF file."
        ) from error
