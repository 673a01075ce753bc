"""torch_scatter's functions on NumPy arrays, element by element: the definition, for runs of exported models."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _groups(src: Array, index: Array, axis: int, count: int) -> dict[tuple[int, ...], list[int]]:
    """The positions along `axis` of each group's elements, by the group's place in the result."""
    if index.ndim == 1:
        index = index.reshape([1] * axis + [-1])
    index = np.broadcast_to(index.reshape(index.shape + (1,) * (src.ndim - index.ndim)), src.shape)
    shape = [count if i == axis else extent for i, extent in enumerate(src.shape)]
    members: dict[tuple[int, ...], list[int]] = {place: [] for place in np.ndindex(*shape)}
    for place in np.ndindex(*src.shape):
        members[(*place[:axis], int(index[place]), *place[axis + 1 :])].append(place[axis])
    return members


def _scatter(how: str, src: Array, index: Array, dim: int, out: Array | None, dim_size: int | None) -> Any:
    axis = dim % src.ndim
    count = out.shape[axis] if out is not None else dim_size
    assert count is not None
    shape = [count if i == axis else extent for i, extent in enumerate(src.shape)]
    result, arg = np.zeros(shape, src.dtype), np.full(shape, src.shape[axis], np.int64)
    for place, members in _groups(src, index, axis, count).items():
        values = [src[(*place[:axis], member, *place[axis + 1 :])] for member in members]
        base = None if out is None else out[place]
        if how in ("min", "max"):
            result[place], arg[place] = _extreme(how, values, members, base, src.shape[axis])
        else:
            result[place] = _fold(how, values, base, src.dtype)
    return (result, arg) if how in ("min", "max") else result


def _fold(how: str, values: list[Any], base: Any, dtype: np.dtype[Any]) -> Any:
    if how not in ("sum", "mul", "mean"):
        raise NotImplementedError(how)
    wide = np.dtype(np.float64) if dtype.kind == "f" else dtype
    result = wide.type(base if base is not None else how == "mul")
    for value in values:
        result = result * wide.type(value) if how == "mul" else result + wide.type(value)
    if how == "mean":
        count = max(len(values), 1)
        result = result / count if dtype.kind == "f" else result // count
    return result


def _extreme(how: str, values: list[Any], members: list[int], base: Any, none: int) -> tuple[Any, int]:
    best, position = base, none
    for value, member in zip(values, members, strict=True):
        if np.isnan(value):
            continue
        if best is None or (value > best if how == "max" else value < best):
            best, position = value, member
    return (0 if best is None else best), position


def _named(how: str) -> Callable[..., Any]:
    def scatter(src: Array, index: Array, dim: int = -1, out: Array | None = None, dim_size: int | None = None) -> Any:
        return _scatter(how, src, index, dim, out, dim_size)

    return scatter


scatter_sum, scatter_mul, scatter_mean, scatter_min, scatter_max = map(_named, ("sum", "mul", "mean", "min", "max"))
scatter_add = scatter_sum


def _rows(index: Array, src: Array) -> Array:
    return np.broadcast_to(index, (*src.shape[: index.ndim - 1], index.shape[-1]))


def _coo(how: str) -> Callable[..., Any]:
    def segment(src: Array, index: Array, out: Array | None = None, dim_size: int | None = None) -> Any:
        return _scatter(how, src, _rows(index, src), index.ndim - 1, out, dim_size)

    return segment


segment_sum_coo, segment_mean_coo, segment_min_coo, segment_max_coo = map(_coo, ("sum", "mean", "min", "max"))
segment_add_coo = segment_sum_coo


def _csr(how: str) -> Callable[..., Any]:
    def segment(src: Array, indptr: Array, out: Array | None = None) -> Any:
        axis, count = indptr.ndim - 1, indptr.shape[-1] - 1
        bounds = _rows(indptr, src)
        index = np.full((*bounds.shape[:-1], src.shape[axis]), count)
        for rows in np.ndindex(*bounds.shape[:-1]):
            for segment, (start, end) in enumerate(itertools.pairwise(bounds[rows])):
                index[rows][start:end] = segment
        result = _scatter(how, src, index, axis, None, count + 1)
        keep = (slice(None),) * axis + (slice(count),)
        return tuple(part[keep] for part in result) if isinstance(result, tuple) else result[keep]

    return segment


segment_sum_csr, segment_mean_csr, segment_min_csr, segment_max_csr = map(_csr, ("sum", "mean", "min", "max"))
segment_add_csr = segment_sum_csr


def gather_coo(src: Array, index: Array, out: Array | None = None) -> Array:
    index = _rows(index, src)
    axis, shape = index.ndim - 1, (*index.shape, *src.shape[index.ndim :])
    index = np.broadcast_to(index.reshape(index.shape + (1,) * (src.ndim - index.ndim)), shape)
    return np.take_along_axis(src, index, axis)


def gather_csr(src: Array, indptr: Array, out: Array | None = None) -> Array:
    bounds = _rows(indptr, src)
    axis = indptr.ndim - 1
    size = out.shape[axis] if out is not None else int(indptr.max())
    index = np.zeros((*bounds.shape[:-1], size), np.int64)
    for rows in np.ndindex(*bounds.shape[:-1]):
        for segment, (start, end) in enumerate(itertools.pairwise(bounds[rows])):
            index[rows][start:end] = segment
    return gather_coo(src, index)


def _composite(formula: Callable[..., Any], keeps_shape: bool) -> Callable[..., Array]:
    def composite(src: Array, index: Array, dim: int = -1, dim_size: int | None = None, **constants: Any) -> Array:
        axis = dim % src.ndim
        assert dim_size is not None
        shape = [dim_size if i == axis and not keeps_shape else extent for i, extent in enumerate(src.shape)]
        result = np.zeros(shape, src.dtype)
        for place, members in _groups(src, index, axis, dim_size).items():
            values = np.array([src[(*place[:axis], member, *place[axis + 1 :])] for member in members], np.float64)
            if not keeps_shape:
                result[place] = formula(values, **constants)
            elif members:
                for member, value in zip(members, formula(values, **constants), strict=True):
                    result[(*place[:axis], member, *place[axis + 1 :])] = value
        return result

    return composite


def _softmax(values: Array) -> Any:
    exponentials = np.exp(values - values.max())
    return exponentials / exponentials.sum()


def _log_softmax(values: Array, eps: float = 1e-12) -> Any:
    shifted = values - values.max()
    return shifted - np.log(np.exp(shifted).sum() + eps)


def _logsumexp(values: Array, eps: float = 1e-12) -> Any:
    if len(values) == 0:
        return 0.0
    return np.log(np.exp(values - values.max()).sum() + eps) + values.max()


def _std(values: Array, unbiased: bool = True) -> Any:
    if len(values) == 0:
        return 0.0
    divisor = max(len(values) - 1, 1) if unbiased else len(values)
    return math.sqrt(((values - values.mean()) ** 2).sum() / (divisor + 1e-6))


scatter_softmax = _composite(_softmax, keeps_shape=True)
scatter_log_softmax = _composite(_log_softmax, keeps_shape=True)
scatter_logsumexp = _composite(_logsumexp, keeps_shape=False)
scatter_std = _composite(_std, keeps_shape=False)
