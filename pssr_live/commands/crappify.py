"""`pssr-live crappify`: what a coarse scan would have shown of a good movie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pssr_live.commands.console import (
    JsonOption,
    OverwriteOption,
    console_for,
    notes,
    packages_of,
    print_json,
    progress_bar,
)
from pssr_live.commands.targets import stem, targets_for
from pssr_live.errors import SettingsError

if TYPE_CHECKING:
    from pssr_live.commands.crappify_file import Job
    from pssr_live.crappifier import Recipe

DEFAULT = "confocal"


def crappify(
    sources: Annotated[
        list[Path],
        typer.Argument(help="TIFF files, or folders of single-image TIFFs."),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="OME-TIFF to write; a folder for several."),
    ],
    preset: Annotated[
        str | None,
        typer.Option(
            help="confocal (the default), sem, em_AG_D, fluo_SP_AG_D, new_crap_AG_SP, "
            "pssr2_poisson, pssr2_gaussian or pssr2_saltpepper."
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="TOML file with a chain of your own.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="calibration.toml: scan as the microscope that it is of."),
    ] = None,
    scale: Annotated[
        int, typer.Option(help="One pixel for so many along each axis: 1, 2, 3, 4, 8.")
    ] = 4,
    seed: Annotated[int, typer.Option(help="Same seed, same noise.")] = 0,
    corner_aligned: Annotated[
        bool,
        typer.Option("--corner-aligned", help="Misplace pixels as PSSR's presets did."),
    ] = False,
    truth: Annotated[
        bool, typer.Option("--truth", help="Write what should be restored, beside it.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write a PNG of the first frame.")
    ] = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Degrade good movies to what a coarse, quick scan would have recorded.

    Sizes that are no multiple of the scale lose rows below and columns on the right.

    Example: `pssr-live crappify good.tif -o scan.ome.tiff --preset confocal --truth`
    """
    with packages_of("demo"):
        from pssr_live.commands.crappify_file import (
            check_files,
            crappify_file,
            prepared,
        )

    console = console_for(json)
    chain = _chain(preset, recipe, calibration, scale, corner_aligned)
    jobs = _jobs(sources, out, truth, preview, overwrite)
    # One movie that cannot be used stops them all before the first.
    check_files(jobs)
    crappifiers = [prepared(job, chain, scale, seed) for job in jobs]
    reports = []
    for job, how in zip(jobs, crappifiers, strict=True):
        with progress_bar(console, f"Scanning {job.source.name}") as show:
            report = crappify_file(job, how, show)
        reports.append(report)
        notes(console, report["warnings"])
        console.print(
            f"Frames scanned: {report['frames']} -> {job.target}", markup=False
        )
    if json:
        print_json({"movies": reports})


def _chain(
    preset: str | None,
    recipe: Path | None,
    calibration: Path | None,
    scale: int,
    corner_aligned: bool,
) -> Recipe:
    from pssr_live.calibration.as_recipe import recipe_of
    from pssr_live.crappifier import load_recipe
    from pssr_live.crappifier import preset as chain_of

    if recipe is None and calibration is None:
        return chain_of(preset or DEFAULT, corner_aligned=corner_aligned)
    whole = {"--recipe": recipe, "--calibration": calibration}
    option, path = next((o, p) for o, p in whole.items() if p is not None)
    if None not in whole.values() or preset is not None or corner_aligned:
        raise SettingsError(
            f"{option} {path} is a whole chain: give it without --preset, "
            "--corner-aligned or another chain."
        )
    return load_recipe(path) if recipe is not None else recipe_of(path, scale)


def _jobs(
    sources: list[Path], out: Path, truth: bool, preview: bool, overwrite: bool
) -> list[Job]:
    from pssr_live.commands.crappify_file import Job

    targets = targets_for(sources, out, "crappified")
    return [
        Job(
            source,
            target,
            target.with_name(f"{stem(target)}_truth.ome.tiff") if truth else None,
            target.with_name(f"{stem(target)}_preview.png") if preview else None,
            overwrite,
        )
        for source, target in zip(sources, targets, strict=True)
    ]
