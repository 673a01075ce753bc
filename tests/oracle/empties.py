"""Tensors without elements, and groups, segments and results without any."""

import itertools
import math

import torch

from case import BY_DESTINATION, DTYPES, FLOATS, SCATTER_REDUCTIONS, SEGMENT_REDUCTIONS, Case
from composites import (
    COMPOSITE_CALLS,
    COMPOSITE_CSR_CALLS,
    attention_case,
    composite_case,
    composite_csr_case,
    composite_name,
)
from draw import indices, shape_text, tensor

# src's shape, dim, the index's shape, dim_size. The index of an empty src counts 0, 1, 2, ..
SCATTERS = (
    ([0], 0, [0], None),
    ([0], 0, [0], 3),
    ([0], 0, [0], 0),
    ([0, 3], 0, [0], 2),
    ([2, 0, 3], 1, [0], 4),
    ([2, 0, 3], 1, [2, 0, 3], 2),
    ([3, 0], 0, [3], None),
    ([3, 0], 0, [3], 3),
    ([0, 3], 1, [3], 4),
    ([0, 3], 1, [0, 3], None),
)

# src's shape, the index's shape, dim_size.
SEGMENT_COOS = (
    ([0], [0], None),
    ([0], [0], 3),
    ([0, 3], [0], 2),
    ([2, 0, 3], [2, 0], 4),
    ([2, 0, 3], [1, 0], 2),
    ([3, 0], [3], None),
    ([3, 0], [3], 5),
    ([0, 3], [0, 3], None),
    ([0, 3], [0, 3], 4),
)

# src's shape, indptr's shape, indptr.
SEGMENT_CSRS = (
    ([0], [0], []),
    ([0], [1], [0]),
    ([0], [4], [0, 0, 0, 0]),
    ([5], [1], [0]),
    ([5], [4], [2, 2, 2, 2]),
    ([5, 2], [4], [5, 5, 5, 5]),
    ([3, 0], [3], [0, 1, 3]),
    ([2, 0], [2, 3], [0] * 6),
    ([0, 3], [0, 4], []),
    ([2, 0, 2], [1, 3], [0, 0, 0]),
)

# src's shape, the index's shape.
GATHER_COOS = (
    ([0], [0]),
    ([3], [0]),
    ([3, 2], [0]),
    ([2, 3], [2, 0]),
    ([4, 0], [4]),
    ([0, 3], [0, 3]),
)

# src's shape, indptr's shape, indptr.
GATHER_CSRS = (
    ([0], [1], [0]),
    ([2], [3], [0, 0, 0]),
    ([2, 2], [3], [0, 0, 0]),
    ([3, 0], [4], [0, 1, 1, 4]),
    ([0, 2], [0, 3], []),
)


# src's shape, the index's shape, indptr's shape, indptr, the weights' shape.
GATHER_SEGMENTS = (
    ([3, 2], [0], [3], [0, 0, 0], None),
    ([0, 2], [0], [3], [0, 0, 0], [0]),
    ([3, 2], [2], [1], [0], [2]),
    ([3, 2], [2], [0], [], None),
    ([3, 0], [2], [3], [0, 1, 2], [2, 0]),
    ([0, 3, 2], [1, 2], [1, 3], [0, 1, 2], [1, 2]),
)

# src's shape, the index's shape, indptr's shape, indptr, the scores' shape.
ATTENTIONS = (
    ([3, 2], [0], [3], [0, 0, 0], [0]),
    ([0, 2], [0], [3], [0, 0, 0], [0, 2]),
    ([3, 2], [2], [1], [0], [2]),
    ([3, 2], [2], [0], [], [2]),
    ([3, 2], [2], [4], [1, 1, 1, 1], [2, 1]),
    ([3, 0], [2], [3], [0, 1, 2], [2]),
    ([0, 3, 2], [1, 2], [1, 3], [0, 1, 2], [1, 2]),
)

