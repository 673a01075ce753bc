"""scatter_add, scatter(reduce=), scatter_reduce, index_add, index_reduce: reductions by an index into `self`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .graph import LAST, ONNX_TYPES, Graph, Size, all_same, computed_in, same

HOW = {
    "sum": "sum",
    "add": "sum",
    "prod": "mul",
    "multiply": "mul",
    "mean": "mean",
    "amax": "max",
    "amin": "min",
}
"""torch_scatter's names of PyTorch's reductions."""

_WIDE = {"float16": "float32", "bfloat16": "float32"}
_LIMITS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def scatter_add(g: Graph, self: Any, dim: int, index: Any, src: Any) -> Any:
    return _scattered(g, "scatter_add", self, dim, index, src, "sum", True)


def scatter(g: Graph, self: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    """Tensor.scatter with a reduction."""
    return _scattered(g, "scatter", self, dim, index, src, reduce, True)


def scatter_value(g: Graph, self: Any, dim: int, index: Any, value: float, reduce: str) -> Any:
    """Tensor.scatter of a number with a reduction."""
    src = g.filled(g.shape(index), value, g.dtype_of(self))
    return _scattered(g, "scatter", self, dim, index, src, reduce, True, whole_src=True)


def scatter_reduce(g: Graph, self: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Any:
    return _scattered(g, "scatter_reduce", self, dim, index, src, reduce, include_self)


def index_add(g: Graph, self: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    return _by_rows(g, "index_add", self, dim, index, source, "sum", True, alpha)


def index_reduce(g: Graph, self: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Any:
    return _by_rows(g, "index_reduce", self, dim, index, source, reduce, include_self)


def _by_rows(
    g: Graph,
    call: str,
    self: Any,
    dim: int,
    index: Any,
    source: Any,
    reduce: str,
    include_self: bool,
    alpha: float = 1,
) -> Any:
    """A reduction by a 1-D index. PyTorch wants `source` to have self's sizes on all other axes."""
    own, dtype = g.sizes(self, call), g.dtype_of(self)
    axis = dim % max(len(own), 1)
    start = g.vector(self, len(own))
    index = g.vector(index, len(g.sizes(index, call)))
    source = g.vector(source, len(g.sizes(source, call)))
    group = Groups(call, axis, (own or [1])[axis], dtype, computed_in(dtype, call))
    if not isinstance(alpha, (int, float)):
        raise ValueError(f"{call}: alpha varies: expected a number that the model fixes; multiply source by it instead")
    # PyTorch converts alpha to the type of integers, by cutting it.
    factor = alpha if "float" in dtype else int(alpha)
    if factor != 1:
        source = g.op("Mul", g.cast(source, dtype, group.wide), g.constant(factor, group.wide))
        source = g.op("Cast", source, to=ONNX_TYPES[dtype]) if dtype != group.wide else source
    result = reduced_into(g, group, start, index, source, reduce, include_self)
    return result if own else g.reshape(result, [])


def _scattered(
    g: Graph,
    call: str,
    self: Any,
    dim: int,
    index: Any,
    src: Any,
    reduce: str,
    include_self: bool,
    whole_src: bool = False,
) -> Any:
    """A reduction by an index of self's rank, which may be smaller than `self` and `src` on any axis.

    A corner of src of index's sizes is reduced into a corner of `self`. The plugin instead broadcasts an index of size
    1, and wants equal sizes. So a Slice is there wherever the sizes are not certainly equal. `whole_src` tells that src
    has index's sizes.
    """
    own, sizes, dtype = g.sizes(self, call), g.sizes(index, call), g.dtype_of(self)
    if 0 in sizes:
        return g.op("Identity", self)
    given = sizes if whole_src else g.sizes(src, call)
    rank = len(own)
    self, index, src = g.vector(self, rank), g.vector(index, len(sizes)), g.vector(src, len(given))
    own, sizes, given = own or [1], sizes or [1], given or [1]
    axis, axes = dim % len(own), list(range(len(own)))
    if not all_same(sizes, given):
        src = g.slice(src, [0] * len(axes), g.shape(index), axes)
    cut = [each for each in axes if each != axis and not same(sizes[each], own[each])]
    start, ends = self, {each: g.shape(index, each, each + 1) for each in cut}
    for each in cut:
        start = g.slice(start, [0], ends[each], [each])
    group = Groups(call, axis, own[axis], dtype, computed_in(dtype, call))
    result = reduced_into(g, group, start, index, src, reduce, include_self)
    # The rest of `self` goes behind the corner, on one axis after the other.
    for place, each in enumerate(cut):
        rest = g.slice(self, ends[each], [LAST], [each])
        for later in cut[place + 1 :]:
            rest = g.slice(rest, [0], ends[later], [later])
        result = g.concat([result, rest], each)
    return result if rank else g.reshape(result, [])


