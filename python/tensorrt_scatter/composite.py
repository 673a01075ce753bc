"""softmax, log_softmax, logsumexp and std over the groups of a scatter, each as one operator."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called
from ._declarations import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX, STD

A = TypeVar("A")

__all__ = ["scatter_log_softmax", "scatter_logsumexp", "scatter_softmax", "scatter_std"]


def scatter_softmax(src: A, index: Any, dim: int = -1, dim_size: int | None = None) -> A:
    """The softmax over all elements of ``src`` that share an index.

    Args:
        src: float32, float16, bfloat16 or float64; rank 1 to 8.
        index: int32 or int64, values in [0, N). It is broadcast to ``src`` as by :func:`tensorrt_scatter.scatter`.
        dim: the axis of ``src`` along which groups are formed. A negative number counts from the end.
        dim_size: N, the number of groups. None stands for the largest index plus one.

    Returns:
        An array of src's shape.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an index is outside [0, N). The error has its position and value.
    """
    result: A = called(SOFTMAX, {"src": src, "index": index}, dim=dim, dim_size=dim_size)
    return result


def scatter_log_softmax(src: A, index: Any, dim: int = -1, eps: float = 1e-12, dim_size: int | None = None) -> A:
    """The logarithm of :func:`scatter_softmax`: src - max - ln(sum of exp(src - max) + eps)."""
    result: A = called(LOG_SOFTMAX, {"src": src, "index": index}, dim=dim, dim_size=dim_size, eps=eps)
    return result


def scatter_logsumexp(
    src: A, index: Any, dim: int = -1, out: None = None, dim_size: int | None = None, eps: float = 1e-12
) -> A:
    """The logarithm of the sum of exponentials of each group: max + ln(sum of exp(src - max) + eps), 0 if it is empty.

    Arguments and errors are those of :func:`scatter_softmax`. ``out`` is an argument of torch_scatter and must be None
    here.

    Returns:
        src's shape with N in place of its size along ``dim``.
    """
    _refuse_out("scatter_logsumexp", out)
    result: A = called(LOGSUMEXP, {"src": src, "index": index}, dim=dim, dim_size=dim_size, eps=eps)
    return result


def scatter_std(
    src: A, index: Any, dim: int = -1, out: None = None, dim_size: int | None = None, unbiased: bool = True
) -> A:
    """The standard deviation of each group, 0 if it is empty.

    It is the square root of the sum of squared differences from the mean over count - 1 + 1e-6, or over count + 1e-6
    where ``unbiased`` is false. Arguments and errors are those of :func:`scatter_softmax`. ``out`` is an
    argument of torch_scatter and must be None here.

    Returns:
        src's shape with N in place of its size along ``dim``.
    """
    _refuse_out("scatter_std", out)
    result: A = called(STD, {"src": src, "index": index}, dim=dim, dim_size=dim_size, unbiased=unbiased)
    return result


def _refuse_out(function: str, out: object) -> None:
    # torch_scatter adds out's values inside its formula, to the deviations or exponentials.
    if out is not None:
        raise ValueError(f"{function} does not start from an out; leave it None, and give dim_size")