# src's shape, the index's shape, destination's shape, the weights' shape, dim_size.
GATHER_SCATTERS = (
    ([3, 2], [0], [0], None, None),
    ([3, 2], [0], [0], [0], 2),
    ([0, 2], [0], [0], None, 3),
    ([3, 2], [0], [0], None, 0),
    ([3, 0], [2], [2], [2, 0], 2),
    ([0, 3, 2], [1, 2], [1, 2], [1, 2], 2),
)


def empties():
    # Every type in turn: emptiness is a matter of shapes.
    dtypes = itertools.cycle(DTYPES)
    for (shape, dim, index_shape, dim_size), reduce in itertools.product(SCATTERS, SCATTER_REDUCTIONS):
        yield scatter(next(dtypes), shape, dim, index_shape, dim_size, reduce)
    for (shape, index_shape, dim_size), reduce in itertools.product(SEGMENT_COOS, SEGMENT_REDUCTIONS):
        yield segment_coo(next(dtypes), shape, index_shape, dim_size, reduce)
    for (shape, indptr_shape, indptr), reduce in itertools.product(SEGMENT_CSRS, SEGMENT_REDUCTIONS):
        yield segment_csr(next(dtypes), shape, indptr_shape, indptr, reduce)
    yield from on_base(dtypes)
    for shape, index_shape in GATHER_COOS:
        yield gather("gather_coo", next(dtypes), shape, counting(index_shape))
    for shape, indptr_shape, indptr in GATHER_CSRS:
        yield gather("gather_csr", next(dtypes), shape, indices(indptr, indptr_shape))
    floats = itertools.cycle(FLOATS)
    for (shape, dim, index_shape, dim_size), call in itertools.product(SCATTERS, COMPOSITE_CALLS):
        dtype = next(floats)
        name = f"{composite_name(*call)} {dtype}: empty, {shapes_text(shape, index_shape, dim_size)}, dim {dim}"
        yield composite_case(name, call, dtype, ones(dtype, shape), counting(index_shape), dim, dim_size=dim_size)
    # Types in a turn of their own.
    turn = itertools.cycle(DTYPES)
    for shapes, reduce in itertools.product(GATHER_SEGMENTS, SEGMENT_REDUCTIONS):
        yield gather_segment(next(turn), *shapes, reduce)
    turn = itertools.cycle(DTYPES)
    for op, shapes, reduce in itertools.product(BY_DESTINATION, GATHER_SCATTERS, SEGMENT_REDUCTIONS):
        yield by_destination(op, next(turn), *shapes, reduce)
    turn = itertools.cycle(FLOATS)
    for (shape, indptr_shape, indptr), call in itertools.product(SEGMENT_CSRS, COMPOSITE_CSR_CALLS):
        dtype = next(turn)
        name = f"{composite_name(*call)} {dtype}: {indptr_text(shape, indptr_shape, indptr)}"
        yield composite_csr_case(name, call, dtype, ones(dtype, shape), indices(indptr, indptr_shape))
    turn = itertools.cycle(FLOATS)
    for shapes in ATTENTIONS:
        yield attention(next(turn), *shapes)


def scatter(dtype, shape, dim, index_shape, dim_size, reduce):
    name = f"scatter {reduce} {dtype}: empty, {shapes_text(shape, index_shape, dim_size)}, dim {dim}"
    src, index = ones(dtype, shape), counting(index_shape)
    return Case(name, "scatter", dtype, src, index, reduce=reduce, dim=dim, dim_size=dim_size)


def segment_coo(dtype, shape, index_shape, dim_size, reduce):
    name = f"segment_coo {reduce} {dtype}: empty, {shapes_text(shape, index_shape, dim_size)}"
    return Case(name, "segment_coo", dtype, ones(dtype, shape), counting(index_shape), reduce=reduce, dim_size=dim_size)


def segment_csr(dtype, shape, indptr_shape, indptr, reduce):
    name = f"segment_csr {reduce} {dtype}: {indptr_text(shape, indptr_shape, indptr)}"
    return Case(name, "segment_csr", dtype, ones(dtype, shape), indices(indptr, indptr_shape), reduce=reduce)


