"""scatter and its shorthands: reductions of the elements that share an index, in any order."""

from __future__ import annotations

from typing import Any, TypeVar

from ._c_abi import Options
from ._operators import Operator, reduce_arrays

A = TypeVar("A")


def scatter(
    src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None, reduce: str = "sum"
) -> A:
    """Reduces all elements of ``src`` that share an index.

    With ``src`` of shape [.., E, ..] and E its size along ``dim``, ``result[.., n, ..]`` is the reduction of all
    ``src[.., e, ..]`` with ``index[.., e, ..] == n``.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64; rank 1 to 8.
        index: int32 or int64, values in [0, N). One axis: lies along ``dim``. Otherwise each axis is 1 or src's, axes
            of size 1 being added at the end.
        dim: the axis of ``src`` to reduce; negative ones count from the end.
        out: what the reduction starts from and where the result goes: the result's shape, src's type. JAX arrays cannot
            be written to, so there the result is a new array.
        dim_size: N, the number of groups. None: that of ``out``, or else the largest index plus one.
        reduce: "sum" (or "add"), "mul", "mean", "min" or "max".

    Returns:
        src's shape with N in place of E; ``out`` itself if it was given. Empty groups are 0, and 1 for "mul".
        :func:`scatter_min` and :func:`scatter_max` also return the positions of the winners.

    Raises:
        ValueError: shapes, types or options that do not fit.
        BadIndexError: an index outside [0, N), with its position and value.
    """
    options = Options.of(reduce=reduce, dim=dim, dim_size=dim_size)
    return reduce_arrays(Operator.SCATTER, src, index, out, options)[0]


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


def scatter_min(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> tuple[A, Any]:
    """:func:`scatter` with ``reduce="min"``, and the positions of the winners.

    Returns:
        The minima, and arg_out of their shape and index's type: the position along ``dim`` of the element that won, the
        smallest one among equals; E where nothing arrived or ``out`` won.
    """
    return reduce_arrays(Operator.SCATTER, src, index, out, Options.of(reduce="min", dim=dim, dim_size=dim_size))


def scatter_max(src: A, index: Any, dim: int = -1, out: A | None = None, dim_size: int | None = None) -> tuple[A, Any]:
    """:func:`scatter_min` for the largest elements."""
    return reduce_arrays(Operator.SCATTER, src, index, out, Options.of(reduce="max", dim=dim, dim_size=dim_size))
