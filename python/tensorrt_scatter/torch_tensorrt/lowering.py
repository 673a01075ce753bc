"""PyTorch's reductions by an index, as the operators `torch.ops.tensorrt_scatter.*`.

`TABLE` has a function for each reduction of `torch.ops.aten`. It is for `ExportedProgram.run_decompositions`, and for
the table of Torch-TensorRT. A function returns NotImplemented where it is not certain that the operators compute the
same; then PyTorch's own operator stays in the graph.

Sizes that vary are compared without guards: two of them are equal only where they certainly are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import statically_known_true

from .._declarations import INDICES, TYPE_OF, VALUES
from .._settings import is_deterministic

# It declares torch.ops.tensorrt_scatter.
from ..onnx import declared as _declared  # noqa: F401

Lowering = Callable[..., Any]

MAXIMUM_RANK = 8
"""The rank up to which plugins take tensors."""

_ATEN = torch.ops.aten
_OPERATORS = torch.ops.tensorrt_scatter

_REDUCTIONS = {
    "sum": "sum",
    "add": "sum",
    "prod": "mul",
    "multiply": "mul",
    "mean": "mean",
    "amin": "min",
    "amax": "max",
    "min": "min",
    "max": "max",
}
"""PyTorch's names of the reductions, and torch_scatter's."""


def in_plugins(tensor: Tensor, types: Sequence[str]) -> bool:
    """Whether a plugin takes the tensor where it takes these types."""
    name = str(tensor.dtype).removeprefix("torch.")
    return name in types and TYPE_OF[name].in_plugins and 1 <= tensor.dim() <= MAXIMUM_RANK


def _scatter_add(base: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    return _scattered(base, dim, index, src, "sum", include_self=True)


def _scatter_reduce(
    base: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Any:
    return _scattered(base, dim, index, src, reduce, include_self)


def _scatter_with_value(base: Tensor, dim: int, index: Tensor, value: float, *, reduce: str) -> Any:
    if isinstance(value, float) and not base.is_floating_point():
        return NotImplemented
    src = torch.full_like(index, value, dtype=base.dtype)
    return _scattered(base, dim, index, src, reduce, include_self=True)


def _index_add(base: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Any:
    if not _is_along(base, dim, index, source):
        return NotImplemented
    return _reduced(base, dim % base.dim(), index, source if alpha == 1 else source * alpha, "sum", include_self=True)


def _index_reduce(
    base: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Any:
    if not _is_along(base, dim, index, source):
        return NotImplemented
    return _reduced(base, dim % base.dim(), index, source, reduce, include_self)


def _index_put(base: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Any:
    """An addition at coordinates on neighbouring axes. They become one index along one axis."""
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    given = [index for index in indices if index is not None]
    if not accumulate or not in_plugins(base, VALUES) or values.dtype != base.dtype or not given:
        return NotImplemented
    first, behind = axes[0], axes[-1] + 1
    # PyTorch moves coordinates that are apart to the front. A mask is no coordinate.
    if behind - first != len(axes) or any(f"{index.dtype}".removeprefix("torch.") not in INDICES for index in given):
        return NotImplemented
    if not _broadcast_together([index.shape for index in given]):
        return NotImplemented
    sizes = [base.shape[axis] for axis in axes]
    coordinates = [torch.where(index < 0, index + size, index) for index, size in zip(given, sizes)]
    linear = coordinates[0]
    for coordinate, size in zip(coordinates[1:], sizes[1:]):
        linear = linear.long() * size + coordinate
    leading, trailing = list(base.shape[:first]), list(base.shape[behind:])
    sizes_of_src = [*leading, *linear.shape, *trailing]
    if not _expands(values.shape, sizes_of_src):
        return NotImplemented
    src = values.expand(sizes_of_src)
    if linear.dim() != 1:
        src = src.reshape([*leading, linear.numel(), *trailing])
        linear = linear.reshape([linear.numel()])
    if len(axes) == 1:
        return _reduced(base, first, linear, src, "sum", include_self=True)
    merged = base.reshape([*leading, math.prod(sizes), *trailing])
    return _reduced(merged, first, linear, src, "sum", include_self=True).reshape(base.shape)


def _segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Any:
    bounds = offsets if offsets is not None else lengths
    # A product over segments has no plugin.
    if bounds is None or indices is not None or reduce == "prod":
        return NotImplemented
    axis %= max(data.dim(), 1)
    if (
        not in_plugins(data, VALUES)
        or not in_plugins(bounds, INDICES)
        or bounds.dim() != axis + 1
        or not are_equal(bounds.shape[:axis], data.shape[:axis])
    ):
        return NotImplemented
    if offsets is None:
        ends = bounds.cumsum(-1, dtype=bounds.dtype)
        offsets = torch.cat([ends.new_zeros([*ends.shape[:-1], 1]), ends], -1)
    count = offsets.shape[-1] - 1
    sizes = offsets.narrow(-1, 1, count) - offsets.narrow(-1, 0, count)
    sizes = sizes.reshape([*sizes.shape, *[1] * (data.dim() - axis - 1)])
    # As PyTorch does it: the initial value takes part, and is what an empty segment gives.
    how, is_filled = _REDUCTIONS[reduce], sizes > 0
    if how in ("min", "max"):
        values, _ = getattr(_OPERATORS, f"segment_{how}_csr")(data, offsets)
        empty = math.copysign(math.inf, -1 if how == "max" else 1) if initial is None else initial
        if initial is not None:
            values = values.clamp(min=initial) if how == "max" else values.clamp(max=initial)
        return torch.where(is_filled, values, empty)
    if how == "sum" and initial is None:
        return _OPERATORS.segment_sum_csr(data, offsets)
    total = _OPERATORS.segment_sum_csr(data.float(), offsets)
    if initial is not None:
        total = total + initial
    if how == "mean":
        total = torch.where(is_filled, total / sizes.clamp(min=1), math.nan if initial is None else initial)
    return total.to(data.dtype)


def _scattered(base: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool) -> Any:
    """A reduction by an index of src's rank, which may be smaller than src and base: then a corner of both takes part."""
    rank = src.dim()
    if not (in_plugins(base, VALUES) and in_plugins(src, VALUES) and in_plugins(index, INDICES)):
        return NotImplemented
    if src.dtype != base.dtype or not base.dim() == index.dim() == rank:
        return NotImplemented
    dim %= rank
    # An empty index leaves base alone, whatever the other sizes are.
    if any(isinstance(size, int) and size == 0 for size in index.shape):
        return NotImplemented
    for axis in range(rank):
        for larger, may_differ in ((src, True), (base, axis != dim)):
            if may_differ and not _is_comparable(index.shape[axis], larger.shape[axis]):
                return NotImplemented
    # Each axis where base is larger: the axis, and what the scatter leaves alone there.
    rests: list[tuple[int, Tensor]] = []
    for axis, size in enumerate(index.shape):
        if not are_equal([size], [src.shape[axis]]):
            src = src.narrow(axis, 0, size)
        if axis != dim and not are_equal([size], [base.shape[axis]]):
            rests.append((axis, base.narrow(axis, size, base.shape[axis] - size)))
            base = base.narrow(axis, 0, size)
    result = _reduced(base, dim, index, src, reduce, include_self)
    for axis, rest in reversed(rests):
        result = torch.cat([result, rest], axis)
    return result


