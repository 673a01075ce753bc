"""A second implementation of every operator: in NumPy, group by group, in float64."""

from __future__ import annotations

import numpy as np


def laid_over(index: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """The index of scatter, broadcast to every element of src."""
    if index.ndim == 1:
        padded = [1] * len(shape)
        padded[axis] = index.size
    else:
        padded = [*index.shape, *[1] * (len(shape) - index.ndim)]
    return np.broadcast_to(index.reshape(padded), shape)


def index_of(indptr: np.ndarray, length: int) -> np.ndarray:
    """The segment of a one-dimensional indptr that contains each of `length` positions."""
    return np.searchsorted(indptr, np.arange(length), side="right") - 1


def reduce(
    src: np.ndarray, index: np.ndarray, axis: int, groups: int, how: str, base: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The result and arg_out: src's shape, with size `groups` on the axis."""
    index = np.moveaxis(laid_over(index, src.shape, axis), axis, -1)
    src = np.moveaxis(src.astype(np.float64), axis, -1)
    base = None if base is None else np.moveaxis(base.astype(np.float64), axis, -1)
    out = np.empty((*src.shape[:-1], groups))
    arg = np.full(out.shape, src.shape[-1])
    for lead in np.ndindex(*src.shape[:-1]):
        for n in range(groups):
            positions = np.flatnonzero(index[lead] == n)
            values = src[lead][positions]
            start = int(how == "mul") if base is None else base[lead][n]
            if how in ("sum", "mean"):
                out[lead][n] = start + values.sum()
                if how == "mean":
                    out[lead][n] /= max(len(values), 1)
            elif how == "mul":
                out[lead][n] = start * values.prod()
            elif how in ("min", "max"):
                best = values.argmin() if how == "min" else values.argmax()
                beats = base is None or (values[best] < start if how == "min" else values[best] > start)
                out[lead][n] = values[best] if beats else start
                arg[lead][n] = positions[best] if beats else src.shape[-1]
            else:
                raise NotImplementedError(how)
    return np.moveaxis(out, -1, axis), np.moveaxis(arg, -1, axis)


def composite(src: np.ndarray, index: np.ndarray, axis: int, groups: int, what: str) -> np.ndarray:
    """softmax, log_softmax, logsumexp and std. No group may be empty."""
    index = np.moveaxis(laid_over(index, src.shape, axis), axis, -1)
    src = np.moveaxis(src.astype(np.float64), axis, -1)
    keeps_shape = what in ("softmax", "log_softmax")
    out = np.empty(src.shape if keeps_shape else (*src.shape[:-1], groups))
    for lead in np.ndindex(*src.shape[:-1]):
        for n in range(groups):
            members = index[lead] == n
            values = src[lead][members]
            logsumexp = np.logaddexp.reduce(values)
            if what == "softmax":
                out[lead][members] = np.exp(values - logsumexp)
            elif what == "log_softmax":
                out[lead][members] = values - logsumexp
            elif what == "logsumexp":
                out[lead][n] = logsumexp
            else:
                squares = ((values - values.mean()) ** 2).sum()
                out[lead][n] = np.sqrt(squares / (max(len(values) - 1, 1) + 1e-6))
    return np.moveaxis(out, -1, axis)
