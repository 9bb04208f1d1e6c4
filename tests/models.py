"""Model folders that were tampered with."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from pssr_live.card import shipped_models

MODEL = "mito-mf5-x4"


def copy_model(folder: Path, *changes: tuple[str, str], name: str = MODEL) -> Path:
    """Copy a shipped model, and replace words of its card."""
    target = folder / "model"
    shutil.copytree(shipped_models() / name, target)
    card = target / "card.toml"
    text = card.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    card.write_text(text, "utf-8")
    return target


def flip_a_byte(path: Path) -> None:
    """Alter a file by one byte; its card does not know."""
    old = path.read_bytes()
    at = len(old) // 2
    path.write_bytes(old[:at] + bytes([old[at] ^ 0xFF]) + old[at + 1 :])


def forge(path: Path, content: bytes) -> None:
    """Replace a file, and its hash in the card."""
    card = path.parent / "card.toml"
    before, after = (
        hashlib.sha256(b).hexdigest() for b in (path.read_bytes(), content)
    )
    path.write_bytes(content)
    card.write_text(card.read_text("utf-8").replace(before, after), "utf-8")
