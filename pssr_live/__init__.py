"""Live restoration for point-scanning microscopes.

Scan 16 times fewer pixels and see the whole picture while the cell is alive:

    import pssr_live as pl

    hr = pl.restore(movie, model="mito-mf5-x4")       # (T, Y, X) -> (T, 4Y, 4X)

    with pl.LiveRestoration(model="mito-mf5-x4", save="session_01") as live:
        core.mda.run(sequence, output=live)           # two lines in any MDA script

Names are loaded when first used, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pssr_live.calibration.values import read_scan_noise
    from pssr_live.card import Model, ModelCard, load_model
    from pssr_live.errors import (
        EngineError,
        ModelError,
        PssrLiveError,
        ScannerError,
        SettingsError,
        StorageError,
    )
    from pssr_live.evaluation.session_references import score_references
    from pssr_live.frame import Frame, Restored
    from pssr_live.offline import restore, restore_file
    from pssr_live.pipeline import LivePipeline
    from pssr_live.restorer import Restorer
    from pssr_live.scanners.hook import LiveRestoration
    from pssr_live.scanners.live_mode import LiveMode
    from pssr_live.scanners.restoring_engine import RestoringEngine
    from pssr_live.storage.movie import open_movie
    from pssr_live.trust import ScanNoise
    from pssr_live.window import RollingWindow, Window

__version__ = "0.1.0"
__all__ = [
    "EngineError",
    "Frame",
    "LiveMode",
    "LivePipeline",
    "LiveRestoration",
    "Model",
    "ModelCard",
    "ModelError",
    "PssrLiveError",
    "Restored",
    "Restorer",
    "RestoringEngine",
    "RollingWindow",
    "ScanNoise",
    "ScannerError",
    "SettingsError",
    "StorageError",
    "Window",
    "load_model",
    "open_movie",
    "read_scan_noise",
    "restore",
    "restore_file",
    "score_references",
]

_HOMES = {
    "calibration.values": ("read_scan_noise",),
    "card": ("Model", "ModelCard", "load_model"),
    "errors": (
        "EngineError",
        "ModelError",
        "PssrLiveError",
        "ScannerError",
        "SettingsError",
        "StorageError",
    ),
    "evaluation.session_references": ("score_references",),
    "frame": ("Frame", "Restored"),
    "offline": ("restore", "restore_file"),
    "pipeline": ("LivePipeline",),
    "restorer": ("Restorer",),
    "scanners.hook": ("LiveRestoration",),
    "scanners.live_mode": ("LiveMode",),
    "scanners.restoring_engine": ("RestoringEngine",),
    "storage.movie": ("open_movie",),
    "trust": ("ScanNoise",),
    "window": ("RollingWindow", "Window"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Load a public name when it is first used."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        except ModuleNotFoundError as error:
            from pssr_live.errors import SettingsError

            raise SettingsError(
                f"pssr_live.{name} needs the package {error.name}, which is not "
                'installed: run `pip install "pssr-live[demo]"`.'
            ) from error
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
