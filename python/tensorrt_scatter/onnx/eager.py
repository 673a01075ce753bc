"""The operators in plain PyTorch, on any device. Models are traced with them, and exported models are compared to them.

They follow the rules of the kernels where torch_scatter's differ: an empty group is 0, or 1 for a product; arg_out is
the smallest position among equal elements; a NaN is never a minimum or maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .._declarations import COMBINES


def expand_index(index: Tensor, src: Tensor, dim: int) -> Tensor:
    """`index` expanded to src's shape as torch_scatter does: a 1-D index lies along `dim`, others get trailing axes."""
    if index.dim() == 1:
        index = index.reshape([1] * dim + [-1])
    index = index.reshape(list(index.shape) + [1] * (src.dim() - index.dim()))
    return index.expand(src.shape)


def expand_rows(index: Tensor, src: Tensor) -> Tensor:
    """`index` expanded for segments and gathers: leading axes to src's sizes, and src's trailing axes added."""
    last = index.dim() - 1
    index = index.expand(list(src.shape[:last]) + [index.shape[-1]])
    index = index.reshape(list(index.shape) + [1] * (src.dim() - index.dim()))
    return index.expand(list(index.shape[: last + 1]) + list(src.shape[last + 1 :]))


def size_of(index: Tensor, is_index: bool) -> int:
    """The size of a result that only the index tells: its largest element plus one, or indptr's largest element."""
    return int(index.max()) + int(is_index) if index.numel() else 0


def _reduced(
    src: Tensor, index: Tensor, dim: int, out: Tensor | None, count: int, how: str
) -> tuple[Tensor, Tensor | None]:
    """Reduces `src` to `count` groups along `dim`, by an index of src's shape: out, and arg_out for min and max."""
    if how in ("min", "max"):
        values, arg = _extreme(src, index.long(), dim, out, count, how)
        return values, arg.to(index.dtype)
    index = index.long()
    wide = torch.float32 if src.dtype in (torch.float16, torch.bfloat16) else src.dtype
    size = list(src.shape)
    size[dim] = count
    start = src.new_full(size, 1 if how == "mul" else 0, dtype=wide) if out is None else out.to(wide)
    if how == "mul":
        result = start.scatter_reduce(dim, index, src.to(wide), "prod")
    elif how in ("sum", "mean"):
        result = start.scatter_add(dim, index, src.to(wide))
    else:
        raise NotImplementedError(f"there is no formula for the reduction {how!r}")
    if how == "mean":
        arrived = torch.zeros(size, dtype=torch.int64, device=src.device)
        arrived = arrived.scatter_add(dim, index, torch.ones_like(index)).clamp(min=1)
        result = result / arrived if wide.is_floating_point else result.div(arrived, rounding_mode="floor")
    return result.to(src.dtype), None


def _extreme(src: Tensor, index: Tensor, dim: int, out: Tensor | None, count: int, how: str) -> tuple[Tensor, Tensor]:
    size = list(src.shape)
    size[dim] = count
    none = src.shape[dim]
    if src.numel() == 0:
        result = src.new_zeros(size) if out is None else out.clone()
        return result, index.new_full(size, none)
    number = ~src.isnan() if src.dtype.is_floating_point else torch.ones_like(src, dtype=torch.bool)
    worst = _worst(src.dtype, how)
    values = src.where(number, torch.full_like(src, worst))
    best = src.new_full(size, worst).scatter_reduce(dim, index, values, "a" + how)
    position = torch.arange(none, device=src.device).reshape([-1] + [1] * (src.dim() - dim - 1)).expand(src.shape)
    wins = number & (src == best.gather(dim, index.long()))
    position = position.where(wins, torch.full_like(position, none))
    first = position.new_full(size, none).scatter_reduce(dim, index, position, "amin")
    arrived = first < none
    # The element at the position, not the extreme value: of two zeros with different signs it is the first.
    winner = src.gather(dim, first.clamp(max=none - 1))
    if out is None:
        return winner.where(arrived, torch.zeros_like(winner)), first
    arrived = arrived & ((winner > out) if how == "max" else (winner < out))
    return winner.where(arrived, out), first.where(arrived, torch.full_like(first, none))


def _worst(dtype: torch.dtype, how: str) -> float | int:
    if dtype.is_floating_point:
        return float("-inf") if how == "max" else float("inf")
    limits = torch.iinfo(dtype)
    return limits.min if how == "max" else limits.max


def _outputs(values: Tensor, arg: Tensor | None) -> tuple[Tensor, ...]:
    return (values,) if arg is None else (values, arg)