def _reduced(base: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool) -> Tensor:
    """A reduction by an index of src's shape, or a 1-D one along `dim`."""
    how = _REDUCTIONS[reduce]
    size = base.shape[dim]
    if how == "mean":
        return _mean(base, dim, index, src, include_self)
    if include_self:
        result: Any = _scatter(how, src, index, dim, base, None)
        reduced: Tensor = result[0] if how in ("min", "max") else result
        return reduced
    if how in ("min", "max"):
        values, arg = _scatter(how, src, index, dim, None, size)
        return torch.where(arg < src.shape[dim], values, base)
    values = _scatter(how, src, index, dim, None, size)
    return torch.where(_count(index, dim, size, src.dim()) > 0, values, base)


def _mean(base: Tensor, dim: int, index: Tensor, src: Tensor, include_self: bool) -> Tensor:
    """The mean as PyTorch defines it: base counts as one element. Means of integers are rounded down."""
    count = _count(index, dim, base.shape[dim], src.dim())
    # The sum of 16-bit floats may not fit in 16 bits.
    wide = src.float() if TYPE_OF[str(src.dtype).removeprefix("torch.")].is_half else src
    if include_self:
        total = _scatter("sum", wide, index, dim, base.to(wide.dtype), None)
        divisor = count + 1
    else:
        total = _scatter("sum", wide, index, dim, None, base.shape[dim])
        divisor = count.clamp(min=1)
    divisor = divisor.to(total.dtype)
    mean = total / divisor if total.is_floating_point() else torch.div(total, divisor, rounding_mode="floor")
    mean = mean.to(base.dtype)
    return mean if include_self else torch.where(count > 0, mean, base)


