"""gather_scatter and its shorthands: reductions over groups of rows that an index names. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import reduced
from ._declarations import GATHER_SCATTER

__all__ = [
    "gather_scatter",
    "gather_scatter_add",
    "gather_scatter_max",
    "gather_scatter_mean",
    "gather_scatter_min",
    "gather_scatter_sum",
]

A = TypeVar("A")
Index = TypeVar("Index")


def gather_scatter(
    src: A,
    index: Any,
    destination: Any,
    weight: Any = None,
    dim_size: int | None = None,
    reduce: str = "sum",
    out: A | None = None,
) -> A:
    """Reduces groups of rows of ``src`` that ``index`` names, each times its weight.

    ``result[.., n, ..]`` is the reduction of all ``weight[.., e] * src[.., index[.., e], ..]`` with
    ``destination[.., e] == n``. It is ``scatter(weight * gather_coo(src, index), destination)`` in one step: the rows
    that are read are never stored, and 16-bit floats are multiplied and added as float32 and rounded once. Sums have
    the same bits every time, on CUDA too.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., R, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, R) in any order.
        destination: of index's type and rank, [.., E], its leading axes 1 or src's, values in [0, N) in any order.
        weight: of src's type, or float32 where src is float16 or bfloat16. Its shape is [.., E], or [.., E, H] for H
            heads: each of the H weights of an element is for K / H neighbouring ones of the K values of a row. Its
            leading axes are 1 or src's. None multiplies by nothing.
        dim_size: the number of groups N. Without it, N is out's size on that axis, and without ``out`` the largest
            destination + 1, or 0 where there are none.
        reduce: "sum" (or "add"), "mean", "min" or "max". A mean is divided by the number of elements, not by the
            weights.
        out: the result goes to it. Every element is overwritten.

    Returns:
        src's shape with N in place of R; ``out`` itself if it was given. Empty groups are 0.
        :func:`gather_scatter_min` and :func:`gather_scatter_max` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of index is outside [0, R), or one of destination is outside [0, N). The error has its
            position and value. Inside ``with unchecked():`` such an element is left out, and a mean does not count it.
    """
    inputs = destined(src, index, destination, weight)
    result: A = reduced(GATHER_SCATTER, inputs, out, reduce, dim_size=dim_size)[0]
    return result


def gather_scatter_sum(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_scatter` with ``reduce="sum"``."""
    return gather_scatter(src, index, destination, weight, dim_size, "sum", out)


def gather_scatter_add(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_scatter` with ``reduce="sum"``."""
    return gather_scatter(src, index, destination, weight, dim_size, "sum", out)


def gather_scatter_mean(
    src: A, index: Any, destination: Any, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> A:
    """:func:`gather_scatter` with ``reduce="mean"``."""
    return gather_scatter(src, index, destination, weight, dim_size, "mean", out)


def gather_scatter_min(
    src: A, index: Index, destination: Index, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_scatter` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima of the weighted values, and arg_out with the same shape and index's type. arg_out is the element e
        that has the minimum, the smallest e among equal ones. It is E for a group without elements.
    """
    inputs = destined(src, index, destination, weight)
    values, positions = reduced(GATHER_SCATTER, inputs, out, "min", dim_size=dim_size)
    return values, positions


def gather_scatter_max(
    src: A, index: Index, destination: Index, weight: Any = None, dim_size: int | None = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_scatter_min` for the largest elements."""
    inputs = destined(src, index, destination, weight)
    values, positions = reduced(GATHER_SCATTER, inputs, out, "max", dim_size=dim_size)
    return values, positions


def destined(src: Any, index: Any, destination: Any, weight: Any) -> dict[str, Any]:
    """The inputs of an operator with destinations, by their names."""
    return {"src": src, "index": index, "destination": destination, "weight": weight}