def scatter(src: Tensor, index: Tensor, *, axis: int, out: Tensor | None, size: int, reduce: str) -> tuple[Tensor, ...]:
    """torch_scatter.scatter, and arg_out of min and max."""
    return _outputs(*_reduced(src, expand_index(index, src, axis), axis, out, size, reduce))


def segment_coo(
    src: Tensor, index: Tensor, *, axis: int, out: Tensor | None, size: int, reduce: str
) -> tuple[Tensor, ...]:
    """torch_scatter.segment_coo, and arg_out of min and max."""
    return _outputs(*_reduced(src, expand_rows(index, src), axis, out, size, reduce))


def segment_csr(
    src: Tensor, indptr: Tensor, *, axis: int, out: Tensor | None, size: None, reduce: str
) -> tuple[Tensor, ...]:
    """torch_scatter.segment_csr, and arg_out of min and max. `out` is not read."""
    index, count = _index_of(indptr, src, axis)
    values, arg = _reduced(src, index, axis, None, count + 1, reduce)
    values = values.narrow(axis, 0, count).clone()
    return _outputs(values, None if arg is None else arg.narrow(axis, 0, count).to(indptr.dtype))


def _index_of(indptr: Tensor, src: Tensor, axis: int) -> tuple[Tensor, int]:
    """The segment of each element of `src`, as an index of src's shape, and the number of segments N. The elements that
    are in no segment are in a group of their own, the last one of N + 1."""
    return expand_rows(_segments_of(indptr, src.shape[:axis], src.shape[axis]), src), indptr.shape[-1] - 1


def _segments_of(indptr: Tensor, leading: Sequence[int], elements: int) -> Tensor:
    """The segment that contains each of `elements` elements, for bounds [.., N+1] that are expanded to the leading axes; N
    where no segment contains it."""
    indptr = indptr.expand([*leading, indptr.shape[-1]])
    position = torch.arange(elements, device=indptr.device, dtype=indptr.dtype)
    position = position.expand(list(indptr.shape[:-1]) + [elements]).contiguous()
    segment = torch.searchsorted(indptr.contiguous(), position, right=True) - 1
    count = indptr.shape[-1] - 1
    return segment.where(segment >= 0, torch.full_like(segment, count)).clamp(max=count)


def gather_segment_csr(
    src: Tensor,
    index: Tensor,
    indptr: Tensor,
    weight: Tensor | None,
    *,
    axis: int,
    out: None,
    size: None,
    reduce: str,
) -> tuple[Tensor, ...]:
    """`segment_csr` of the weighted rows that `gather_coo` reads. 16-bit floats are rounded once, after the reduction."""
    rows = _weighted_rows(src, index, weight, axis)
    values, *arg = segment_csr(rows, indptr, axis=axis, out=None, size=None, reduce=reduce)
    return (values.to(src.dtype), *arg)


def gather_scatter(
    src: Tensor,
    index: Tensor,
    destination: Tensor,
    weight: Tensor | None,
    *,
    axis: int,
    out: None,
    size: int,
    reduce: str,
) -> tuple[Tensor, ...]:
    """`scatter` of the weighted rows that `gather_coo` reads. 16-bit floats are rounded once, after the reduction."""
    rows = _weighted_rows(src, index, weight, axis)
    values, arg = _reduced(rows, expand_rows(destination, rows), axis, None, size, reduce)
    return _outputs(values.to(src.dtype), arg)


# A sorted index is an index.
gather_segment_coo = gather_scatter


