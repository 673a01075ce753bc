"""What each operator computes, in NumPy: the definition, group by group, in float64 or int64.

Names and rules are those of torch_scatter (https://pytorch-scatter.readthedocs.io), which has no gather_segment_csr,
no gather_segment_coo, no gather_scatter, no group_index, no composites over segments, no attention_csr and no gather_dot.
Where the plugins' rules are stricter, this file has the plugins' rules: an element whose index names no group or no row
is left out, and a row that no index names is 0.

A formula defines a reduction: it computes the result from the values of one group. The Python tests take the
definitions from here too. This file needs NumPy alone, because it also runs beside a real TensorRT.
"""

import math

import numpy as np


def _sum(values, start=0):
    return start + values.sum()


def _mul(values, start=1):
    return start * values.prod()


def _mean(values, start=0):
    total, count = start + values.sum(), max(len(values), 1)
    return total // count if values.dtype.kind == "i" else total / count


def _min(values, start=None):
    """The value, and its place in `values`; None where that is `start`, which only a smaller value beats."""
    return _first(values, np.argmin, start, lambda value: value < start)


def _max(values, start=None):
    """As `_min`, of the greatest value."""
    return _first(values, np.argmax, start, lambda value: value > start)


def _first(values, place_of, start, beats_start):
    """The first of the best values. A NaN is never the best one."""
    numbers = np.flatnonzero(~np.isnan(values))
    if len(numbers):
        place = numbers[place_of(values[numbers])]
        if start is None or beats_start(values[place]):
            return values[place], place
    return (0 if start is None else start), None


#: What a reduction makes of the values of a group, which are in src's order. The second argument is the group's element
#: of base, where there is a base.
FORMULAS = {"sum": _sum, "add": _sum, "mul": _mul, "mean": _mean, "min": _min, "max": _max}

#: The reductions that have arg_out. Their formulas return a place too.
WITH_ARG = ("min", "max")

#: The reductions of each plugin.
REDUCTIONS = {
    "TRTS_Scatter": ("sum", "add", "mul", "mean", "min", "max"),
    "TRTS_SegmentCOO": ("sum", "add", "mean", "min", "max"),
    "TRTS_SegmentCSR": ("sum", "add", "mean", "min", "max"),
    "TRTS_GatherSegmentCSR": ("sum", "add", "mean", "min", "max"),
    "TRTS_GatherScatter": ("sum", "add", "mean", "min", "max"),
    "TRTS_GatherSegmentCOO": ("sum", "add", "mean", "min", "max"),
}


def _softmax(values):
    exponentials = np.exp(values - values.max())
    return exponentials / exponentials.sum()


def _log_softmax(values, eps):
    shifted = values - values.max()
    return shifted - np.log(np.exp(shifted).sum() + eps)


def _logsumexp(values, eps):
    return values.max() + np.log(np.exp(values - values.max()).sum() + eps)


def _std(values, unbiased):
    squares = ((values - values.mean()) ** 2).sum()
    return np.sqrt(squares / (max(len(values) - unbiased, 1) + 1e-6))


def broadcast(index, shape, dim):
    """torch_scatter's broadcast: a 1-D index lies along `dim`. Any other index gets trailing axes of size 1."""
    if index.ndim == 1:
        index = index.reshape([-1 if axis == dim else 1 for axis in range(len(shape))])
    else:
        index = index.reshape(index.shape + (1,) * (len(shape) - index.ndim))
    return np.broadcast_to(index, shape)


def _members(src, index, dim, groups):
    """Of each group: its place in the result, its elements' positions along `dim` in ascending order, their values."""
    src, index = (np.moveaxis(array, dim, -1) for array in (src, broadcast(index, src.shape, dim)))
    for line in np.ndindex(*src.shape[:-1]):
        values, order = src[line], np.argsort(index[line], kind="stable")
        bounds = np.searchsorted(index[line], np.arange(groups + 1), sorter=order)
        for group in range(groups):
            positions = order[bounds[group] : bounds[group + 1]]
            yield line[:dim] + (group,) + line[dim:], positions, values[positions]


def _with_size(shape, dim, size):
    return shape[:dim] + (size,) + shape[dim + 1 :]


def _groups(index, base, dim, dim_size):
    """The number of groups. Where nothing tells it, the largest index does, as in torch_scatter."""
    if base is not None:
        return base.shape[dim]
    return int(index.max(initial=-1)) + 1 if dim_size is None else dim_size


