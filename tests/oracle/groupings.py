"""group_index: its cases, the rule, and torch's answer. It has an index and no values, so it has cases of its own."""

import itertools
import json
import math
import random
from dataclasses import dataclass

import numpy as np
import torch

from case import INDEX_DTYPES, tensor_json
from draw import draw_index, draw_sorted_index, indices, shape_text


@dataclass
class Grouping:
    """One call. `index` is always int64 here."""

    name: str
    index: torch.Tensor
    index_dtype: str
    dim_size: int | None = None

    @property
    def op(self):
        return "group_index"

    @property
    def groups(self):
        """The number of groups."""
        return (int(self.index.max()) + 1 if self.index.numel() else 0) if self.dim_size is None else self.dim_size


SHAPES = ([1], [7], [2, 6], [3, 1], [3, 4, 5], [2, 1, 3, 4], [2, 1, 2, 2, 3])

ORDERS = ("in any order", "sorted", "falling", "of one group")

# The shape, dim_size.
EMPTIES = (([0], None), ([0], 3), ([0], 0), ([2, 0], 4), ([0, 3], 2), ([0, 3], None), ([2, 0, 3], 1))

# Groups longer than a block of 256 threads, more groups than one pass sorts by, rows that lie in several blocks.
LONG = (([700], 2), ([600], 300), ([900], 800), ([3, 900], 5), ([2, 400], 700))


def groupings():
    for number, (shape, order) in enumerate(itertools.product(SHAPES, ORDERS)):
        for index_dtype in INDEX_DTYPES:
            has_dim_size = (number + INDEX_DTYPES.index(index_dtype)) % 2 == 1
            name = f"group_index {index_dtype}: index {shape_text(shape)}, {order}{', dim_size' * has_dim_size}"
            rng = random.Random(name)
            n = rng.randint(2, 5)
            yield Grouping(name, ordered(rng, shape, order, n), index_dtype, n + 2 if has_dim_size else None)
    for (shape, dim_size), index_dtype in zip(EMPTIES, itertools.cycle(INDEX_DTYPES)):
        text = "" if dim_size is None else f", dim_size {dim_size}"
        name = f"group_index {index_dtype}: empty, index {shape_text(shape)}{text}"
        yield Grouping(name, indices([], shape), index_dtype, dim_size)
    for (shape, n), index_dtype in itertools.product(LONG, INDEX_DTYPES):
        name = f"group_index {index_dtype}: long, index {shape_text(shape)}, {n} groups"
        yield Grouping(name, draw_index(random.Random(name), shape, n), index_dtype, n)


def ordered(rng, shape, order, n):
    match order:
        case "in any order":
            return draw_index(rng, shape, n)
        case "sorted":
            return draw_sorted_index(rng, shape, n)
        case "falling":
            return draw_sorted_index(rng, shape, n).flip(-1)
        case _:
            return indices([rng.randrange(n)] * math.prod(shape), shape)


def ruled(case):
    """perm and indptr, one element at a time."""
    n = case.groups
    perm, indptr = np.empty(case.index.shape, np.int64), np.empty((*case.index.shape[:-1], n + 1), np.int64)
    for lead in np.ndindex(*case.index.shape[:-1]):
        members = [[] for _ in range(n)]
        for position, group in enumerate(case.index[lead].tolist()):
            members[group].append(position)
        perm[lead] = list(itertools.chain(*members))
        indptr[lead] = [0, *itertools.accumulate(map(len, members))]
    return torch.tensor(perm), torch.tensor(indptr)


def answer(case):
    """torch's: torch_scatter has no such function."""
    in_order, perm = case.index.sort(stable=True)
    bounds = torch.arange(case.groups + 1).expand(*case.index.shape[:-1], case.groups + 1)
    return perm, torch.searchsorted(in_order.contiguous(), bounds.contiguous())


def line(case, perm, indptr):
    """The line for a case."""
    fields = {
        "name": case.name,
        "op": case.op,
        "index_dtype": case.index_dtype,
        "dim_size": case.dim_size,
        "index": tensor_json(case.index),
        "perm": tensor_json(perm),
        "indptr": tensor_json(indptr),
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}, separators=(",", ":"))
