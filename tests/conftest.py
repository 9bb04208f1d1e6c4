"""What all tests share: one loaded model, so that it is verified once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pssr_live.restorer import Restorer


@pytest.fixture(scope="session")
def centred() -> Iterator[Restorer]:
    """Return a restorer that looks two frames ahead."""
    restorer = Restorer("mito-mf5-x4")
    yield restorer
    restorer.close()


@pytest.fixture(scope="session")
def causal() -> Iterator[Restorer]:
    """Return a restorer that never looks ahead."""
    restorer = Restorer("mito-mf5-x4-live")
    yield restorer
    restorer.close()
