"""segment_coo, its shorthands, and gather_coo: reductions over groups of a sorted index, and the inverse."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called, reduced
from ._declarations import GATHER_COO, SEGMENT_COO

__all__ = [
    "gather_coo",
    "segment_add_coo",
    "segment_coo",
    "segment_max_coo",
    "segment_mean_coo",
    "segment_min_coo",
    "segment_sum_coo",
]

A = TypeVar("A")
Index = TypeVar("Index")


def segment_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None, reduce: str = "sum") -> A:
    """Reduces all elements of ``src`` that share an index, where the index is sorted along its last axis.

    The reduced axis is the index's last axis; its size is E.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, N).
        out: the reduction starts from it, and the result goes to it. It has the result's shape and src's type. JAX
            arrays cannot be written to: there the result is a new array.
        dim_size: N, the number of groups. None stands for the largest index plus one. Where ``out`` is given, N is its
            size, whatever ``dim_size`` is.
        reduce: "sum" (or "add"), "mean", "min" or "max".

    Returns:
        src's shape with N in place of E; ``out`` itself if it was given. Empty groups are 0. :func:`segment_min_coo`
        and :func:`segment_max_coo` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an index is outside [0, N) or below the one before it. The error has its position and value.
    """
    result: A = reduced(SEGMENT_COO, {"src": src, "index": index}, out, reduce, dim_size=dim_size)[0]
    return result


def segment_sum_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="sum"``."""
    return segment_coo(src, index, out, dim_size, "sum")


def segment_add_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="sum"``."""
    return segment_coo(src, index, out, dim_size, "sum")


def segment_mean_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="mean"``. With ``out``: (out + sum) / max(count, 1)."""
    return segment_coo(src, index, out, dim_size, "mean")


def segment_min_coo(src: A, index: Index, out: A | None = None, dim_size: int | None = None) -> tuple[A, Index]:
    """:func:`segment_coo` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima, and arg_out with the same shape and index's type. arg_out is the position of the minimum along the
        reduced axis, the smallest position among equal elements. It is E where a group is empty or ``out`` is not
        greater.
    """
    values, positions = reduced(SEGMENT_COO, {"src": src, "index": index}, out, "min", dim_size=dim_size)
    return values, positions


def segment_max_coo(src: A, index: Index, out: A | None = None, dim_size: int | None = None) -> tuple[A, Index]:
    """:func:`segment_min_coo` for the largest elements."""
    values, positions = reduced(SEGMENT_COO, {"src": src, "index": index}, out, "max", dim_size=dim_size)
    return values, positions


def gather_coo(src: A, index: Any, out: A | None = None) -> A:
    """Copies the rows of ``src`` that an index names: ``result[.., e, ..] = src[.., index[.., e], ..]``.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., N, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, N), in any order.
        out: the result goes to it.

    Returns:
        src's shape with E in place of N; ``out`` itself if it was given.

    Raises:
        ValueError: a shape or a type does not fit.
        BadIndexError: an index is outside [0, N). The error has its position and value.
    """
    result: A = called(GATHER_COO, {"src": src, "index": index}, out)
    return result
