"""The `pssr-live` command."""

from __future__ import annotations

import sys

from pssr_live.commands import app
from pssr_live.errors import PssrLiveError


def main() -> None:
    """Run a command; an error of ours becomes one sentence and exit code 2."""
    try:
        app()
    except PssrLiveError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
