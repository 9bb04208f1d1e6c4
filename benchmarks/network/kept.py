"""What is kept of a finished network, so that a run that was stopped goes on.

Weights as safetensors with the record of the training beside them. A folder belongs to
one set of settings and one version of the test set: results of different ones must not
meet in a table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from benchmarks.network.contenders import Contender
from benchmarks.network.training import Trained, laid_out
from pssr_live.errors import SettingsError

SETTINGS = "settings.json"
RECORD = ("samples", "device_s", "channels_last", "curve")


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder, or check that it was made with the same settings.

    Raises
    ------
    SettingsError
        If it holds results of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / SETTINGS
    if not written.exists():
        written.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        return
    before = json.loads(written.read_text("utf-8"))
    for name, value in settings.items():
        if before.get(name) != value:
            raise SettingsError(
                f"{folder} holds results with {name} {before.get(name)!r}, and now it "
                f"is {value!r}: name another folder."
            )


def keep(folder: Path, name: str, trained: Trained) -> None:
    """Write the weights, then the record: what has a record is complete."""
    weights = {
        key: value.contiguous() for key, value in trained.net.state_dict().items()
    }
    save_file(weights, folder / f"{name}.safetensors")
    record = {each: getattr(trained, each) for each in RECORD}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def recall(folder: Path, name: str, contender: Contender) -> Trained | None:
    """Return a finished network, or None if it has not been trained here."""
    written = folder / f"{name}.json"
    if not written.exists():
        return None
    record = json.loads(written.read_text("utf-8"))
    net = laid_out(contender.build(), record["channels_last"])
    net.load_state_dict(load_file(folder / f"{name}.safetensors"))
    return Trained(net, **record)
