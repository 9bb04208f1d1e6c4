"""Tensors on disk that are there whole or not at all, with what goes with them.

One safetensors file holds both: named tensors, and a few numbers as JSON in its
header. It is written beside its place and moved there, so a killed process leaves
the one before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes

from pssr_live.errors import StorageError
from pssr_live.storage.disk import disk_errors

Tensors = dict[str, torch.Tensor]
_KEY = "progress"


def save(path: Path, tensors: Mapping[str, torch.Tensor], facts: Any) -> None:
    """Write tensors and facts (anything JSON can say).

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    plain = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    with disk_errors("The checkpoint", path):
        with part.open("wb") as file:
            # Its own `save_file` makes files that other accounts cannot read.
            file.write(as_bytes(plain, metadata={_KEY: json.dumps(facts)}))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def load(path: Path) -> tuple[Tensors, Any]:
    """Read tensors and facts.

    Raises
    ------
    StorageError
        If there is no such file, or it is none of ours.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, facts
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise StorageError(
            f"The checkpoint {path} cannot be read ({error}): train anew with "
            "--overwrite."
        ) from error
