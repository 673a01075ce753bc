"""index_put and put with accumulate=True: sums at coordinates, which may repeat and may count from the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .graph import LAST, Graph, all_same, computed_in
from .scatters import Groups, reduced_into


def put(g: Graph, self: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """Tensor.put: the index counts the elements of all axes."""
    if not accumulate:
        raise ValueError("put: accumulate is False, which is not exported; use index_put or scatter")
    dtype = g.dtype_of(self)
    flat = g.reshape(self, [-1])
    index = _from_the_start(g, g.reshape(index, [-1]), g.dtype_of(index), g.shape(flat))
    groups = Groups("put", 0, None, dtype, computed_in(dtype, "put"))
    result = reduced_into(g, groups, flat, index, g.reshape(source, [-1]), "sum", True)
    return g.reshape(result, g.shape(self))


def index_put(g: Graph, self: Any, indices: Sequence[Any], values: Any) -> Any:
    """`self` with `values` added at the coordinates. None in `indices` stands for a whole axis.

    The axes that have coordinates become one, and the coordinates a number along it.
    """
    dtype = g.dtype_of(self)
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    if any(g.dtype_of(indices[axis]) in ("bool", "uint8") for axis in axes):
        raise ValueError(
            "index_put: accumulate is True and an index is a mask, which is not exported; write "
            "torch.where(mask, self + values, self)"
        )
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        raise ValueError(
            f"index_put: accumulate is True and the axes with an index are {axes}: expected neighbours; permute self "
            "so that they are"
        )
    first, last = axes[0], axes[-1] + 1
    own = g.sizes(self, "index_put")
    given = [g.sizes(indices[axis], "index_put") for axis in axes]
    merged = None
    for axis in axes:
        size = g.shape(self, axis, axis + 1)
        index = g.cast(indices[axis], g.dtype_of(indices[axis]), "int64")
        index = _from_the_start(g, index, "int64", size)
        merged = index if merged is None else g.op("Add", g.op("Mul", merged, size), index)
    # An index of rank 0 has become one of rank 1: its sum with the sizes has.
    ranks = max(1, *map(len, given))
    shape = g.shape(self)
    before, behind = g.slice(shape, [0], [first], [0]), g.slice(shape, [last], [LAST], [0])
    sizes = g.sizes(values, "index_put")
    wanted = [*own[:first], *given[0], *own[last:]]
    are_numbers = not any(given)
    if are_numbers or any(each != given[0] for each in given) or not all_same(sizes, wanted):
        if are_numbers and len(sizes) > len(own) - last:
            values = g.op("Unsqueeze", values, g.constant([len(sizes) - (len(own) - last)]))
        values = g.op("Expand", values, g.concat([before, g.shape(merged), behind], 0))
    if ranks > 1:
        values = g.reshape(values, g.concat([before, g.reshape(g.op("Size", merged), [1]), behind], 0))
        merged = g.reshape(merged, [-1])
    start = self if len(axes) == 1 else g.reshape(self, g.concat([before, [-1], behind], 0))
    groups = Groups("index_put", first, None, dtype, computed_in(dtype, "index_put"))
    result = reduced_into(g, groups, start, merged, values, "sum", True)
    return result if len(axes) == 1 else g.reshape(result, shape)


def _from_the_start(g: Graph, index: Any, dtype: str, size: Any) -> Any:
    """An index whose negative numbers count from the end of an axis. The plugins leave these out."""
    size = g.cast(size, "int64", dtype)
    return g.op("Where", g.op("Less", index, g.constant(0, dtype)), g.op("Add", index, size), index)
