"""What an operator's result is by this project's rules, computed one element at a time and knowing nothing of
torch_scatter. Sums are kept in Python's floats (float64) or integers and rounded once, at the end."""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from case import BY_DESTINATION, COMPOSITES_CSR, INTEGERS, SIXTEEN_BITS

# torch_scatter's: keeps the logarithm of an empty sum finite, and the deviation of an empty group.
LOG_EPS = 1e-12
STD_EPS = 1e-6


@dataclass
class Ruled:
    """The result, and what is needed to tell where torch_scatter must differ from it."""

    out: torch.Tensor
    arg_out: torch.Tensor | None = None
    # How many elements arrived at each element of out.
    count: np.ndarray | None = None
    # Where a 16-bit sum, product or count passed through a value that the type does not have.
    left_the_type: np.ndarray | None = None


def ruled(case):
    if case.composite is not None:
        return composite(case)
    if case.op == "attention_csr":
        return attention(case)
    if case.op == "gather_coo":
        return gather(case, index_of_rows(case))
    if case.op == "gather_csr":
        return gather(case, segments(case.index, case.src.shape[: case.axis], gathered_length(case)))
    return reduction(over_rows(case))


def expanded_index(case):
    """The index of every element of src: as many axes as src, each of src's size."""
    index, src = case.index, case.src
    if case.dim is not None and index.dim() == 1:
        shape = [1] * src.dim()
        shape[case.axis] = index.shape[0]
    else:
        shape = list(index.shape) + [1] * (src.dim() - index.dim())
    return index.reshape(shape).expand(src.shape).numpy()


def over_rows(case):
    """gather_segment_csr as the segment_csr over the products that it reduces, gather_scatter and gather_segment_coo as
    the scatter over them; any other case as it is."""
    if case.op not in ("gather_segment_csr", *BY_DESTINATION):
        return case
    op, dim = ("segment_csr", None) if case.op == "gather_segment_csr" else ("scatter", case.axis)
    return replace(case, op=op, dim=dim, src=products(case), rows=None, weight=None)


