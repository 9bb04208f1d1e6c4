"""The errors of pssr_live: what happened, the value that caused it, the way out.

    PssrLiveError
    ├── ModelError      a model folder that is missing, altered or unfit
    ├── EngineError     an inference engine that cannot start or failed
    ├── ScannerError    a microscope, a profile or a sequence that cannot run
    ├── StorageError    a file or folder that cannot be read or written
    └── SettingsError   a value that a person gave and that makes no sense

Every message is one sentence for a microscopist. Commands print it and exit with 2.
"""

from __future__ import annotations


class PssrLiveError(Exception):
    """Any error that pssr_live raises on purpose."""


class ModelError(PssrLiveError):
    """A model folder that is missing, altered or unfit for the data."""


class EngineError(PssrLiveError):
    """An inference engine that cannot start, or that failed."""


class ScannerError(PssrLiveError):
    """A microscope, profile or sequence that cannot do what was asked."""


class StorageError(PssrLiveError):
    """A file or folder that cannot be read or written."""


class SettingsError(PssrLiveError):
    """A value given by a person that makes no sense here."""
