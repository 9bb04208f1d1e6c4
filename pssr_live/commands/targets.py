"""Which file each movie of a command is written to."""

from __future__ import annotations

from pathlib import Path

from pssr_live.errors import SettingsError

_ENDINGS = (".tiff", ".tif", ".ome")


def targets_for(sources: list[Path], out: Path, done: str) -> list[Path]:
    """Return one OME-TIFF for each source: `out` itself, or files in that folder.

    Parameters
    ----------
    sources : list of Path
        The movies.
    out : Path
        What `-o` named.
    done : str
        What is done to them, for file names: "restored" gives `a_restored.ome.tiff`.

    Raises
    ------
    SettingsError
        If `out` does not suit the sources, or two would be written to one file.
    """
    if len(sources) == 1 and not out.is_dir():
        if not out.name.lower().endswith((".tif", ".tiff")):
            raise SettingsError(
                f"-o {out} is neither an existing folder nor a .tif or .tiff file: "
                f"name the OME-TIFF to write, such as {done}.ome.tiff."
            )
        return [out]
    if out.is_file():
        raise SettingsError(
            f"-o {out} is a file and there are {len(sources)} movies: name a folder."
        )
    targets = [out / f"{stem(source)}_{done}.ome.tiff" for source in sources]
    if len(set(targets)) < len(targets):
        raise SettingsError(
            "Two of the movies have the same name and would overwrite each other: "
            "write them into different folders."
        )
    return targets


def stem(path: Path) -> str:
    """Return a movie's name without `.ome.tiff` and the like; a link's own name."""
    name = path.name if path.name not in ("", "..") else path.resolve().name
    for ending in _ENDINGS:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name
