"""Draws small tensors for cases. The name of a case seeds its generator, so a new case does not change the others."""

import math

import torch

from case import DTYPES, INTEGERS


def tensor(values, dtype, shape=None):
    return torch.tensor(values, dtype=DTYPES[dtype]).reshape(shape if shape is not None else [len(values)])


def indices(values, shape=None):
    return tensor(values, "int64", shape)


def draw_values(rng, shape, dtype, reduce=None):
    """Draws from few small values, so that there are ties and sums are exact. Products are powers of two, and exact."""
    if reduce == "mul":
        choices = [-2, -1, 1, 2] if dtype in INTEGERS else [-2, -1, -0.5, 0.5, 1, 2]
    else:
        choices = range(-4, 5)
    return tensor([rng.choice(choices) for _ in range(math.prod(shape))], dtype, shape)


def draw_index(rng, shape, n):
    return indices([rng.randrange(n) for _ in range(math.prod(shape))], shape)


def draw_sorted_index(rng, shape, n):
    rows = math.prod(shape[:-1])
    return indices([i for _ in range(rows) for i in sorted(rng.randrange(n) for _ in range(shape[-1]))], shape)


def draw_indptr(rng, leading, n, first, last):
    """Each row goes from `first` to `last`. A segment is empty if two bounds are equal."""
    rows = []
    for _ in range(math.prod(leading)):
        rows += [first, *sorted(rng.randint(first, last) for _ in range(n - 1)), last]
    return indices(rows, [*leading, n + 1])


def with_axis(shape, axis, size):
    shape = list(shape)
    shape[axis] = size
    return shape


def shape_text(shape):
    return "[" + ",".join(map(str, shape)) + "]"
