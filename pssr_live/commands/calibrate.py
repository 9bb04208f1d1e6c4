"""`pssr-live calibrate`: an instrument's values, from pictures that it took."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from pssr_live.commands.console import (
    JsonOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
)
from pssr_live.errors import SettingsError, StorageError
from pssr_live.storage.disk import disk_errors

if TYPE_CHECKING:
    from pssr_live.calibration.pairs import PairFit
    from pssr_live.calibration.repeats import RepeatsFit
    from pssr_live.calibration.stack import Stack
    from pssr_live.calibration.values import Calibration

_SAME_RATIO = 0.02
TOML, PICTURE = "calibration.toml", "calibration.png"


def calibrate(
    out: Annotated[
        Path, typer.Option("--out", "-o", help=f"Folder for {TOML} and {PICTURE}.")
    ],
    repeats: Annotated[
        Path | None, typer.Option(help="Frames of one field that keeps still; 8 do.")
    ] = None,
    dark: Annotated[
        Path | None, typer.Option(help="Frames without light, for --repeats.")
    ] = None,
    detail: Annotated[
        Literal["edges", "lines", "points", "gold"],
        typer.Option(help="Finest detail; points: beads, gold: on carbon."),
    ] = "edges",
    low: Annotated[Path | None, typer.Option(help="Low-density scan.")] = None,
    high: Annotated[
        Path | None, typer.Option(help="High-density scan of the same field.")
    ] = None,
    pixel_size_um: Annotated[
        float | None,
        typer.Option(help="Pixel size of --repeats or --high, if the file is silent."),
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Fit gain, noise, PSF and scan geometry of a microscope to its own pictures.

    Example: `pssr-live calibrate --repeats STACK.tif -o calibration`

    Example: `pssr-live calibrate --low LOW.tif --high HIGH.tif -o calibration`
    """
    console = console_for(json)
    if pixel_size_um is not None and not 0 < pixel_size_um < inf:
        raise SettingsError(
            f"--pixel-size-um {pixel_size_um:g} is no size: give micrometres above 0."
        )
    _check_free(out, overwrite)
    with packages_of("demo"):
        fit = _fitted(repeats, dark, detail, low, high, pixel_size_um)
    _write(fit, out)
    if json:
        print_json(fit.calibration.model_dump(mode="json"))
        return
    _tell(console, fit.calibration)
    console.print(f"Look at {out / PICTURE}", markup=False)


def _fitted(
    repeats: Path | None,
    dark: Path | None,
    detail: Literal["edges", "lines", "points", "gold"],
    low: Path | None,
    high: Path | None,
    pixel_size_um: float | None,
) -> RepeatsFit | PairFit:
    from pssr_live.calibration.pairs import fit_pair
    from pssr_live.calibration.repeats import fit_repeats
    from pssr_live.calibration.stack import read_frames

    if repeats and not (low or high):
        stack = read_frames(repeats)
        repeats_fit = fit_repeats(
            stack.frames,
            name=str(repeats),
            pixel_size_um=pixel_size_um or stack.pixel_size_um,
            dark=read_frames(dark).frames if dark else None,
            detail=detail,
        )
        noted = repeats_fit.calibration.noted(stack.notes(str(repeats)))
        return replace(repeats_fit, calibration=noted)
    if low and high and not (repeats or dark):
        coarse, fine = read_frames(low), read_frames(high)
        pair_fit = fit_pair(
            coarse.frames,
            fine.frames,
            names=(str(low), str(high)),
            pixel_size_um=pixel_size_um or fine.pixel_size_um,
        )
        said = coarse.notes(str(low)) + fine.notes(str(high))
        said += _other_sizes(coarse, fine, pair_fit.calibration.source.scale)
        return replace(pair_fit, calibration=pair_fit.calibration.noted(said))
    raise SettingsError(
        "A calibration takes either --repeats (with --dark, if there is one) or --low "
        "and --high: give one of the two."
    )


def _other_sizes(coarse: Stack, fine: Stack, scale: int) -> tuple[str, ...]:
    """Say it where the files' pixel sizes are in another ratio than their shapes."""
    if not (coarse.pixel_size_um and fine.pixel_size_um):
        return ()
    ratio = coarse.pixel_size_um / fine.pixel_size_um
    if abs(ratio - scale) <= _SAME_RATIO * scale:
        return ()
    return (
        f"By the pixel sizes in the files a coarse pixel is {ratio:.3g} dense ones "
        f"wide, by their shapes {scale}: they show fields of different size, or a file "
        "is wrong about its pixels.",
    )


def _check_free(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file: name a folder for the calibration.")
    taken = [name for name in (TOML, PICTURE) if (out / name).exists()]
    if taken and not overwrite:
        what = "a calibration" if TOML in taken else f"a {PICTURE}"
        raise StorageError(
            f"{out} holds {what} already: choose another folder, or pass --overwrite "
            "to replace it."
        )


def _write(fit: RepeatsFit | PairFit, out: Path) -> None:
    """Write both files elsewhere first: out has both in the end, or is as it was."""
    from pssr_live.calibration.picture import write_picture

    new = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        with disk_errors("The calibration", out):
            out.mkdir(parents=True, exist_ok=True)
            room = Path(tempfile.mkdtemp(prefix=".calibration-", dir=out))
        try:
            write_picture(room / PICTURE, fit)
            fit.calibration.write(room / TOML)
            with disk_errors("The calibration", out):
                for name in (PICTURE, TOML):
                    (room / name).replace(out / name)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except StorageError:
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _tell(console: Console, calibration: Calibration) -> None:
    from pssr_live.calibration.picture import in_words
    from pssr_live.calibration.values import Measured

    for name in type(calibration).model_fields:
        if isinstance(value := getattr(calibration, name), Measured):
            console.print(f"{name}: {in_words(value)}", markup=False)
    missing = calibration.not_identifiable.items()
    notes(console, [f"{name} is not identifiable: {why}" for name, why in missing])
    notes(console, calibration.notes)
