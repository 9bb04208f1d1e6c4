"""The `pssr-live` command."""

from __future__ import annotations

import atexit
import logging
import signal
import sys
from typing import cast

import typer

from pssr_live.commands import app
from pssr_live.errors import PssrLiveError

# click's UsageError, which some versions of typer keep in a package of their own
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


def main() -> None:
    """Run a command and exit; bad input becomes one sentence and exit code 2."""
    try:
        _run()
    finally:
        # All is done and written. A Ctrl-C would abort Python in the midst of its exit,
        # where it begins: what is registered last comes first.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)


def _run() -> None:
    logging.raiseExceptions = False  # a log that finds the disk full says nothing
    try:
        code = app(
            sys.argv[1:] or ["--help"], prog_name="pssr-live", standalone_mode=False
        )
    except PssrLiveError as error:
        _fail(str(error))
    except UsageError as error:
        _fail(_usage(error))
    except MemoryError:
        _fail("There is not enough memory for this; give smaller images.")
    except OSError as error:
        _fail(f"{error}; is the path right, and may you read and write there?")
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    else:
        sys.exit(code or 0)


def _fail(sentence: str) -> None:
    print(f"Error: {sentence}", file=sys.stderr)
    sys.exit(2)


def _usage(error: Exception) -> str:
    said = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "pssr-live"
    joint = " See" if said.endswith("?") else "; see"
    return f"{said}{joint} `{path} --help`."


if __name__ == "__main__":
    main()
