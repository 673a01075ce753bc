"""softmax, log_softmax, logsumexp and std over segments with given bounds, each as one operator. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called
from ._declarations import LOG_SOFTMAX_CSR, LOGSUMEXP_CSR, SOFTMAX_CSR, STD_CSR

__all__ = ["log_softmax_csr", "logsumexp_csr", "softmax_csr", "std_csr"]

A = TypeVar("A")


def softmax_csr(src: A, indptr: Any) -> A:
    """The softmax over each of the segments of ``src`` that ``indptr`` delimits.

    The elements ``src[.., e, ..]`` with ``indptr[.., n] <= e < indptr[.., n + 1]`` are one group of
    :func:`scatter_softmax`. The segments lie along indptr's last axis; the size of src's axis there is E.

    Args:
        src: float32, float16, bfloat16 or float64; rank 1 to 8.
        indptr: int32 or int64 of shape [.., N + 1], its leading axes 1 or src's, values in [0, E] that do not decrease.

    Returns:
        An array of src's shape. An element in no segment, before the first one or behind the last one, is 0.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of indptr is outside [0, E] or below the one before it. The error has its position and
            value.
    """
    result: A = called(SOFTMAX_CSR, {"src": src, "indptr": indptr})
    return result


def log_softmax_csr(src: A, indptr: Any, eps: float = 1e-12) -> A:
    """The logarithm of :func:`softmax_csr`: src - max - ln(sum of exp(src - max) + eps). An element in no segment is 0."""
    result: A = called(LOG_SOFTMAX_CSR, {"src": src, "indptr": indptr}, eps=eps)
    return result


def logsumexp_csr(src: A, indptr: Any, eps: float = 1e-12) -> A:
    """The logarithm of the sum of exponentials of each segment: max + ln(sum of exp(src - max) + eps), 0 if it is empty.

    Arguments and errors are those of :func:`softmax_csr`.

    Returns:
        src's shape with N in place of E.
    """
    result: A = called(LOGSUMEXP_CSR, {"src": src, "indptr": indptr}, eps=eps)
    return result


def std_csr(src: A, indptr: Any, unbiased: bool = True) -> A:
    """The standard deviation of each segment, 0 if it is empty.

    It is the square root of the sum of squared differences from the mean over count - 1 + 1e-6, or over count + 1e-6
    where ``unbiased`` is false. Arguments and errors are those of :func:`softmax_csr`.

    Returns:
        src's shape with N in place of E.
    """
    result: A = called(STD_CSR, {"src": src, "indptr": indptr}, unbiased=unbiased)
    return result
