"""scatter and its shorthands: reductions over groups of elements that share an index, in any order."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import reduced
from ._declarations import SCATTER

__all__ = [
    "scatter",
    "scatter_add",
    "scatter_max",
    "scatter_mean",
    "scatter_min",
    "scatter_mul",
    "scatter_sum",
]

A = TypeVar("A")
Index = TypeVar("Index")


def scatter(
    src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None, reduce: str = "sum"
) -> A:
    """Reduces all elements of ``src`` that share an index.

    With ``src`` of shape [.., E, ..] and E its size along ``dim``, ``result[.., n, ..]`` is the reduction of all
    ``src[.., e, ..]`` with ``index[.., e, ..] == n``.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64; rank 1 to 8.
        index: int32 or int64, values in [0, N). An index with one axis lies along ``dim``. Otherwise each axis has size
            1 or src's size; axes of size 1 are added at the end.
        dim: the axis of ``src`` to reduce. A negative number counts from the end.
        out: the reduction starts from it, and the result goes to it. It has the result's shape and src's type. JAX
            arrays cannot be written to: there the result is a new array.
        dim_size: N, the number of groups. None stands for the largest index plus one. Where ``out`` is given, N is its
            size, whatever ``dim_size`` is.
        reduce: "sum" (or "add"), "mul", "mean", "min" or "max".

    Returns:
        src's shape with N in place of E; ``out`` itself if it was given. Empty groups are 0, or 1 for "mul".
        :func:`scatter_min` and :func:`scatter_max` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an index is outside [0, N). The error has its position and value.
    """
    result: A = reduced(SCATTER, {"src": src, "index": index}, out, reduce, dim=dim, dim_size=dim_size)[0]
    return result


def scatter_sum(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`scatter` with ``reduce="sum"``."""
    return scatter(src, index, dim, out, dim_size, "sum")


def scatter_add(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`scatter` with ``reduce="sum"``."""
    return scatter(src, index, dim, out, dim_size, "sum")


def scatter_mul(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`scatter` with ``reduce="mul"``."""
    return scatter(src, index, dim, out, dim_size, "mul")


def scatter_mean(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`scatter` with ``reduce="mean"``. With ``out``: (out + sum) / max(count, 1)."""
    return scatter(src, index, dim, out, dim_size, "mean")


def scatter_min(
    src: A, index: Index, dim: int = -1, out: A | None = None, dim_size: int | None = None
) -> tuple[A, Index]:
    """:func:`scatter` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima, and arg_out with the same shape and index's type. arg_out is the position of the minimum along
        ``dim``, the smallest position among equal elements. It is E where a group is empty or ``out`` is not greater.
    """
    values, positions = reduced(SCATTER, {"src": src, "index": index}, out, "min", dim=dim, dim_size=dim_size)
    return values, positions


def scatter_max(
    src: A, index: Index, dim: int = -1, out: A | None = None, dim_size: int | None = None
) -> tuple[A, Index]:
    """:func:`scatter_min` for the largest elements."""
    values, positions = reduced(SCATTER, {"src": src, "index": index}, out, "max", dim=dim, dim_size=dim_size)
    return values, positions