def _count(index: Tensor, dim: int, size: Any, rank: int) -> Tensor:
    """How many elements each group has, with sizes that broadcast to those of the result."""
    along = dim if index.dim() == rank else 0
    count: Tensor = _scatter("sum", torch.ones_like(index, dtype=torch.int32), index, along, None, size)
    return count if index.dim() == rank else count.reshape([size, *[1] * (rank - dim - 1)])


def _scatter(how: str, src: Tensor, index: Tensor, dim: int, base: Tensor | None, size: Any) -> Any:
    return getattr(_OPERATORS, f"scatter_{how}")(src, index, dim, base, size, is_deterministic())


def _is_along(base: Tensor, dim: int, index: Tensor, source: Tensor) -> bool:
    """Whether the index certainly has one element for each row of source along `dim`, and rows are those of base."""
    if not (in_plugins(base, VALUES) and in_plugins(source, VALUES) and in_plugins(index, INDICES)):
        return False
    if index.dim() != 1 or source.dtype != base.dtype or source.dim() != base.dim():
        return False
    dim %= base.dim()
    rows = list(base.shape)
    rows[dim] = index.shape[0]
    return are_equal(rows, source.shape)


def are_equal(sizes: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether sizes are certainly equal."""
    return len(sizes) == len(others) and all(statically_known_true(a == b) for a, b in zip(sizes, others))


def _expands(sizes: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether a tensor of these sizes certainly expands to the others."""
    return len(sizes) <= len(others) and all(
        are_equal([size], [1]) or are_equal([size], [other]) for size, other in zip(reversed(sizes), reversed(others))
    )


def _broadcast_together(shapes: Sequence[Sequence[Any]]) -> bool:
    """Whether tensors of these shapes certainly broadcast: on each axis, their sizes are 1 or equal."""
    for sizes in itertools.zip_longest(*map(reversed, shapes), fillvalue=1):
        others = [size for size in sizes if not are_equal([size], [1])]
        if any(not are_equal([size], [others[0]]) for size in others):
            return False
    return True


def _is_comparable(size: Any, larger: Any) -> bool:
    """Whether it is certain that two sizes are equal, or that they are not."""
    return are_equal([size], [larger]) or (isinstance(size, int) and isinstance(larger, int))


TABLE: dict[Callable[..., Any], Lowering] = {
    _ATEN.scatter_add.default: _scatter_add,
    _ATEN.scatter_reduce.two: _scatter_reduce,
    _ATEN.scatter.reduce: _scatter_reduce,
    _ATEN.scatter.value_reduce: _scatter_with_value,
    _ATEN.index_add.default: _index_add,
    _ATEN.index_reduce.default: _index_reduce,
    _ATEN.index_put.default: _index_put,
    _ATEN.segment_reduce.default: _segment_reduce,
}
"""The function of each operator of PyTorch."""