@dataclass(frozen=True)
class Groups:
    """What is reduced: the values of an argument that a reduction starts from."""

    call: str
    axis: int
    size: Size
    """What is known of self's size on the axis."""
    dtype: str
    """The type of `self` and src."""
    wide: str
    """The type in which they are reduced."""


def reduced_into(g: Graph, groups: Groups, self: Any, index: Any, src: Any, reduce: str, include_self: bool) -> Any:
    """The reduction of src into `self`, which has src's sizes on all axes but that of the groups.

    The index is 1-D, or has src's sizes.
    """
    if reduce not in HOW:
        raise ValueError(f"{groups.call}: reduce is {reduce!r}: expected one of {', '.join(map(repr, HOW))}")
    how, dtype, axis = HOW[reduce], groups.dtype, groups.axis
    if how == "mean":
        if groups.wide != dtype:
            raise ValueError(f"{groups.call}: a mean of {dtype} is not exported; convert to torch.int32 first")
        # A sum and a count of 16 bits would overflow.
        groups = replace(groups, wide=_WIDE.get(dtype, dtype))
    wide = groups.wide
    start, src = g.cast(self, dtype, wide), g.cast(src, dtype, wide)
    if not include_self:
        result = _without_self(g, groups, start, index, src, how, g.filling_of(self))
    elif how == "mean":
        total = g.scatter("sum", src, index, axis, out=start)[0]
        ones = g.filled(g.shape(src), 1, wide), g.filled(g.shape(start), 1, wide)
        result = _quotient(g, total, g.scatter("sum", ones[0], index, axis, out=ones[1])[0], wide)
    else:
        result = g.scatter(how, src, index, axis, out=start)[0]
    return g.cast(result, wide, dtype)


def _without_self(g: Graph, groups: Groups, self: Any, index: Any, src: Any, how: str, filling: float | None) -> Any:
    """A reduction that starts from nothing. Groups that receive nothing keep `self`."""
    axis, dtype = groups.axis, groups.wide
    has_base = not isinstance(groups.size, int) and not g.sizes_are_inputs

    def from_nothing(how: str, src: Any, dtype: str) -> tuple[Any, ...]:
        if has_base:
            return g.scatter(how, src, index, axis, out=g.filled(g.shape(self), identity(how, dtype), dtype))
        size = groups.size if isinstance(groups.size, int) else g.shape(self, axis, axis + 1)
        return g.scatter(how, src, index, axis, dim_size=size)

    results, has_position = from_nothing(how, src, dtype), how in ("min", "max") and not has_base
    # Without a base an empty group is this number; and of a sum or product, also with one.
    if filling == int(how == "mul") and (has_position or how not in ("min", "max")):
        return results[0]
    if has_position:
        # The position of the winner is src's size where nothing arrived.
        position = g.op("Cast", results[1], to=ONNX_TYPES["int64"])
        arrived = g.op("Less", position, g.shape(src, axis, axis + 1))
    else:
        count = from_nothing("sum", g.filled(g.shape(src), 1, "float32"), "float32")[0]
        arrived = g.op("Greater", count, g.constant(0, "float32"))
    return g.op("Where", arrived, results[0], self)


def identity(how: str, dtype: str) -> float:
    """The number that a reduction starts from as from nothing."""
    if how not in ("min", "max"):
        return int(how == "mul")
    limits = _LIMITS.get(dtype, (float("-inf"), float("inf")))
    return limits[how == "min"]


def _quotient(g: Graph, total: Any, count: Any, dtype: str) -> Any:
    """The quotient; of integers, rounded down. ONNX's Div rounds them toward 0."""
    quotient = g.op("Div", total, count)
    if "float" in dtype:
        return quotient
    rest = g.op("Sub", total, g.op("Mul", quotient, count))
    is_above = g.op("Less", rest, g.constant(0, dtype))
    return g.op("Where", is_above, g.op("Sub", quotient, g.constant(1, dtype)), quotient)
