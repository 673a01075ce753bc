"""Exports of models that call torch_scatter or torch_geometric, without a change to the models.

- `of_torch_scatter` and `of_torch_geometric` have the two context managers.
- `replacing` makes a function do something else while a context manager is open.
- `groups` decides what becomes of a number of groups, and of a missing one.
"""

from __future__ import annotations

from .of_torch_geometric import torch_geometric_as_plugins
from .of_torch_scatter import torch_scatter_as_plugins

__all__ = ["torch_geometric_as_plugins", "torch_scatter_as_plugins"]
