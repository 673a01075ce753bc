"""gather_segment_coo and its shorthands: reductions of rows that an index names, over segments that sorted destinations
give. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import reduced
from ._declarations import GATHER_SEGMENT_COO
from ._gather_scatter import destined

__all__ = [
    "gather_segment_add_coo",
    "gather_segment_coo",
    "gather_segment_max_coo",
    "gather_segment_mean_coo",
    "gather_segment_min_coo",
    "gather_segment_sum_coo",
]

A = TypeVar("A")
Index = TypeVar("Index")


def gather_segment_coo(
    src: A,
    index: Any,
    destination: Any,
    weight: Any = None,
    dim_size: int | None = None,
    reduce: str = "sum",
    out: A | None = None,
) -> A:
    """Reduces segments of rows of ``src`` that ``index`` names, each times its weight.

    ``result[.., n, ..]`` is the reduction of all ``weight[.., e] * src[.., index[.., e], ..]`` with
    ``destination[.., e] == n``. It is :func:`gather_scatter` for destinations that are sorted along their last axis,
    with the same bits. Nothing is sorted, so it is faster.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., R, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, R) in any order.
        destination: of index's type and rank, [.., E], its leading axes 1 or src's, values in [0, N), sorted along the
            last axis.
        weight: of src's type, or float32 where src is float16 or bfloat16. Its shape is [.., E], or [.., E, H] for H
            heads: each of the H weights of an element is for K / H neighbouring ones of the K values of a row. Its
            leading axes are 1 or src's. None multiplies by nothing.
        dim_size: the number of segments N. Without it, N is out's size on that axis, and without ``out`` the largest
            destination + 1, or 0 where there are none.
        reduce: "sum" (or "add"), "mean", "min" or "max". A mean is divided by the number of elements, not by the
            weights.
        out: the result goes to it. Every element is overwritten.

    Returns:
        src's shape with N in place of R; ``out`` itself if it was given. Empty segments are 0.
        :func:`gather_segment_min_coo` and :func:`gather_segment_max_coo` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of index is outside [0, R), or one of destination is outside [0, N) or below the one
            before it. The error has its position and value. Inside ``with unchecked():`` elements outside are left out,
            and a mean does not count them. The order is not checked then: the results of destinations that are not
            sorted are not specified. Negative ones may also lie behind all others, as padding.
    """
    inputs = destined(src, index, destination, weight)
    result: A = reduced(GATHER_SEGMENT_COO, inputs, out, reduce, dim_size=dim_size)[0]
    return result


def gather_segment_sum_coo(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_segment_coo` with ``reduce="sum"``."""
    return gather_segment_coo(src, index, destination, weight, dim_size, "sum", out)


def gather_segment_add_coo(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_segment_coo` with ``reduce="sum"``."""
    return gather_segment_coo(src, index, destination, weight, dim_size, "sum", out)


def gather_segment_mean_coo(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_segment_coo` with ``reduce="mean"``."""
    return gather_segment_coo(src, index, destination, weight, dim_size, "mean", out)


def gather_segment_min_coo(
    src: A, index: Index, destination: Index, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_segment_coo` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima of the weighted values, and arg_out with the same shape and index's type. arg_out is the element e
        that has the minimum, the smallest e among equal ones. It is E for a segment without elements.
    """
    inputs = destined(src, index, destination, weight)
    values, positions = reduced(GATHER_SEGMENT_COO, inputs, out, "min", dim_size=dim_size)
    return values, positions


def gather_segment_max_coo(
    src: A, index: Index, destination: Index, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_segment_min_coo` for the largest elements."""
    inputs = destined(src, index, destination, weight)
    values, positions = reduced(GATHER_SEGMENT_COO, inputs, out, "max", dim_size=dim_size)
    return values, positions