def on_base(dtypes):
    """Nothing arrives at base: scatter and segment_coo return it, segment_csr overwrites it."""
    for reduce in SCATTER_REDUCTIONS:
        dtype = next(dtypes)
        yield Case(
            f"scatter {reduce} {dtype}: empty, on base",
            "scatter",
            dtype,
            ones(dtype, [2, 0]),
            indices([]),
            reduce=reduce,
            base=tensor([1, 2, -3, 4], dtype, [2, 2]),
            dim=1,
        )
    for op, reduce in itertools.product(("segment_coo", "segment_csr"), SEGMENT_REDUCTIONS):
        dtype = next(dtypes)
        yield Case(
            f"{op} {reduce} {dtype}: empty, on base",
            op,
            dtype,
            ones(dtype, [0, 2]),
            indices([0, 0, 0] if op == "segment_csr" else []),
            reduce=reduce,
            base=tensor([1, 2, -3, 4], dtype, [2, 2]),
        )


def gather_segment(dtype, shape, index_shape, indptr_shape, indptr, weight_shape, reduce):
    what = f"src {shape_text(shape)}, index {shape_text(index_shape)}, indptr {shape_text(indptr_shape)}"
    what += "" if weight_shape is None else f", weight {shape_text(weight_shape)}"
    return Case(
        f"gather_segment_csr {reduce} {dtype}: empty, {what}",
        "gather_segment_csr",
        dtype,
        ones(dtype, shape),
        indices(indptr, indptr_shape),
        reduce=reduce,
        rows=indices([0] * math.prod(index_shape), index_shape),
        weight=None if weight_shape is None else ones(dtype, weight_shape),
    )


def attention(dtype, shape, index_shape, indptr_shape, indptr, score_shape):
    what = indptr_text(shape, indptr_shape, indptr)
    return attention_case(
        f"{what}, index {shape_text(index_shape)}, score {shape_text(score_shape)}",
        dtype,
        src=ones(dtype, shape),
        rows=indices([0] * math.prod(index_shape), index_shape),
        indptr=indices(indptr, indptr_shape),
        score=ones(dtype, score_shape),
    )


def by_destination(op, dtype, shape, index_shape, destination_shape, weight_shape, dim_size, reduce):
    what = f"src {shape_text(shape)}, index {shape_text(index_shape)}"
    what += "" if weight_shape is None else f", weight {shape_text(weight_shape)}"
    what += "" if dim_size is None else f", dim_size {dim_size}"
    return Case(
        f"{op} {reduce} {dtype}: empty, {what}",
        op,
        dtype,
        ones(dtype, shape),
        counting(destination_shape),
        reduce=reduce,
        rows=indices([0] * math.prod(index_shape), index_shape),
        weight=None if weight_shape is None else ones(dtype, weight_shape),
        dim_size=dim_size,
    )


def gather(op, dtype, shape, index):
    what = f"src {shape_text(shape)}, {'indptr' if op == 'gather_csr' else 'index'} {shape_text(index.shape)}"
    return Case(f"{op} {dtype}: empty, {what}", op, dtype, ones(dtype, shape), index)


def indptr_text(shape, indptr_shape, indptr):
    return " ".join([f"empty, src {shape_text(shape)}, indptr {shape_text(indptr_shape)}", *map(str, indptr)])


def ones(dtype, shape):
    """Mostly without elements; the others have some that no segment holds."""
    return torch.ones(shape, dtype=DTYPES[dtype])


def counting(shape):
    """0, 1, 2, .. along the last axis."""
    last = torch.arange(shape[-1], dtype=torch.int64)
    return last.expand(shape).clone()


def shapes_text(shape, index_shape, dim_size):
    text = f"src {shape_text(shape)}, index {shape_text(index_shape)}"
    return text if dim_size is None else f"{text}, dim_size {dim_size}"
