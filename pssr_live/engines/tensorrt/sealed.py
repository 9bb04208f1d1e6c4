"""A file of bytes with a sidecar that proves it whole and says what it was made from.

Both are written beside their place and moved there, so a reader sees old or new files
but never a part of one. Two writers of the same file leave a pair that fits, or one
that is found not to and made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

SIDECAR = ".json"


class Sidecar(BaseModel):
    """The contents of a sidecar.

    Attributes
    ----------
    schema_version : int
        Of this file.
    key : str
        Digest of what the bytes were made from.
    fields : dict
        The same in words.
    sha256, size : str, int
        Of the bytes.
    facts : dict
        What else is known about them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    key: str
    fields: dict[str, str]
    sha256: str
    size: int
    facts: dict[str, Any]


SCHEMA = 1


class Unfit(Exception):
    """A file that must not be used; says why, in a part of a sentence."""


def write_sealed(
    path: Path,
    content: bytes,
    key: str,
    fields: Mapping[str, str],
    facts: Mapping[str, Any],
) -> None:
    """Write bytes and their sidecar.

    Raises
    ------
    OSError
        If that fails; what was there before may then be refused, never misread.
    """
    sidecar = Sidecar(
        schema_version=SCHEMA,
        key=key,
        fields=dict(fields),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        facts=dict(facts),
    )
    _replace(path, content)
    write_sidecar(path, sidecar)


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write the sidecar of the bytes in `path`."""
    text = json.dumps(sidecar.model_dump(), indent=1, sort_keys=True)
    _replace(path.with_suffix(SIDECAR), text.encode())


def read_sidecar(path: Path) -> Sidecar:
    """Read the sidecar of the bytes in `path`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Unfit
        If it cannot be read, or is of another version of pssr-live.
    """
    try:
        told = json.loads(path.with_suffix(SIDECAR).read_bytes())
        if isinstance(told, dict) and told.get("schema_version") != SCHEMA:
            raise Unfit("its sidecar is of another version of pssr-live")
        return Sidecar.model_validate(told)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise Unfit("its sidecar cannot be read") from error


def read_sealed(path: Path, key: str) -> bytes:
    """Read bytes that were made from exactly what `key` stands for.

    Raises
    ------
    FileNotFoundError
        If there are none.
    Unfit
        If they have no sidecar or another's, or are not whole.
    """
    try:
        sidecar = read_sidecar(path)
    except FileNotFoundError:
        if path.exists():
            raise Unfit("it has no sidecar") from None
        raise
    if sidecar.key != key:
        raise Unfit("its sidecar is that of another file")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unfit(f"it cannot be read ({error.strerror})") from error
    if len(content) != sidecar.size:
        raise Unfit(f"it has {len(content)} bytes instead of {sidecar.size}")
    if hashlib.sha256(content).hexdigest() != sidecar.sha256:
        raise Unfit("its bytes were altered or damaged")
    return content


def _replace(path: Path, content: bytes) -> None:
    """Put bytes in a file's place, on the disk, all or nothing."""
    number, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
