"""Exports of models that call torch_scatter or torch_geometric, without a change to the models.

- `of_torch_scatter` and `of_torch_geometric` have the context managers; `libraries_as_plugins` opens both.
- `replacing` makes a function do something else while a context manager is open.
- `groups` decides what becomes of a number of groups, and of a missing one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .of_torch_geometric import torch_geometric_as_plugins
from .of_torch_scatter import torch_scatter_as_plugins

__all__ = ["libraries_as_plugins", "torch_geometric_as_plugins", "torch_scatter_as_plugins"]


@contextmanager
def libraries_as_plugins(dim_size: int | None = None, target: str | None = None) -> Iterator[None]:
    """`torch_scatter_as_plugins` and `torch_geometric_as_plugins`, as far as the process has imported the libraries."""
    with ExitStack() as stack:
        if "torch_scatter" in sys.modules:
            stack.enter_context(torch_scatter_as_plugins(dim_size, target))
        if "torch_geometric" in sys.modules:
            stack.enter_context(torch_geometric_as_plugins(dim_size, target))
        yield
