"""What the tests share. The oracle's file and the plugin library are those of the checkout."""

from __future__ import annotations

from collections.abc import Iterator

import libraries
import pytest


@pytest.fixture(params=libraries.ALL, ids=lambda library: library.name, scope="session")
def library(request: pytest.FixtureRequest) -> Iterator[libraries.Library]:
    """Each library of arrays, on each kind of device; skipped where the machine has none."""
    with request.param() as opened:
        yield opened