def _weighted_rows(src: Tensor, index: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    """The rows that `gather_coo` reads, each times its weight; of float32 where src has 16-bit floats."""
    (rows,) = gather_coo(_wide(src), index, axis=axis, out=None, size=None)
    return rows if weight is None else rows * _factors(weight.to(rows.dtype), rows, axis)


def _factors(weight: Tensor, rows: Tensor, axis: int) -> Tensor:
    """Weights [.., E] or [.., E, H] for each element of rows [.., E, ..]: each of H heads has K / H columns of the K."""
    columns, weight = rows.shape[axis + 1 :].numel(), _by_head(weight, rows, axis)
    return weight.repeat_interleave(columns // max(weight.shape[-1], 1), -1).reshape(rows.shape)


def _by_head(weight: Tensor, rows: Tensor, axis: int) -> Tensor:
    """Weights [.., E] or [.., E, H] with the leading axes of rows, and an axis of heads."""
    weight = weight.unsqueeze(-1) if weight.dim() == axis + 1 else weight
    return weight.expand([*rows.shape[: axis + 1], weight.shape[-1]])


def attention_csr(
    src: Tensor, index: Tensor, indptr: Tensor, score: Tensor, *, axis: int, out: None, size: None
) -> tuple[Tensor, ...]:
    """The rows that the index names, times the softmax of their scores over each segment, summed. 16-bit floats are
    rounded once, after the sum. An element whose index names no row is in no segment: its score is left out too."""
    names_a_row = (index >= 0) & (index < src.shape[axis])
    # Elements that name no row read the row of zeros behind src, and are in the group behind the segments.
    index = index.where(names_a_row, torch.full_like(index, src.shape[axis]))
    (rows,) = gather_coo(_with_zero_row(_wide(src), axis), index, axis=axis, out=None, size=None)
    segment, count = _segments_of(indptr, src.shape[:axis], index.shape[-1]), indptr.shape[-1] - 1
    segment = segment.where(names_a_row, torch.full_like(segment, count))
    scores = _by_head(score.to(rows.dtype), rows, axis)
    (weight,) = softmax(scores, expand_rows(segment, scores), axis=axis, out=None, size=count + 1)
    weighted = rows * _factors(weight, rows, axis)
    values, _ = _reduced(weighted, expand_rows(segment, rows), axis, None, count + 1, "sum")
    return (values.narrow(axis, 0, count).clone().to(src.dtype),)


def gather_dot(
    src: Tensor,
    index: Tensor,
    other: Tensor,
    other_index: Tensor,
    weight: Tensor | None,
    *,
    axis: int,
    out: None,
    size: None,
    combine: str,
    heads: int,
    negative_slope: float,
) -> tuple[Tensor, ...]:
    """The values of the rows that both indices name, combined column by column, and summed over the columns of each
    head. 16-bit floats are rounded once, after the sum. A pair whose index names no row is 0."""
    if combine not in COMBINES:
        raise ValueError(f"combine is {combine!r}; expected one of {', '.join(map(repr, COMBINES))}")
    columns = src.shape[axis + 1 :].numel()
    if heads < 1 or columns % heads:
        raise ValueError(f"heads is {heads}; expected a divisor of the {columns} columns of src")
    pairs, are_good = [], []
    for values, rows in ((src, index), (other, other_index)):
        is_good = ((rows >= 0) & (rows < values.shape[axis])).expand([*src.shape[:axis], rows.shape[-1]])
        # An element that names no row reads the row of zeros behind the others.
        rows = rows.where((rows >= 0) & (rows < values.shape[axis]), torch.full_like(rows, values.shape[axis]))
        (read,) = gather_coo(_with_zero_row(_wide(values), axis), rows, axis=axis, out=None, size=None)
        pairs.append(read.flatten(axis + 1) if read.dim() > axis + 1 else read.unsqueeze(-1))
        are_good.append(is_good)
    combined = pairs[0] * pairs[1]
    if combine == "add":
        combined = torch.nn.functional.leaky_relu(pairs[0] + pairs[1], negative_slope)
    if weight is not None:
        combined = combined * weight.to(combined.dtype)
    scores = combined.reshape([*combined.shape[:-1], heads, columns // heads]).sum(-1)
    return (scores.where((are_good[0] & are_good[1]).unsqueeze(-1), torch.zeros_like(scores)).to(src.dtype),)


def gather_coo(src: Tensor, index: Tensor, *, axis: int, out: Tensor | None, size: None) -> tuple[Tensor, ...]:
    """`out[.., e, ..] = src[.., index[.., e], ..]` along index's last axis. `out` is not read."""
    return (src.gather(axis, expand_rows(index, src).long()),)


def gather_csr(src: Tensor, indptr: Tensor, *, axis: int, out: Tensor | None, size: int) -> tuple[Tensor, ...]:
    """Repeats each row of `src` over its segment, to `size` rows. A row that is in no segment is 0."""
    segment = _segments_of(indptr, src.shape[:axis], size)
    return gather_coo(_with_zero_row(src, axis), segment, axis=axis, out=None, size=None)


def _with_zero_row(src: Tensor, axis: int) -> Tensor:
    """`src`, and behind it a row of zeros."""
    zero_row = src.new_zeros([1 if each == axis else extent for each, extent in enumerate(src.shape)])
    return torch.cat([src, zero_row], axis)


def group_index(index: Tensor, *, axis: int, out: None, size: int) -> tuple[Tensor, ...]:
    """The positions of the elements by their group, in a stable order, and the bounds of the groups."""
    # Elements with a bad index go behind all groups.
    groups = index.where((index >= 0) & (index < size), torch.full_like(index, size))
    ordered, perm = groups.sort(dim=axis, stable=True)
    starts = torch.arange(size + 1, dtype=index.dtype, device=index.device)
    starts = starts.expand(list(index.shape[:axis]) + [size + 1]).contiguous()
    indptr = torch.searchsorted(ordered.contiguous(), starts)
    return torch.empty_like(index).copy_(perm), indptr.to(index.dtype)


def _wide(src: Tensor) -> Tensor:
    """Converts 16-bit floats to float32, in which the composites compute."""
    return src.float() if src.dtype in (torch.float16, torch.bfloat16) else src


def _recentred(src: Tensor, index: Tensor, axis: int, count: int) -> tuple[Tensor, Tensor]:
    """src minus the maximum of its group (unless that is -inf), and the sum of the exponentials for each group."""
    highest = _reduced(src, index, axis, None, count, "max")[0]
    highest = highest.masked_fill(highest == float("-inf"), 0)
    shifted = src - highest.gather(axis, index.long())
    return shifted, _reduced(shifted.exp(), index, axis, None, count, "sum")[0]


def softmax(src: Tensor, index: Tensor, *, axis: int, out: None, size: int) -> tuple[Tensor, ...]:
    """torch_scatter.scatter_softmax."""
    index = expand_index(index, src, axis)
    shifted, total = _recentred(_wide(src), index, axis, size)
    return ((shifted.exp() / total.gather(axis, index.long())).to(src.dtype),)


def log_softmax(src: Tensor, index: Tensor, *, axis: int, out: None, size: int, eps: float) -> tuple[Tensor, ...]:
    """torch_scatter.scatter_log_softmax."""
    index = expand_index(index, src, axis)
    shifted, total = _recentred(_wide(src), index, axis, size)
    return ((shifted - (total + eps).log().gather(axis, index.long())).to(src.dtype),)


def logsumexp(src: Tensor, index: Tensor, *, axis: int, out: None, size: int, eps: float) -> tuple[Tensor, ...]:
    """torch_scatter.scatter_logsumexp."""
    index, wide = expand_index(index, src, axis), _wide(src)
    shape = list(src.shape)
    shape[axis] = size
    highest = _reduced(wide, index, axis, wide.new_full(shape, float("-inf")), size, "max")[0]
    shifted = wide - highest.gather(axis, index.long())
    shifted = shifted.masked_fill(shifted.isnan(), float("-inf"))
    total = _reduced(shifted.exp(), index, axis, None, size, "sum")[0]
    return (((total + eps).log() + highest).to(src.dtype).nan_to_num(neginf=0.0),)


def std(src: Tensor, index: Tensor, *, axis: int, out: None, size: int, unbiased: bool) -> tuple[Tensor, ...]:
    """torch_scatter.scatter_std."""
    index, wide = expand_index(index, src, axis), _wide(src)
    arrived = _reduced(torch.ones_like(wide), index, axis, None, size, "sum")[0].clamp(min=1)
    mean = _reduced(wide, index, axis, None, size, "sum")[0] / arrived
    squares = _reduced((wide - mean.gather(axis, index.long())) ** 2, index, axis, None, size, "sum")[0]
    divisor = (arrived - 1).clamp(min=1) if unbiased else arrived
    return ((squares / (divisor + 1e-6)).sqrt().to(src.dtype),)


def _over_segments(
    formula: Callable[..., tuple[Tensor, ...]],
    src: Tensor,
    indptr: Tensor,
    axis: int,
    *,
    keeps_shape: bool,
    **constants: float,
) -> tuple[Tensor, ...]:
    """A composite over segments. Where it keeps src's shape, an element that is in no segment is 0."""
    index, count = _index_of(indptr, src, axis)
    (result,) = formula(src, index, axis=axis, out=None, size=count + 1, **constants)
    return (result.masked_fill(index == count, 0) if keeps_shape else result.narrow(axis, 0, count).clone(),)


def softmax_csr(src: Tensor, indptr: Tensor, *, axis: int, out: None, size: None) -> tuple[Tensor, ...]:
    """`softmax` over segments."""
    return _over_segments(softmax, src, indptr, axis, keeps_shape=True)


def log_softmax_csr(src: Tensor, indptr: Tensor, *, axis: int, out: None, size: None, eps: float) -> tuple[Tensor, ...]:
    """`log_softmax` over segments."""
    return _over_segments(log_softmax, src, indptr, axis, keeps_shape=True, eps=eps)


def logsumexp_csr(src: Tensor, indptr: Tensor, *, axis: int, out: None, size: None, eps: float) -> tuple[Tensor, ...]:
    """`logsumexp` over segments."""
    return _over_segments(logsumexp, src, indptr, axis, keeps_shape=False, eps=eps)


def std_csr(src: Tensor, indptr: Tensor, *, axis: int, out: None, size: None, unbiased: bool) -> tuple[Tensor, ...]:
    """`std` over segments."""
    return _over_segments(std, src, indptr, axis, keeps_shape=False, unbiased=unbiased)
