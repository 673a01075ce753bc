"""Exports of models that call torch_geometric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from .. import ops
from .groups import Groups, base, reduced
from .replacing import copied, replaced


@contextmanager
def torch_geometric_as_plugins(dim_size: int | None = None, target: str | None = None) -> Iterator[None]:
    """Inside it, torch_geometric's scatter, softmax and segment call those of `ops`, however a model holds them.

    So do its layers, aggregations, pools and norms, by an index and by `ptr`, whether or not torch_scatter or pyg_lib
    is installed. An export inside has one plugin node for each call, by either exporter. The values are
    torch_geometric's, with these differences: a NaN is never a minimum or maximum; floats of 16 bits are added in
    float32; and a softmax by `ptr` over nothing but -infinity is NaN, as by an index, not 0. The 1e-16 that
    torch_geometric adds to the sums of a softmax is left out: such a sum is at least 1, which 1e-16 does not change.

    Do not use it while other threads call torch_geometric. It may be nested; the innermost arguments count.

    Args:
        dim_size: The number of groups for all calls that give none. It must be larger than every index. A pool's result
            then has so many rows.
        target: The version of TensorRT, such as "8.6" or "10". Before 10, a number of groups that varies becomes the
            shape of a base instead of an input. None stands for 10 or newer.

    Raises:
        ModuleNotFoundError: torch_geometric is not installed.
        ValueError: an argument has another value than these.
    """
    groups = Groups.of("torch_geometric_as_plugins", dim_size, target)
    library = import_module("torch_geometric")
    utils = import_module("torch_geometric.utils")
    aggregation: Any = import_module("torch_geometric.nn.aggr").Aggregation
    calls = _Calls(library, groups, copied(utils.scatter))
    call = aggregation.__call__
    with replaced({utils.scatter: calls.scatter, utils.softmax: calls.softmax, utils.segment: calls.segment}):
        # It looks for the largest index itself before it calls them.
        aggregation.__call__ = calls.aggregation(call)
        try:
            yield
        finally:
            aggregation.__call__ = call


@dataclass(frozen=True)
class _Calls:
    """What torch_geometric's functions do inside the context manager. They have torch_geometric's arguments."""

    library: ModuleType
    groups: Groups
    own_scatter: Callable[..., Tensor]

    def scatter(
        self, src: Tensor, index: Tensor, dim: int = 0, dim_size: ops.Size = None, reduce: str = "sum"
    ) -> Tensor:
        if index.dim() != 1:
            raise ValueError(f"scatter: index has {index.dim()} axes: expected one")
        dim = _axis(dim, src)
        dim_size = self.groups.given(dim_size, "torch_geometric.utils.scatter")
        if reduce == "any":
            # One of the elements, whichever: no reduction of the plugins. ONNX's ScatterElements does it.
            return self.own_scatter(src, index, dim, dim_size, reduce)
        index = self._plain(index)
        how = {"add": "sum", "amin": "min", "amax": "max"}.get(reduce, reduce)
        if how == "mean" and not src.is_floating_point():
            # torch_geometric divides, which makes floats of integers.
            ones = torch.ones_like(index)
            count = self._reduced(ones, index, 0, dim_size, "sum").clamp(min=1)
            return self.scatter(src, index, dim, dim_size) / _along(count, dim, src.dim())
        if src.dtype in _NARROW:
            return self._reduced(src.to(torch.int32), index, dim, dim_size, how).to(src.dtype)
        return self._reduced(src, index, dim, dim_size, how)

    def _reduced(self, src: Tensor, index: Tensor, dim: int, size: ops.Size, how: str) -> Tensor:
        if self.groups.has_base(size):
            return reduced(src, index, dim, size, how)
        return ops.scatter(src, index, dim, dim_size=size, reduce=how)

    def softmax(
        self,
        src: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        num_nodes: ops.Size = None,
        dim: int = 0,
    ) -> Tensor:
        dim = _axis(dim, src)
        src = src if src.is_floating_point() else src.to(torch.get_default_dtype())
        if ptr is not None and (ptr.dim() == 1 or index is None):
            return ops.softmax_csr(src, ptr.reshape([1] * dim + [-1]))
        if index is None:
            raise NotImplementedError("softmax: neither index nor ptr is given")
        index = self._plain(index)
        size = self.groups.given(num_nodes, "torch_geometric.utils.softmax", "num_nodes")
        if not self.groups.has_base(size):
            return ops.scatter_softmax(src, index, dim, size)
        # The plugin of the softmax takes no base.
        highest = ops.scatter(src, index, dim, base(src, dim, size, "max"), reduce="max")
        powers = (src - highest.index_select(dim, index)).exp()
        return powers / reduced(powers, index, dim, size, "sum").index_select(dim, index)

    def segment(self, src: Tensor, ptr: Tensor, reduce: str = "sum") -> Tensor:
        result = ops.segment_csr(src, ptr, reduce=reduce)
        if reduce in ("min", "max") and result.is_floating_point() and not self.library.typing.WITH_TORCH_SCATTER:
            # torch_geometric without torch_scatter makes zeros of infinities. Its isinf would be a Cast to float64 in a
            # model, which TensorRT does not have.
            is_infinite = result.abs() > torch.finfo(result.dtype).max
            result = torch.where(is_infinite, torch.zeros_like(result), result)
        return result

    def aggregation(self, own: Callable[..., Any]) -> Callable[..., Any]:
        """Aggregation.__call__, which must be told the number of groups in an export."""

        def call(
            module: Any,
            x: Tensor,
            index: Tensor | None = None,
            ptr: Tensor | None = None,
            dim_size: ops.Size = None,
            dim: int = -2,
            **kwargs: Any,
        ) -> Any:
            if index is not None and ptr is None:
                dim_size = self.groups.given(dim_size, type(module).__name__)
            return own(module, x, index, ptr, dim_size, dim, **kwargs)

        return call

    def _plain(self, index: Tensor) -> Tensor:
        """An index as a plain tensor."""
        plain: Tensor = index.as_tensor() if isinstance(index, self.library.Index) else index
        return plain


_NARROW = (torch.bool, torch.uint8, torch.int8, torch.int16)
"""Types that the plugins do not have. In int32 such values are reduced to the same."""


def _axis(dim: int, src: Tensor) -> int:
    if not -src.dim() <= dim < src.dim():
        raise ValueError(f"dim is {dim}, but src has {src.dim()} axes: expected {-src.dim()} to {src.dim() - 1}")
    return dim % src.dim()


def _along(count: Tensor, dim: int, rank: int) -> Tensor:
    return count.reshape([-1] + [1] * (rank - dim - 1))
