"""What becomes of a call's number of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .. import nodes, ops

# torch.jit has no type hints.
_jit: Any = torch.jit


@dataclass(frozen=True)
class Groups:
    """How the calls of a library get their numbers of groups."""

    context: str
    """The context manager's name, for messages."""
    default: int | None
    """The number of groups for calls that give none."""
    are_inputs: bool
    """Whether a number that varies may be an input of a node."""

    @classmethod
    def of(cls, context: str, dim_size: int | None, target: str | None) -> Groups:
        """Checks the arguments of a context manager."""
        if dim_size is not None and (isinstance(dim_size, bool) or not isinstance(dim_size, int) or dim_size < 0):
            raise ValueError(f"dim_size is {dim_size!r}: expected a number of groups, or None")
        return cls(context, dim_size, nodes.takes_sizes_as_inputs(target))

    def given(self, size: ops.Size, call: str, argument: str = "dim_size") -> ops.Size:
        """The number of groups of a call: `size`, or the default.

        Raises:
            ValueError: there is none, and the call is exported.
        """
        if size is None:
            size = self.default
        if size is None and is_exporting():
            raise ValueError(
                f"{call}: {argument} is not given: an exported model cannot take the number of groups from the values "
                f"of an index, since TensorRT wants shapes before values; pass {argument}=, or the number for all "
                f"calls that give none to {self.context}(dim_size=)"
            )
        return size

    def has_base(self, size: ops.Size) -> bool:
        """Whether a number of groups may vary, and is told by the shape of a base."""
        # Dynamo does not tell a number that varies from one that does not.
        may_vary = isinstance(size, (torch.SymInt, Tensor)) or torch.compiler.is_dynamo_compiling()
        return not self.are_inputs and may_vary


def is_exporting() -> bool:
    """Whether a model is being traced: then numbers that come from values are wrong, or are not known."""
    return bool(_jit.is_tracing() or torch.compiler.is_compiling())


def base(src: Tensor, dim: int, size: ops.Size, reduce: str) -> Tensor:
    """A tensor with `size` groups on axis `dim`, from which a reduction starts as from nothing."""
    shape: list[Any] = [size if axis == dim else src.size(axis) for axis in range(src.dim())]
    return torch.full(shape, _identity(src.dtype, reduce), dtype=src.dtype, device=src.device)


def _identity(dtype: torch.dtype, reduce: str) -> float | int:
    if reduce not in ("min", "max"):
        return 1 if reduce == "mul" else 0
    if dtype.is_floating_point:
        return float("inf") if reduce == "min" else float("-inf")
    limits = torch.iinfo(dtype)
    return limits.max if reduce == "min" else limits.min


def reduced(src: Tensor, index: Tensor, dim: int, size: ops.Size, reduce: str) -> Tensor:
    """As `ops.scatter` by a 1-D index, with the number of groups as the shape of a base."""
    values = ops.scatter(src, index, dim, base(src, dim, size, reduce), reduce=reduce)
    if reduce not in ("min", "max"):
        return values
    # An infinity may have come from src: only a count tells which groups are empty.
    ones = torch.ones_like(index)
    count = ops.scatter_sum(ones, index, 0, base(ones, 0, size, "sum"))
    count = count.reshape([-1] + [1] * (src.dim() - dim - 1))
    return torch.where(count > 0, values, torch.zeros_like(values))
