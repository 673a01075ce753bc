"""What each operator computes, in NumPy and float64: the definition, element by element.

Names and rules are torch_scatter's (https://pytorch-scatter.readthedocs.io). Where the plugins' rules are sharper, they
are the plugins'.
"""

import numpy as np


def broadcast(index, shape, dim):
    """torch_scatter's broadcast: a 1-D index lies along `dim`; else trailing axes of size 1 are added."""
    if index.ndim == 1:
        index = index.reshape([-1 if axis == dim else 1 for axis in range(len(shape))])
    else:
        index = index.reshape(index.shape + (1,) * (len(shape) - index.ndim))
    return np.broadcast_to(index, shape)


def _reduce(src, index, dim, groups, reduce, base):
    """Returns out and arg_out. `index` has src's shape."""
    out_shape = src.shape[:dim] + (groups,) + src.shape[dim + 1 :]
    integers = np.issubdtype(src.dtype, np.integer)
    values = src.astype(np.int64 if integers else np.float64)
    valid = (index >= 0) & (index < groups)
    places = np.indices(src.shape)[:, valid]
    position = places[dim].copy()
    places[dim] = index[valid]
    places, values = tuple(places), values[valid]
    count = np.zeros(out_shape, np.int64)
    np.add.at(count, places, 1)
    start = np.full(out_shape, 1 if reduce == "mul" else 0, values.dtype)
    if base is not None:
        start = base.astype(values.dtype)
    arg = np.full(out_shape, src.shape[dim], np.int32)
    if reduce in ("sum", "add", "mean", "mul"):
        out = start.copy()
        (np.multiply if reduce == "mul" else np.add).at(out, places, values)
        if reduce == "mean":
            out = out // np.maximum(count, 1) if integers else out / np.maximum(count, 1)
        return out.astype(src.dtype), arg
    if reduce not in ("min", "max"):
        raise NotImplementedError(reduce)
    worst = np.iinfo(np.int64) if integers else np.finfo(np.float64)
    best = np.full(out_shape, worst.min if reduce == "max" else worst.max, values.dtype)
    (np.maximum if reduce == "max" else np.minimum).at(best, places, values)
    takes = count > 0
    if base is not None:
        takes &= best > start if reduce == "max" else best < start
    out = np.where(takes, best, start)
    wins = (values == best[places]) & takes[places]
    np.minimum.at(arg, tuple(place[wins] for place in places), position[wins].astype(np.int32))
    return out.astype(src.dtype), arg


def _results(out, arg, reduce):
    return [out, arg] if reduce in ("min", "max") else [out]


def scatter(src, index, base=None, *, dim=-1, dim_size=None, reduce="sum", deterministic=0):
    dim %= src.ndim
    groups = base.shape[dim] if dim_size is None else dim_size
    return _results(*_reduce(src, broadcast(index, src.shape, dim), dim, groups, reduce, base), reduce)


def _expand(index, shape):
    """Expands the leading axes of an index or indptr to src's. Its last axis keeps its length."""
    return np.broadcast_to(index, shape[: index.ndim - 1] + index.shape[-1:])


def segment_coo(src, index, base=None, *, dim_size=None, reduce="sum"):
    dim = index.ndim - 1
    groups = base.shape[dim] if dim_size is None else dim_size
    rows = np.broadcast_to(index, src.shape[: dim + 1])
    full = broadcast(rows.reshape(rows.shape + (1,) * (src.ndim - dim - 1)), src.shape, dim)
    return _results(*_reduce(src, full, dim, groups, reduce, base), reduce)


def _segments(indptr, length):
    """The segment of each position, for each row of an indptr. -1 where there is no segment."""
    rows = indptr.reshape(int(np.prod(indptr.shape[:-1])), indptr.shape[-1])
    positions = np.arange(length)
    segments = np.full((rows.shape[0], length), -1, np.int64)
    for row, bounds in zip(segments, rows):
        if bounds.size:
            found = np.searchsorted(bounds, positions, side="right") - 1
            row[:] = np.where((found >= 0) & (found < bounds.size - 1), found, -1)
    return segments.reshape(indptr.shape[:-1] + (length,))