def scatter(src, index, base=None, *, dim=-1, dim_size=None, reduce="sum", deterministic=0):
    dim %= src.ndim
    wide = np.int64 if np.issubdtype(src.dtype, np.integer) else np.float64
    shape = _with_size(src.shape, dim, _groups(index, base, dim, dim_size))
    out, arg = np.zeros(shape, wide), np.full(shape, src.shape[dim], np.int32)
    starts = None if base is None else base.astype(wide)
    for group, positions, values in _members(src.astype(wide), index, dim, shape[dim]):
        result = FORMULAS[reduce](values, *(() if starts is None else (starts[group],)))
        if reduce in WITH_ARG:
            result, place = result
            if place is not None:
                arg[group] = positions[place]
        out[group] = result
    out = out.astype(src.dtype)
    return [out, arg] if reduce in WITH_ARG else [out]


def segment_coo(src, index, base=None, *, dim_size=None, reduce="sum"):
    return scatter(src, index, base, dim=index.ndim - 1, dim_size=dim_size, reduce=reduce)


def _segments(indptr, length):
    """The segment of each position, for each row of an indptr: -1 before the first one, their number after the last."""
    segments = np.empty(indptr.shape[:-1] + (length,), np.int64)
    for row in np.ndindex(*indptr.shape[:-1]):
        segments[row] = np.searchsorted(indptr[row], np.arange(length), side="right") - 1
    return segments


def segment_csr(src, indptr, base=None, *, reduce="sum"):
    dim, groups = indptr.ndim - 1, max(indptr.shape[-1] - 1, 0)
    return scatter(src, _segments(indptr, src.shape[dim]), dim=dim, dim_size=groups, reduce=reduce)


def gather_segment_csr(src, index, indptr, weight=None, *, reduce="sum"):
    """segment_csr of `weight * gather_coo(src, index)`, without the elements whose index names no row.

    Weights [.., E, H] have one of H heads for each K / H neighbouring columns of the K that follow the axis of E.
    """
    segments = _segments(indptr, index.shape[-1])
    return _reduced_rows(src, index, segments, weight, max(indptr.shape[-1] - 1, 0), reduce)


def gather_scatter(src, index, destination, weight=None, *, dim_size=None, reduce="sum"):
    """scatter of `weight * gather_coo(src, index)`, without the elements whose index names no row."""
    return _reduced_rows(src, index, destination, weight, _groups(destination, None, -1, dim_size), reduce)


def gather_segment_coo(src, index, destination, weight=None, *, dim_size=None, reduce="sum"):
    """gather_scatter, for sorted destinations."""
    return gather_scatter(src, index, destination, weight, dim_size=dim_size, reduce=reduce)


