"""gather_segment_csr and its shorthands: reductions over segments of rows that an index names. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import reduced
from ._declarations import GATHER_SEGMENT_CSR

__all__ = [
    "gather_segment_add_csr",
    "gather_segment_csr",
    "gather_segment_max_csr",
    "gather_segment_mean_csr",
    "gather_segment_min_csr",
    "gather_segment_sum_csr",
]

A = TypeVar("A")
Index = TypeVar("Index")


def gather_segment_csr(
    src: A, index: Any, indptr: Any, weight: Any = None, reduce: str = "sum", out: A | None = None
) -> A:
    """Reduces segments of rows of ``src`` that ``index`` names, each times its weight.

    ``result[.., n, ..]`` is the reduction of all ``weight[.., e] * src[.., index[.., e], ..]`` with
    ``indptr[.., n] <= e < indptr[.., n + 1]``. It is ``segment_csr(weight * gather_coo(src, index), indptr)`` in one
    step: the rows that are read are never stored, and 16-bit floats are multiplied and added as float32 and rounded once.

    Args:
        src: float32, float16, bfloat16, float64, int32 or int64 of shape [.., R, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, R) in any order.
        indptr: of index's type and rank, [.., N + 1], its leading axes 1 or src's, values in [0, E] that do not decrease.
        weight: of src's type, or float32 where src is float16 or bfloat16. Its shape is [.., E], or [.., E, H] for H
            heads: each of the H weights of an element is for K / H neighbouring ones of the K values of a row. Its
            leading axes are 1 or src's. None multiplies by nothing.
        reduce: "sum" (or "add"), "mean", "min" or "max". A mean is divided by the number of elements, not by the weights.
        out: the result goes to it. Every element is overwritten.

    Returns:
        src's shape with N in place of R; ``out`` itself if it was given. Empty segments are 0.
        :func:`gather_segment_min_csr` and :func:`gather_segment_max_csr` also return positions.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of index is outside [0, R), or one of indptr is outside [0, E] or below the one before
            it. The error has its position and value. Inside ``with unchecked():`` an element with a bad index is left
            out, and a mean does not count it.
    """
    result: A = reduced(GATHER_SEGMENT_CSR, _inputs(src, index, indptr, weight), out, reduce)[0]
    return result


def gather_segment_sum_csr(src: A, index: Any, indptr: Any, weight: Any = None, out: A | None = None) -> A:
    """:func:`gather_segment_csr` with ``reduce="sum"``."""
    return gather_segment_csr(src, index, indptr, weight, "sum", out)


def gather_segment_add_csr(src: A, index: Any, indptr: Any, weight: Any = None, out: A | None = None) -> A:
    """:func:`gather_segment_csr` with ``reduce="sum"``."""
    return gather_segment_csr(src, index, indptr, weight, "sum", out)


def gather_segment_mean_csr(src: A, index: Any, indptr: Any, weight: Any = None, out: A | None = None) -> A:
    """:func:`gather_segment_csr` with ``reduce="mean"``."""
    return gather_segment_csr(src, index, indptr, weight, "mean", out)


def gather_segment_min_csr(
    src: A, index: Index, indptr: Index, weight: Any = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_segment_csr` with ``reduce="min"``, and the positions of the minima.

    Returns:
        The minima of the weighted values, and arg_out with the same shape and index's type. arg_out is the element e
        that has the minimum, the smallest e among equal ones. It is E for a segment without elements.
    """
    values, positions = reduced(GATHER_SEGMENT_CSR, _inputs(src, index, indptr, weight), out, "min")
    return values, positions


def gather_segment_max_csr(
    src: A, index: Index, indptr: Index, weight: Any = None, out: A | None = None
) -> tuple[A, Index]:
    """:func:`gather_segment_min_csr` for the largest elements."""
    values, positions = reduced(GATHER_SEGMENT_CSR, _inputs(src, index, indptr, weight), out, "max")
    return values, positions


def _inputs(src: Any, index: Any, indptr: Any, weight: Any) -> dict[str, Any]:
    return {"src": src, "index": index, "indptr": indptr, "weight": weight}
