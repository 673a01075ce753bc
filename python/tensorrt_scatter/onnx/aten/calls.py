"""PyTorch's operators that have a formula here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from . import index_put, scatters, segments


@dataclass(frozen=True)
class Call:
    """An overload of a PyTorch operator and its formula."""

    overload: Any
    """The overload, such as torch.ops.aten.scatter_add.default."""
    formula: Callable[..., Any]
    """Its arguments are a graph and the overload's. They are values for tensors, and numbers, texts or flags."""
    outputs: int = 1
    """The number of the overload's outputs. The formula returns the first."""

    @property
    def name(self) -> str:
        """The name that the TorchScript exporter knows, such as "aten::scatter_add". Overloads share it."""
        return str(self.overload._schema.name)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the overload's schema says of each argument."""
        return tuple(self.overload._schema.arguments)


_aten = torch.ops.aten

SCATTER_OF_A_NUMBER = Call(_aten.scatter.value_reduce, scatters.scatter_value)

CALLS = (
    Call(_aten.scatter_add.default, scatters.scatter_add),
    Call(_aten.scatter.reduce, scatters.scatter),
    SCATTER_OF_A_NUMBER,
    Call(_aten.scatter_reduce.two, scatters.scatter_reduce),
    Call(_aten.index_add.default, scatters.index_add),
    Call(_aten.index_reduce.default, scatters.index_reduce),
    Call(_aten.put.default, index_put.put),
    Call(_aten.segment_reduce.default, segments.segment_reduce),
    Call(_aten.bincount.default, segments.bincount),
    Call(_aten.embedding_bag.default, segments.embedding_bag, outputs=4),
    Call(_aten.embedding_bag.padding_idx, segments.embedding_bag, outputs=4),
    Call(_aten._embedding_bag.default, segments.embedding_bag, outputs=4),
    Call(_aten._embedding_bag_forward_only.default, segments.embedding_bag, outputs=4),
)
"""The operators whose every call has a formula. Of index_put, a call with accumulate=True has one."""

INDEX_PUT = Call(_aten.index_put.default, index_put.index_put)
