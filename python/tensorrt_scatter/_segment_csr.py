"""segment_csr, its shorthands, and gather_csr: reductions over segments with given bounds, and the inverse."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called, reduced
from ._declarations import GATHER_CSR, SEGMENT_CSR

__all__ = [
    "gather_csr",
    "segment_add_csr",
    "segment_csr",
    "segment_max_csr",
    "segment_mean_csr",
    "segment_min_csr",
    "segment_sum_csr",
]

A = TypeVar("A")
Index = TypeVar("Index")


def segment_csr(src: A, indptr: Any, out: A | None = None, reduce: str = "sum") -> A:
    """Reduces the segments of ``src`` that ``indptr`` delimits.

    ``result[.., n, ..]`` is the reduction of all ``src[.., e, ..]`` with ``indptr[.., n] <= e < indptr[.., n + 1]``.
    The reduced axis is indptr's last axis; its size is E.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64; rank 1 to 8.
        indptr: int32 or int64 of shape [.., N + 1], its leading axes 1 or src's, values in [0, E] that do not decrease.
        out: the result goes to it. Every element is overwritten.
        reduce: "sum" (or "add"), "mean", "min" or "max".

    Returns:
        src's shape with N in place of E; ``out`` itself if it was given. Empty segments are 0. :func:`segment_min_csr`
        and :func:`segment_max_csr` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of indptr is outside [0, E] or below the one before it. The error has its position and
            value.
    """
    result: A = reduced(SEGMENT_CSR, {"src": src, "indptr": indptr}, out, reduce)[0]
    return result


def segment_sum_csr(src: A, indptr: Any, out: A | None = None) -> A:
    """:func:`segment_csr` with ``reduce="sum"``."""
    return segment_csr(src, indptr, out, "sum")


def segment_add_csr(src: A, indptr: Any, out: A | None = None) -> A:
    """:func:`segment_csr` with ``reduce="sum"``."""
    return segment_csr(src, indptr, out, "sum")


def segment_mean_csr(src: A, indptr: Any, out: A | None = None) -> A:
    """:func:`segment_csr` with ``reduce="mean"``."""
    return segment_csr(src, indptr, out, "mean")


def segment_min_csr(src: A, indptr: Index, out: A | None = None) -> tuple[A, Index]:
    """:func:`segment_csr` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima, and arg_out with the same shape and indptr's type. arg_out is the position of the minimum along the
        reduced axis, the smallest position among equal elements. It is E for an empty segment.
    """
    values, positions = reduced(SEGMENT_CSR, {"src": src, "indptr": indptr}, out, "min")
    return values, positions


def segment_max_csr(src: A, indptr: Index, out: A | None = None) -> tuple[A, Index]:
    """:func:`segment_min_csr` for the largest elements."""
    values, positions = reduced(SEGMENT_CSR, {"src": src, "indptr": indptr}, out, "max")
    return values, positions


def gather_csr(src: A, indptr: Any, out: A | None = None) -> A:
    """Repeats each row of ``src`` over its segment.

    ``result[.., e, ..] = src[.., n, ..]`` for every e in [indptr[.., n], indptr[.., n + 1]); rows outside every segment
    are 0.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., N, ..]; rank 1 to 8.
        indptr: int32 or int64 of shape [.., N + 1], its leading axes 1 or src's, values that do not decrease.
        out: the result goes to it.

    Returns:
        src's shape with E in place of N. E is the size of ``out``, or else the last element of indptr. ``out`` itself
        if it was given.

    Raises:
        ValueError: a shape or a type does not fit.
        BadIndexError: an element of indptr is outside [0, E] or below the one before it. The error has its position and
            value.
    """
    result: A = called(GATHER_CSR, {"src": src, "indptr": indptr}, out)
    return result