def products(case):
    """weight[.., e] * src[.., rows[.., e], ..], which the type must hold."""
    leading = case.src.shape[: case.axis]
    rows, values = read_rows(case)
    if case.weight is None:
        return values
    wide = torch.float64 if values.is_floating_point() else torch.int64
    product = values.to(wide)
    weight = case.weight.to(wide).expand(leading + case.weight.shape[case.axis :])
    for place in np.ndindex(*rows.shape):
        # Each weight is for as many neighbouring columns.
        heads = weight[place].reshape(-1)
        columns = product[place].reshape(len(heads), product[place].numel() // max(len(heads), 1))
        for head, factor in enumerate(heads.tolist()):
            columns[head] *= factor
        product[place] = columns.reshape(product[place].shape)
    narrow = product.to(values.dtype)
    if not torch.equal(torch.nan_to_num(narrow.to(wide)), torch.nan_to_num(product)):
        raise ValueError(f"{case.name}: a product does not fit the type")
    return narrow


def read_rows(case):
    """The index of the rows with its leading axes expanded to src's, and the rows src[.., rows[.., e], ..]."""
    rows = case.rows.expand(case.src.shape[: case.axis] + case.rows.shape[-1:]).numpy()
    return rows, gather(case, rows).out


def index_of_rows(case):
    """gather_coo's index with its leading axes expanded to src's."""
    return case.index.expand(case.src.shape[: case.axis] + case.index.shape[-1:]).numpy()


def gathered_length(case):
    if case.base is not None:
        return case.base.shape[case.axis]
    return int(case.index.flatten()[-1]) if case.index.numel() else 0


def segments(indptr, leading, length):
    """For each of `length` positions the segment that holds it, -1 where none does."""
    indptr = indptr.expand(leading + indptr.shape[-1:]).numpy()
    owner = np.full((*leading, length), -1)
    for lead in np.ndindex(*leading):
        for n, (start, end) in enumerate(itertools.pairwise(indptr[lead])):
            owner[lead][start:end] = n
    return owner


def groups(case):
    """The group of every element of src (-1: none), and the number of groups."""
    src, axis = case.src, case.axis
    if case.op in ("segment_csr", *COMPOSITES_CSR):
        owner = segments(case.index, src.shape[:axis], src.shape[axis])
        owner = owner.reshape(owner.shape + (1,) * (src.dim() - axis - 1))
        return np.broadcast_to(owner, src.shape), max(case.index.shape[-1] - 1, 0)
    group = expanded_index(case)
    if case.dim_size is not None:
        return group, case.dim_size
    if case.base is not None:
        return group, case.base.shape[axis]
    # segment_coo looks at the rows' index alone: trailing axes of size 0 do not empty it.
    named = index_of_rows(case) if case.op == "segment_coo" else group
    return group, int(named.max()) + 1 if named.size else 0


def arrivals(case):
    """The result's shape, and for each element of src in order: its place in the result, its position along the
    axis, its value."""
    group, n = groups(case)
    shape = list(case.src.shape)
    shape[case.axis] = n
    coordinates = np.indices(case.src.shape)
    positions = coordinates[case.axis].copy()
    coordinates[case.axis] = group
    places = np.zeros(case.src.shape, dtype=np.int64)
    for size, coordinate in zip(shape, coordinates):
        places = places * size + coordinate
    arrived = group >= 0
    values = itertools.compress(case.src.flatten().tolist(), arrived.flatten().tolist())
    return shape, list(zip(places[arrived].tolist(), positions[arrived].tolist(), values))


def reduction(case):
    """scatter, segment_coo, segment_csr."""
    shape, elements = arrivals(case)
    size = math.prod(shape)
    starts_from_base = case.base is not None and case.op != "segment_csr"
    identity = 1 if case.reduce == "mul" else 0
    values = case.base.flatten().tolist() if starts_from_base else [identity] * size
    nowhere = case.src.shape[case.axis]
    arg = [nowhere] * size
    count = [0] * size
    occupied = [starts_from_base] * size
    left = [False] * size
    for place, position, value in elements:
        count[place] += 1
        if case.reduce == "mul":
            values[place] *= value
        elif not case.selects:
            values[place] += value
        elif wins(case.reduce, value, values[place], occupied[place]):
            values[place], arg[place], occupied[place] = value, position, True
        if case.dtype in SIXTEEN_BITS:
            left[place] |= not fits(values[place], case) or not fits(count[place], case)
    if case.reduce == "mean":
        values = [mean(total, max(number, 1), case) for total, number in zip(values, count)]
    return Ruled(
        out=to_tensor(values, shape, case),
        arg_out=torch.tensor(arg, dtype=torch.int64).reshape(shape) if case.selects else None,
        count=np.array(count).reshape(shape),
        left_the_type=np.array(left, dtype=bool).reshape(shape),
    )


def wins(reduce, value, best, occupied):
    if not occupied:
        return not math.isnan(value)
    return value > best if reduce == "max" else value < best


def mean(total, count, case):
    if case.dtype in INTEGERS:
        return wrapped(total, case) // count
    # float64 divides as such, everything else in float32.
    wide = np.float64 if case.dtype == "float64" else np.float32
    with np.errstate(all="ignore"):
        return float(wide(total) / wide(count))


def wrapped(value, case):
    bits = torch.iinfo(case.torch_dtype).bits
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def fits(value, case):
    rounded = torch.tensor(value, dtype=torch.float64).to(case.torch_dtype).item()
    return rounded == value or math.isnan(value)


def to_tensor(values, shape, case):
    if case.dtype in INTEGERS:
        values = [wrapped(value, case) for value in values]
        return torch.tensor(values, dtype=torch.int64).to(case.torch_dtype).reshape(shape)
    return torch.tensor(values, dtype=torch.float64).to(case.torch_dtype).reshape(shape)


def gather(case, rows):
    """out[.., e, ..] = src[.., rows[.., e], ..]"""
    axis = case.axis
    out = torch.empty(case.src.shape[:axis] + rows.shape[-1:] + case.src.shape[axis + 1 :], dtype=case.torch_dtype)
    for place in np.ndindex(*rows.shape):
        out[place] = case.src[(*place[:-1], int(rows[place]))]
    return Ruled(out=out)


def composite(case):
    """softmax, log_softmax, logsumexp, std, and the same over segments: in float64, rounded once. An element that is in
    no segment is 0."""
    shape, elements = arrivals(case)
    src = case.src.to(torch.float64).flatten().numpy()
    members = [[] for _ in range(math.prod(shape))]
    # Those that are in no segment did not arrive.
    arrived = np.flatnonzero(groups(case)[0] >= 0)
    for i, (place, _, _) in zip(arrived, elements):
        members[place].append(i)
    per_element = case.composite in ("softmax", "log_softmax")
    out = np.zeros(len(src) if per_element else len(members))
    with np.errstate(all="ignore"):
        for place, of_group in enumerate(members):
            target = of_group if per_element else place
            out[target] = COMPOSITE_RULES[case.composite](src[of_group], case)
    shape = case.src.shape if per_element else shape
    return Ruled(out=torch.tensor(out).to(case.torch_dtype).reshape(shape))


def attention(case):
    """The rows that the index names, times the softmax of their scores over each segment, summed: for each segment and
    each head, in float64, rounded once."""
    axis, leading = case.axis, case.src.shape[: case.axis]
    values = read_rows(case)[1].to(torch.float64)
    heads = case.weight.shape[axis + 1] if case.weight.dim() > axis + 1 else 1
    columns = math.prod(values.shape[axis + 1 :])
    values = values.reshape(*values.shape[: axis + 1], columns).numpy()
    score = case.weight.to(torch.float64).reshape(*case.weight.shape[: axis + 1], heads)
    score = score.expand(*leading, *score.shape[axis:]).numpy()
    indptr = case.index.expand(leading + case.index.shape[-1:]).numpy()
    shape = [*leading, max(case.index.shape[-1] - 1, 0), *case.src.shape[axis + 1 :]]
    out = np.zeros([*shape[: axis + 1], columns])
    with np.errstate(all="ignore"):
        for lead in np.ndindex(*leading):
            for n, (start, end) in enumerate(itertools.pairwise(indptr[lead])):
                for column in range(columns):
                    weight = softmax(score[lead][start:end, column // (columns // heads)], case)
                    out[lead][n, column] = (weight * values[lead][start:end, column]).sum()
    return Ruled(out=torch.tensor(out).to(case.torch_dtype).reshape(shape))


def largest(values):
    """The largest that is a number; -inf where there is none."""
    numbers = values[~np.isnan(values)]
    return numbers.max() if len(numbers) else -math.inf


def recentred(values):
    """exp(values - largest) without its overflow. A group of nothing but -inf stays as it is."""
    top = largest(values)
    return values - (0.0 if top == -math.inf else top)


def softmax(values, _):
    exponentials = np.exp(recentred(values))
    return exponentials / exponentials.sum()


def log_softmax(values, _):
    below = recentred(values)
    return below - np.log(np.exp(below).sum() + LOG_EPS)


def logsumexp(values, case):
    """NaNs are left out, and the result is made finite: 0 for a group of nothing or of -inf alone, the type's
    highest number for one with +inf."""
    top = largest(values)
    if top == -math.inf:
        return 0.0
    if top == math.inf:
        return torch.finfo(case.torch_dtype).max
    return top + np.log(np.exp(values[~np.isnan(values)] - top).sum() + LOG_EPS)


def std(values, case):
    count = max(len(values), 1)
    deviations = values - values.sum() / count
    degrees = max(count - 1, 1) if case.unbiased else count
    return np.sqrt((deviations * deviations).sum() / (degrees + STD_EPS))


COMPOSITE_RULES = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp, "std": std}
