"""attention_csr: attention over segments of rows that an index names. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called
from ._declarations import ATTENTION_CSR

__all__ = ["attention_csr"]

A = TypeVar("A")


def attention_csr(src: A, index: Any, indptr: Any, score: Any, out: A | None = None) -> A:
    """Sums segments of rows of ``src`` that ``index`` names, each row times the softmax of its score over the segment.

    ``result[.., n, ..]`` is the sum of all ``alpha[.., e] * src[.., index[.., e], ..]`` with
    ``indptr[.., n] <= e < indptr[.., n + 1]``, where ``alpha`` is the softmax of ``score`` over these e. It is
    ``gather_segment_csr(src, index, indptr, softmax_csr(score, indptr))`` in one step: neither the softmaxes nor the rows
    that are read are stored, and 16-bit floats are multiplied and added as float32 and rounded once.

    Args:
        src: float32, float16, bfloat16 or float64 of shape [.., R, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, R) in any order.
        indptr: of index's type and rank, [.., N + 1], its leading axes 1 or src's, values in [0, E] that do not decrease.
        score: of src's type, or float32 where src is float16 or bfloat16. Its shape is [.., E], or [.., E, H] for H
            heads: each of the H scores of an element is for K / H neighbouring ones of the K values of a row. Its
            leading axes are 1 or src's.
        out: the result goes to it. Every element is overwritten.

    Returns:
        src's shape with N in place of R; ``out`` itself if it was given. Empty segments are 0.

    Raises:
        ValueError: a shape or a type does not fit.
        BadIndexError: an element of index is outside [0, R), or one of indptr is outside [0, E] or below the one before
            it. The error has its position and value. Inside ``with unchecked():`` an element with a bad index counts as
            not in its segment: its score is left out too.
    """
    result: A = called(ATTENTION_CSR, {"src": src, "index": index, "indptr": indptr, "score": score}, out)
    return result
