"""Whether an engine's packages are here, without importing them."""

from __future__ import annotations

from importlib.util import find_spec


def missing(extra: str, *packages: str) -> str | None:
    """Return which of these top-level packages to install, and how; None if none."""
    for package in packages:
        if not _is_installed(package):
            return f'{package} is not installed: pip install "pssr-live[{extra}]".'
    return None


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # half installed, or hidden on purpose
        return False
