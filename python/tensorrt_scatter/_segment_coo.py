"""segment_coo, its shorthands, and gather_coo: groups by a sorted index, and the way back."""

from __future__ import annotations

from typing import Any, TypeVar

from ._c_abi import Options
from ._operators import Operator, map_arrays, reduce_arrays

A = TypeVar("A")


def segment_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None, reduce: str = "sum") -> A:
    """Reduces all elements of ``src`` that share an index, where the index is sorted along its last axis.

    The axis that is reduced, of size E, is the index's last.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, N).
        out: what the reduction starts from and where the result goes: the result's shape, src's type. JAX arrays cannot
            be written to, so there the result is a new array.
        dim_size: N, the number of groups. None: that of ``out``, or else the largest index plus one.
        reduce: "sum" (or "add"), "mean", "min" or "max".

    Returns:
        src's shape with N in place of E; ``out`` itself if it was given. Empty groups are 0. :func:`segment_min_coo`
        and :func:`segment_max_coo` also return the positions of the winners.

    Raises:
        ValueError: shapes, types or options that do not fit.
        BadIndexError: an index outside [0, N) or below the one before it, with its position and value.
    """
    options = Options.of(reduce=reduce, dim_size=dim_size)
    return reduce_arrays(Operator.SEGMENT_COO, src, index, out, options)[0]


def segment_sum_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="sum"``."""
    return segment_coo(src, index, out, dim_size, "sum")


def segment_add_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="sum"``."""
    return segment_coo(src, index, out, dim_size, "sum")


def segment_mean_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> A:
    """:func:`segment_coo` with ``reduce="mean"``. With ``out``: (out + sum) / max(count, 1)."""
    return segment_coo(src, index, out, dim_size, "mean")


def segment_min_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> tuple[A, Any]:
    """:func:`segment_coo` with ``reduce="min"``, and the positions of the winners.

    Returns:
        The minima, and arg_out of their shape and index's type: the position along the reduced axis of the element that
        won, the smallest one among equals; E where nothing arrived or ``out`` won.
    """
    return reduce_arrays(Operator.SEGMENT_COO, src, index, out, Options.of(reduce="min", dim_size=dim_size))


def segment_max_coo(src: A, index: Any, out: A | None = None, dim_size: int | None = None) -> tuple[A, Any]:
    """:func:`segment_min_coo` for the largest elements."""
    return reduce_arrays(Operator.SEGMENT_COO, src, index, out, Options.of(reduce="max", dim_size=dim_size))


def gather_coo(src: A, index: Any, out: A | None = None) -> A:
    """Copies the rows of ``src`` that an index names: ``result[.., e, ..] = src[.., index[.., e], ..]``.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., N, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, N), in any order.
        out: where the result goes.

    Returns:
        src's shape with E in place of N; ``out`` itself if it was given.

    Raises:
        ValueError: shapes or types that do not fit.
        BadIndexError: an index outside [0, N), with its position and value.
    """
    return map_arrays(Operator.GATHER_COO, src, index, out, Options.of())
