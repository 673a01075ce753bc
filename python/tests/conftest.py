"""Shared fixtures. The oracle's file and the plugin library are those of the checkout."""

from __future__ import annotations

from collections.abc import Iterator

import libraries
import pytest


@pytest.fixture(params=libraries.ALL, ids=lambda library: library.name, scope="session")
def library(request: pytest.FixtureRequest) -> Iterator[libraries.Library]:
    """Each array library on each kind of device. Skips those that the machine does not have."""
    with request.param() as opened:
        yield opened