def _reduced_rows(src, index, destination, weight, groups, reduce):
    dim = index.ndim - 1
    (rows,) = gather_coo(src.astype(np.int64 if src.dtype.kind == "i" else np.float64), index)
    if weight is not None:
        weight = weight[..., None] if weight.ndim == dim + 1 else weight
        columns, heads = math.prod(src.shape[dim + 1 :]), weight.shape[-1]
        weight = np.repeat(weight, columns // max(heads, 1), axis=-1)
        rows = rows * weight.reshape(weight.shape[:-1] + src.shape[dim + 1 :]).astype(rows.dtype)
    out, *arg = scatter(rows, _of_rows(destination, src, index), dim=dim, dim_size=groups, reduce=reduce)
    return [out.astype(src.dtype), *arg]


def _of_rows(destination, src, index):
    """The destinations, but -1 where the index names no row."""
    return np.where((index >= 0) & (index < src.shape[index.ndim - 1]), destination, -1)


def gather_coo(src, index, base=None):
    dim = index.ndim - 1
    shape = _with_size(src.shape, dim, index.shape[-1])
    if src.shape[dim] == 0:
        return [np.zeros(shape, src.dtype)]
    index = broadcast(index, shape, dim)
    valid = (index >= 0) & (index < src.shape[dim])
    rows = np.take_along_axis(src, np.where(valid, index, 0), dim)
    return [np.where(valid, rows, 0).astype(src.dtype)]


def gather_csr(src, indptr, base=None, *, size=None):
    """Where nothing tells the number of rows, the largest bound does, as in torch_scatter."""
    if base is not None:
        size = base.shape[indptr.ndim - 1]
    elif size is None:
        size = int(indptr.max(initial=0))
    return gather_coo(src, _segments(indptr, size))


def group_index(index, *, dim_size=None):
    """The positions of each group's elements, those of an index that names no group at the end; where groups begin."""
    groups = _groups(index, None, -1, dim_size)
    perm, indptr = np.empty_like(index), np.zeros_like(index, shape=(*index.shape[:-1], groups + 1))
    for row in np.ndindex(*index.shape[:-1]):
        positions = [np.flatnonzero(index[row] == group) for group in range(groups)]
        indptr[row][1:] = np.cumsum([len(of_group) for of_group in positions])
        positions.append(np.flatnonzero((index[row] < 0) | (index[row] >= groups)))
        perm[row] = np.concatenate(positions)
    return [perm, indptr]


def _for_each_element(formula, src, index, dim, dim_size):
    dim %= src.ndim
    out = np.zeros(src.shape)
    for group, positions, values in _members(src.astype(np.float64), index, dim, _groups(index, None, dim, dim_size)):
        if len(values):
            out[group[:dim] + (positions,) + group[dim + 1 :]] = formula(values)
    return [out.astype(src.dtype)]


def _for_each_group(formula, src, index, dim, dim_size):
    dim %= src.ndim
    out = np.zeros(_with_size(src.shape, dim, _groups(index, None, dim, dim_size)))
    for group, _, values in _members(src.astype(np.float64), index, dim, out.shape[dim]):
        if len(values):
            out[group] = formula(values)
    return [out.astype(src.dtype)]


def scatter_softmax(src, index, *, dim=-1, dim_size=None):
    return _for_each_element(_softmax, src, index, dim, dim_size)


def scatter_log_softmax(src, index, *, dim=-1, dim_size=None, eps=1e-12):
    return _for_each_element(lambda values: _log_softmax(values, eps), src, index, dim, dim_size)


def scatter_logsumexp(src, index, *, dim=-1, dim_size=None, eps=1e-12):
    return _for_each_group(lambda values: _logsumexp(values, eps), src, index, dim, dim_size)


def scatter_std(src, index, *, dim=-1, dim_size=None, unbiased=1):
    return _for_each_group(lambda values: _std(values, unbiased), src, index, dim, dim_size)


def _over_segments(composite, src, indptr, **constants):
    """A composite whose groups are segments. An element in no segment is 0."""
    dim, segments = indptr.ndim - 1, max(indptr.shape[-1] - 1, 0)
    return composite(src, _segments(indptr, src.shape[dim]), dim=dim, dim_size=segments, **constants)


def softmax_csr(src, indptr):
    return _over_segments(scatter_softmax, src, indptr)


def log_softmax_csr(src, indptr, *, eps=1e-12):
    return _over_segments(scatter_log_softmax, src, indptr, eps=eps)


def logsumexp_csr(src, indptr, *, eps=1e-12):
    return _over_segments(scatter_logsumexp, src, indptr, eps=eps)


def std_csr(src, indptr, *, unbiased=1):
    return _over_segments(scatter_std, src, indptr, unbiased=unbiased)


def attention_csr(src, index, indptr, score):
    """gather_segment_csr with the softmax of the scores over each segment for weights. Elements whose index names no row
    are in no segment: their scores are left out too."""
    dim, groups = index.ndim - 1, max(indptr.shape[-1] - 1, 0)
    segments = _of_rows(_segments(indptr, index.shape[-1]), src, index)
    score = np.broadcast_to(score, src.shape[:dim] + score.shape[dim:]).astype(np.float64)
    (weight,) = scatter_softmax(score, segments, dim=dim, dim_size=groups)
    return _reduced_rows(src, index, segments, weight, groups, "sum")


def gather_dot(src, index, other, other_index, weight=None, *, combine="mul", heads=1, negative_slope=0.2):
    """The rows that both indices name, combined column by column, and summed over the K / H neighbouring columns of each
    head. The score of a pair whose index names no row is 0."""
    dim = index.ndim - 1
    columns, shape = math.prod(src.shape[dim + 1 :]), (*src.shape[:dim], index.shape[-1])

    def read(values, rows):
        (read,) = gather_coo(values.astype(np.float64), rows)
        return read.reshape(*shape, columns)

    first, second = read(src, index), read(other, other_index)
    if combine == "mul":
        combined = first * second
    else:
        total = first + second
        combined = np.where(total > 0, total, total * negative_slope)
    if weight is not None:
        combined = combined * weight.astype(np.float64)
    scores = combined.reshape(*shape, heads, columns // heads).sum(-1)
    is_good = _of_rows(np.int64(0), src, index) + _of_rows(np.int64(0), other, other_index) == 0
    return [np.where(np.broadcast_to(is_good, shape)[..., None], scores, 0).astype(src.dtype)]


#: The definition of each plugin. It takes the plugin's inputs and attributes and returns a list of its outputs.
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
    "TRTS_GatherSegmentCSR": gather_segment_csr,
    "TRTS_GroupIndex": group_index,
    "TRTS_GatherScatter": gather_scatter,
    "TRTS_SoftmaxCSR": softmax_csr,
    "TRTS_LogSoftmaxCSR": log_softmax_csr,
    "TRTS_LogSumExpCSR": logsumexp_csr,
    "TRTS_StdCSR": std_csr,
    "TRTS_AttentionCSR": attention_csr,
    "TRTS_GatherSegmentCOO": gather_segment_coo,
    "TRTS_GatherDot": gather_dot,
}