def segment_csr(src, indptr, base=None, *, reduce="sum"):
    dim = indptr.ndim - 1
    index = _segments(_expand(indptr, src.shape), src.shape[dim])
    groups = max(indptr.shape[-1] - 1, 0)
    full = broadcast(index.reshape(index.shape + (1,) * (src.ndim - dim - 1)), src.shape, dim)
    return _results(*_reduce(src, full, dim, groups, reduce, None), reduce)


def _gather(src, index, dim):
    """0 where the index names no row."""
    valid = (index >= 0) & (index < src.shape[dim])
    shape = src.shape[:dim] + (index.shape[-1],) + src.shape[dim + 1 :]
    extend = lambda array: np.broadcast_to(array.reshape(array.shape + (1,) * (src.ndim - dim - 1)), shape)
    if src.shape[dim] == 0:
        return np.zeros(shape, src.dtype)
    rows = np.take_along_axis(src, extend(np.where(valid, index, 0)), dim)
    return np.where(extend(valid), rows, 0).astype(src.dtype)


def gather_coo(src, index, base=None):
    return [_gather(src, _expand(index, src.shape), index.ndim - 1)]


def gather_csr(src, indptr, base=None, *, size=None):
    dim = indptr.ndim - 1
    length = base.shape[dim] if size is None else size
    return [_gather(src, _segments(_expand(indptr, src.shape), length), dim)]


def _statistics(src, index, dim, groups):
    """src in float64, the index over all of it, and a function that gives each element its group's value."""
    dim %= src.ndim
    values, full = src.astype(np.float64), broadcast(index, src.shape, dim)
    of_group = lambda table: np.take_along_axis(table, np.clip(full, 0, max(groups - 1, 0)), dim)
    return values, full, (full >= 0) & (full < groups), of_group


def scatter_softmax(src, index, *, dim=-1, dim_size):
    return _softmax(src, index, dim, dim_size, lambda shifted, total: np.exp(shifted) / total)


def scatter_log_softmax(src, index, *, dim=-1, dim_size, eps=1e-12):
    return _softmax(src, index, dim, dim_size, lambda shifted, total: shifted - np.log(total + eps))


def _softmax(src, index, dim, groups, formula):
    dim %= src.ndim
    values, full, valid, of_group = _statistics(src, index, dim, groups)
    greatest = _reduce(values, full, dim, groups, "max", None)[0]
    shifted = values - of_group(greatest)
    total = _reduce(np.where(valid, np.exp(np.where(valid, shifted, 0)), 0), full, dim, groups, "sum", None)[0]
    return [np.where(valid, formula(shifted, np.where(valid, of_group(total), 1)), 0).astype(src.dtype)]


def scatter_logsumexp(src, index, *, dim=-1, dim_size, eps=1e-12):
    dim %= src.ndim
    values, full, valid, of_group = _statistics(src, index, dim, dim_size)
    greatest = _reduce(values, full, dim, dim_size, "max", None)[0]
    shifted = np.where(valid, values - of_group(greatest), 0)
    total = _reduce(np.exp(shifted), full, dim, dim_size, "sum", None)[0]
    return [np.where(total > 0, greatest + np.log(np.where(total > 0, total, 1) + eps), 0).astype(src.dtype)]


def scatter_std(src, index, *, dim=-1, dim_size, unbiased=1):
    dim %= src.ndim
    values, full, valid, of_group = _statistics(src, index, dim, dim_size)
    count = _reduce(np.ones(src.shape), full, dim, dim_size, "sum", None)[0]
    mean = _reduce(values, full, dim, dim_size, "sum", None)[0] / np.maximum(count, 1)
    squares = _reduce((values - np.where(valid, of_group(mean), 0)) ** 2, full, dim, dim_size, "sum", None)[0]
    return [np.sqrt(squares / (np.maximum(count - unbiased, 1) + 1e-6)).astype(src.dtype)]


#: The twin of each plugin.
OF_PLUGIN = {
    "TRTS_Scatter": scatter,
    "TRTS_SegmentCOO": segment_coo,
    "TRTS_SegmentCSR": segment_csr,
    "TRTS_GatherCOO": gather_coo,
    "TRTS_GatherCSR": gather_csr,
    "TRTS_ScatterSoftmax": scatter_softmax,
    "TRTS_ScatterLogSoftmax": scatter_log_softmax,
    "TRTS_ScatterLogSumExp": scatter_logsumexp,
    "TRTS_ScatterStd": scatter_std,
}
