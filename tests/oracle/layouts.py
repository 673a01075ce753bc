"""Every operator over shapes: ranks 1 to 5, every axis, every way in which an index or indptr broadcasts, with and
without base and dim_size."""

import itertools
import math
import random

from case import (
    BY_DESTINATION,
    DTYPES,
    FLOATS,
    INDEX_DTYPES,
    SCATTER_REDUCTIONS,
    SEGMENT_REDUCTIONS,
    SIXTEEN_BITS,
    Case,
    extremes,
)
from composites import (
    COMPOSITE_CALLS,
    COMPOSITE_CSR_CALLS,
    attention_case,
    composite_case,
    composite_csr_case,
    composite_name,
)
from draw import (
    draw_index,
    draw_indptr,
    draw_sorted_index,
    draw_values,
    indices,
    shape_text,
    tensor,
    with_axis,
)

# src's shape, dim, the index's shape: ranks 1 to 5, dims from both ends, every way of broadcasting.
SCATTER_LAYOUTS = (
    ([7], 0, [7]),
    ([7], -1, [7]),
    ([6], 0, [1]),
    ([4, 5], 0, [4]),
    ([4, 5], 1, [5]),
    ([4, 5], -1, [4, 5]),
    ([4, 5], 1, [1, 5]),
    ([4, 5], 0, [4, 1]),
    ([4, 5], 1, [4, 1]),
    ([4, 5], -2, [4, 5]),
    ([2, 5, 3], 1, [5]),
    ([2, 5, 3], -2, [1, 5]),
    ([2, 5, 3], 1, [2, 5]),
    ([2, 5, 3], 2, [2, 5]),
    ([2, 5, 3], 1, [2, 5, 3]),
    ([3, 2, 4], 0, [3, 1, 4]),
    ([2, 3, 2, 3], 2, [2]),
    ([2, 3, 2, 3], -3, [2, 3]),
    ([2, 3, 2, 3], 1, [2, 3, 2, 3]),
    ([2, 3, 4, 2], 2, [1, 3, 4]),
    ([2, 1, 3, 2, 2], 2, [3]),
    ([2, 2, 3, 1, 2], -3, [2, 1, 3]),
    ([1, 2, 2, 3, 2], 3, [1, 2, 2, 3, 2]),
    ([2, 2, 1, 2, 4], -1, [2, 1, 1, 1, 4]),
)

# src's shape, the index's shape.
COO_LAYOUTS = (
    ([8], [8]),
    ([8], [1]),
    ([6, 3], [6]),
    ([2, 6], [2, 6]),
    ([2, 6], [1, 6]),
    ([2, 6, 2], [2, 6]),
    ([3, 5, 2], [1, 5]),
    ([3, 5, 2], [3, 1]),
    ([2, 3, 5], [2, 3, 5]),
    ([2, 3, 5], [1, 3, 5]),
    ([2, 3, 5], [2, 1, 5]),
    ([2, 2, 4, 3], [2, 2, 4]),
    ([5, 2, 2, 2], [5]),
    ([2, 1, 2, 4, 2], [2, 1, 2, 4]),
    ([2, 2, 1, 2, 4], [1, 2, 1, 2, 4]),
    ([4, 1, 2, 2, 1], [4]),
)

# src's shape, the leading axes of indptr.
CSR_LAYOUTS = (
    ([8], []),
    ([6, 3], []),
    ([2, 6], [2]),
    ([2, 6], [1]),
    ([2, 6, 2], [2]),
    ([3, 5, 2], [1]),
    ([2, 3, 5], [2, 3]),
    ([2, 3, 5], [1, 3]),
    ([2, 3, 5], [2, 1]),
    ([2, 2, 4, 3], [2, 2]),
    ([5, 2, 2, 2], []),
    ([2, 1, 2, 4, 2], [2, 1, 2]),
    ([2, 2, 1, 2, 4], [1, 2, 1, 2]),
    ([4, 1, 2, 2, 1], []),
)

# src's shape, the leading axes of the index and of indptr, or of destination, the weights' leading axes and the number
# of heads. Without weights the latter are None; without an axis of heads the number is.
GATHER_SEGMENT_LAYOUTS = (
    ([6], [], [], None, None),
    ([6], [], [], [], None),
    ([6], [], [], [], 1),
    ([5, 4], [], [], None, None),
    ([5, 4], [], [], [], None),
    ([5, 4], [], [], [], 2),
    ([5, 4], [], [], [], 4),
    ([2, 5], [2], [1], [2], None),
    ([2, 5, 3], [1], [2], None, None),
    ([2, 5, 3], [2], [2], [1], 3),
    ([3, 4, 2, 2], [1], [1], [3], 2),
    ([3, 4, 2, 3], [3], [1], [3], 3),
    ([2, 3, 4, 2], [2, 1], [1, 3], [1, 1], 1),
    ([2, 3, 4], [2, 3], [2, 3], [2, 3], None),
    ([2, 1, 2, 4, 2], [1, 1, 2], [2, 1, 1], [2, 1, 2], 2),
)

# The larger tables are gone through in whole for float32; of each other type every third row is taken, each time
# other ones.
STEP_OF_OTHER_TYPES = 3

VARIANTS = ("", "dim_size", "base", "base and dim_size")


def layouts():
    yield from layouts_of_scatter()
    yield from layouts_of_segment_coo()
    yield from layouts_of_segment_csr()
    yield from layouts_of_gather()
    yield from layouts_of_gather_segment()
    for op in BY_DESTINATION:
        yield from layouts_by_destination(op)
    yield from layouts_of_composites()
    yield from layouts_of_composites_csr()
    yield from layouts_of_attention()
    yield from long_ones()


def dim_size_of(variant, n):
    """Two groups more than the index names, or base's number of them."""
    return {"dim_size": n + 2, "base and dim_size": n}.get(variant)


def rows_of(layouts, dtype, turn):
    if dtype == "float32":
        return list(layouts)
    return list(layouts)[turn % STEP_OF_OTHER_TYPES :: STEP_OF_OTHER_TYPES]


def layouts_of_scatter():
    for (turn, reduce), (kind, dtype) in itertools.product(enumerate(SCATTER_REDUCTIONS), enumerate(DTYPES)):
        for number, (shape, dim, index_shape) in enumerate(rows_of(SCATTER_LAYOUTS, dtype, turn + kind)):
            variant = VARIANTS[(number + turn + kind) % len(VARIANTS)]
            name = f"scatter {reduce} {dtype}: src {shape_text(shape)}, dim {dim}, index {shape_text(index_shape)}"
            name += f", {variant}" if variant else ""
            rng = random.Random(name)
            n = rng.randint(2, 5)
            yield Case(
                name,
                "scatter",
                dtype,
                src=draw_values(rng, shape, dtype, reduce),
                index=draw_index(rng, index_shape, n),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                reduce=reduce,
                base=draw_values(rng, with_axis(shape, dim, n), dtype, reduce) if "base" in variant else None,
                dim=dim,
                dim_size=dim_size_of(variant, n),
            )


def layouts_of_segment_coo():
    for (turn, reduce), (kind, dtype) in itertools.product(enumerate(SEGMENT_REDUCTIONS), enumerate(DTYPES)):
        for number, (shape, index_shape) in enumerate(rows_of(COO_LAYOUTS, dtype, turn + kind)):
            variant = VARIANTS[(number + turn + kind) % len(VARIANTS)]
            name = f"segment_coo {reduce} {dtype}: src {shape_text(shape)}, index {shape_text(index_shape)}"
            name += f", {variant}" if variant else ""
            rng = random.Random(name)
            n = rng.randint(2, 5)
            axis = len(index_shape) - 1
            yield Case(
                name,
                "segment_coo",
                dtype,
                src=draw_values(rng, shape, dtype),
                index=draw_sorted_index(rng, index_shape, n),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                reduce=reduce,
                base=draw_values(rng, with_axis(shape, axis, n), dtype) if "base" in variant else None,
                dim_size=dim_size_of(variant, n),
            )


def layouts_of_segment_csr():
    """With base, which only names the destination: its values must not be seen in the result."""
    for (turn, reduce), (kind, dtype) in itertools.product(enumerate(SEGMENT_REDUCTIONS), enumerate(DTYPES)):
        for number, (shape, leading) in enumerate(rows_of(CSR_LAYOUTS, dtype, turn + kind)):
            variant = ("", "base", "a part of src")[(number + turn + kind) % 3]
            name = f"segment_csr {reduce} {dtype}: src {shape_text(shape)}, indptr {shape_text([*leading, 'N+1'])}"
            name += f", {variant}" if variant else ""
            rng = random.Random(name)
            n = rng.randint(2, 5)
            axis = len(leading)
            ends = (1, shape[axis] - 1) if variant == "a part of src" else (0, shape[axis])
            yield Case(
                name,
                "segment_csr",
                dtype,
                src=draw_values(rng, shape, dtype),
                index=draw_indptr(rng, leading, n, *ends),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                reduce=reduce,
                base=draw_values(rng, with_axis(shape, axis, n), dtype) if variant == "base" else None,
            )


def layouts_of_gather():
    for kind, dtype in enumerate(DTYPES):
        for number, (out_shape, index_shape) in enumerate(rows_of(COO_LAYOUTS, dtype, kind)):
            name = f"gather_coo {dtype}: out {shape_text(out_shape)}, index {shape_text(index_shape)}"
            rng = random.Random(name)
            n = rng.randint(2, 5)
            axis = len(index_shape) - 1
            out_shape = with_axis(out_shape, axis, index_shape[-1])
            has_base = (number + kind) % 2 == 1
            yield Case(
                name + (", base" if has_base else ""),
                "gather_coo",
                dtype,
                src=draw_values(rng, with_axis(out_shape, axis, n), dtype),
                index=draw_sorted_index(rng, index_shape, n),
                index_dtype=INDEX_DTYPES[number // 2 % 2],
                base=draw_values(rng, out_shape, dtype) if has_base else None,
            )
        for number, (out_shape, leading) in enumerate(rows_of(CSR_LAYOUTS, dtype, kind)):
            name = f"gather_csr {dtype}: out {shape_text(out_shape)}, indptr {shape_text([*leading, 'N+1'])}"
            rng = random.Random(name)
            n = rng.randint(2, 5)
            axis = len(leading)
            has_base = (number + kind) % 2 == 1
            yield Case(
                name + (", base" if has_base else ""),
                "gather_csr",
                dtype,
                src=draw_values(rng, with_axis(out_shape, axis, n), dtype),
                index=draw_indptr(rng, leading, n, 0, out_shape[axis]),
                index_dtype=INDEX_DTYPES[number // 2 % 2],
                base=draw_values(rng, out_shape, dtype) if has_base else None,
            )
        yield Case(
            f"gather_coo {dtype}: an index that is not sorted",
            "gather_coo",
            dtype,
            src=tensor(range(8), dtype, [4, 2]),
            index=indices([3, 0, 2, 2, 1]),
        )
        if dtype in FLOATS:
            peculiar = tensor([math.nan, -0.0, math.inf, -math.inf, *extremes(dtype)], dtype)
            index, indptr = indices([0, 0, 1, 2, 3, 3, 4, 5]), indices([0, 2, 3, 4, 6, 7, 8])
            yield Case(f"gather_coo {dtype}: NaN, -0 and the ends", "gather_coo", dtype, peculiar, index)
            yield Case(f"gather_csr {dtype}: NaN, -0 and the ends", "gather_csr", dtype, peculiar, indptr)


def layouts_of_gather_segment():
    for (turn, reduce), (kind, dtype) in itertools.product(enumerate(SEGMENT_REDUCTIONS), enumerate(DTYPES)):
        rows = rows_of(GATHER_SEGMENT_LAYOUTS, dtype, turn + kind)
        for number, (shape, leading, of_indptr, of_weight, heads) in enumerate(rows):
            name = f"gather_segment_csr {reduce} {dtype}: src {shape_text(shape)}, index {shape_text([*leading, 'E'])}"
            name += f", indptr {shape_text([*of_indptr, 'N+1'])}"
            if of_weight is not None:
                name += f", weight {shape_text([*of_weight, 'E'] if heads is None else [*of_weight, 'E', heads])}"
            rng = random.Random(name)
            n, elements = rng.randint(2, 5), rng.randint(6, 9)
            yield Case(
                name,
                "gather_segment_csr",
                dtype,
                src=draw_values(rng, shape, dtype),
                index=draw_indptr(rng, of_indptr, n, number % 2, elements),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                reduce=reduce,
                rows=draw_index(rng, [*leading, elements], shape[len(leading)]),
                weight=draw_weight(rng, of_weight, elements, heads, weight_dtype(dtype, number)),
            )


def layouts_by_destination(op):
    for (turn, reduce), (kind, dtype) in itertools.product(enumerate(SEGMENT_REDUCTIONS), enumerate(DTYPES)):
        rows = rows_of(GATHER_SEGMENT_LAYOUTS, dtype, turn + kind)
        for number, (shape, leading, of_destination, of_weight, heads) in enumerate(rows):
            has_dim_size = (number + turn + kind) % 2 == 1
            name = f"{op} {reduce} {dtype}: src {shape_text(shape)}, index {shape_text([*leading, 'E'])}"
            name += f", destination {shape_text([*of_destination, 'E'])}"
            if of_weight is not None:
                name += f", weight {shape_text([*of_weight, 'E'] if heads is None else [*of_weight, 'E', heads])}"
            name += ", dim_size" if has_dim_size else ""
            rng = random.Random(name)
            n, elements = rng.randint(2, 5), rng.randint(6, 9)
            yield Case(
                name,
                op,
                dtype,
                src=draw_values(rng, shape, dtype),
                index=draw_destination(op, rng, [*of_destination, elements], n),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                reduce=reduce,
                rows=draw_index(rng, [*leading, elements], shape[len(leading)]),
                weight=draw_weight(rng, of_weight, elements, heads, weight_dtype(dtype, number)),
                dim_size=n + 2 if has_dim_size else None,
            )


def draw_destination(op, rng, shape, n):
    """In any order, or sorted for the operator that takes only such ones."""
    return (draw_sorted_index if op == "gather_segment_coo" else draw_index)(rng, shape, n)


def weight_dtype(dtype, number):
    """The type of src; every second time float32 beside 16 bits."""
    return "float32" if dtype in SIXTEEN_BITS and number % 2 else dtype


def draw_weight(rng, leading, elements, heads, dtype):
    if leading is None:
        return None
    return draw_values(rng, [*leading, elements, *([] if heads is None else [heads])], dtype, "mul")


def layouts_of_composites():
    for (turn, call), (kind, dtype) in itertools.product(enumerate(COMPOSITE_CALLS), enumerate(FLOATS)):
        for number, (shape, dim, index_shape) in enumerate(rows_of(SCATTER_LAYOUTS, dtype, turn + kind)):
            has_dim_size = (number + turn + kind) % 2 == 1
            name = f"{composite_name(*call)} {dtype}: src {shape_text(shape)}, dim {dim}, "
            name += f"index {shape_text(index_shape)}" + (", dim_size" if has_dim_size else "")
            rng = random.Random(name)
            n = rng.randint(2, 5)
            yield composite_case(
                name,
                call,
                dtype,
                draw_quarters(rng, shape, dtype),
                draw_index(rng, index_shape, n),
                dim,
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
                dim_size=n + 2 if has_dim_size else None,
            )


def layouts_of_composites_csr():
    for (turn, call), (kind, dtype) in itertools.product(enumerate(COMPOSITE_CSR_CALLS), enumerate(FLOATS)):
        for number, (shape, leading) in enumerate(rows_of(CSR_LAYOUTS, dtype, turn + kind)):
            is_a_part = (number + turn + kind) % 3 == 2
            name = f"{composite_name(*call)} {dtype}: src {shape_text(shape)}, indptr {shape_text([*leading, 'N+1'])}"
            name += ", a part of src" if is_a_part else ""
            rng = random.Random(name)
            n = rng.randint(2, 5)
            length = shape[len(leading)]
            yield composite_csr_case(
                name,
                call,
                dtype,
                draw_quarters(rng, shape, dtype),
                draw_indptr(rng, leading, n, *((1, length - 1) if is_a_part else (0, length))),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
            )


def layouts_of_attention():
    with_scores = [layout for layout in GATHER_SEGMENT_LAYOUTS if layout[3] is not None]
    for kind, dtype in enumerate(FLOATS):
        for number, (shape, leading, of_indptr, of_score, heads) in enumerate(rows_of(with_scores, dtype, kind)):
            of_element = [*of_score, "E"] if heads is None else [*of_score, "E", heads]
            name = f"src {shape_text(shape)}, index {shape_text([*leading, 'E'])}, "
            name += f"indptr {shape_text([*of_indptr, 'N+1'])}, score {shape_text(of_element)}"
            rng = random.Random(f"{name} {dtype}")
            n, elements = rng.randint(2, 5), rng.randint(6, 9)
            of_element = [*of_score, elements, *([] if heads is None else [heads])]
            yield attention_case(
                name,
                dtype,
                src=draw_values(rng, shape, dtype),
                rows=draw_index(rng, [*leading, elements], shape[len(leading)]),
                # Some elements are in no segment.
                indptr=draw_indptr(rng, of_indptr, n, number % 2, elements),
                score=draw_quarters(rng, of_element, weight_dtype(dtype, number)),
                index_dtype=INDEX_DTYPES[(number + kind) % 2],
            )


def draw_quarters(rng, shape, dtype):
    """Quarters, so that every type holds them."""
    return tensor([rng.randint(-16, 16) / 4 for _ in range(math.prod(shape))], dtype, shape)


# Groups longer than a block of 256 threads, rows that cross warps, more groups than a block; and the number of groups.
LONG_SHAPES = (([700], 2), ([90, 5], 4), ([600], 300))


def long_ones():
    for (shape, n), dtype in itertools.product(LONG_SHAPES, ("float32", "float16", "int64")):
        for reduce in SCATTER_REDUCTIONS:
            yield long_one("scatter", reduce, dtype, shape, n)
        for op, reduce in itertools.product(("segment_coo", "segment_csr"), SEGMENT_REDUCTIONS):
            yield long_one(op, reduce, dtype, shape, n)
    for (shape, n), reduce in itertools.product(LONG_SHAPES, SEGMENT_REDUCTIONS):
        for dtype in ("float32", "float16", "int64"):
            yield long_gather_segment(reduce, dtype, shape, n)
            for op in BY_DESTINATION:
                yield long_by_destination(op, reduce, dtype, shape, n)
    for (shape, n), call, dtype in itertools.product(LONG_SHAPES, COMPOSITE_CSR_CALLS, ("float32", "float16")):
        name = f"{composite_name(*call)} {dtype}: long, src {shape_text(shape)}, {n} segments"
        rng = random.Random(name)
        src, indptr = draw_quarters(rng, shape, dtype), draw_indptr(rng, [], n, 0, shape[0])
        yield composite_csr_case(name, call, dtype, src, indptr)
    for (shape, n), dtype in itertools.product(LONG_SHAPES, ("float32", "float16")):
        yield long_attention(dtype, shape, n)


def long_attention(dtype, shape, n):
    """As many elements as `shape` has rows, of a third as many rows."""
    elements, rows = shape[0], [shape[0] // 3, *shape[1:]]
    name = f"long, src {shape_text(rows)}, {elements} elements, {n} segments"
    rng = random.Random(f"{name} {dtype}")
    return attention_case(
        name,
        dtype,
        src=draw_values(rng, rows, dtype),
        rows=draw_index(rng, [elements], rows[0]),
        indptr=draw_indptr(rng, [], n, 0, elements),
        score=draw_quarters(rng, [elements], dtype),
    )


def long_gather_segment(reduce, dtype, shape, n):
    """As many elements as `shape` has rows, of a third as many rows."""
    elements, rows = shape[0], [shape[0] // 3, *shape[1:]]
    name = f"gather_segment_csr {reduce} {dtype}: long, src {shape_text(rows)}, {elements} elements, {n} segments"
    rng = random.Random(name)
    return Case(
        name,
        "gather_segment_csr",
        dtype,
        src=draw_values(rng, rows, dtype),
        index=draw_indptr(rng, [], n, 0, elements),
        reduce=reduce,
        rows=draw_index(rng, [elements], rows[0]),
        weight=draw_weight(rng, [], elements, None, dtype),
    )


def long_by_destination(op, reduce, dtype, shape, n):
    """As many elements as `shape` has rows, of a third as many rows."""
    elements, rows = shape[0], [shape[0] // 3, *shape[1:]]
    name = f"{op} {reduce} {dtype}: long, src {shape_text(rows)}, {elements} elements, {n} groups"
    rng = random.Random(name)
    return Case(
        name,
        op,
        dtype,
        src=draw_values(rng, rows, dtype),
        index=draw_destination(op, rng, [elements], n),
        reduce=reduce,
        rows=draw_index(rng, [elements], rows[0]),
        weight=draw_weight(rng, [], elements, None, dtype),
        dim_size=n,
    )


def long_one(op, reduce, dtype, shape, n):
    name = f"{op} {reduce} {dtype}: long, src {shape_text(shape)}, {n} groups"
    rng = random.Random(name)
    src = draw_values(rng, shape, dtype, reduce)
    match op:
        case "scatter":
            index = draw_index(rng, shape[:1], n)
        case "segment_coo":
            index = draw_sorted_index(rng, shape[:1], n)
        case _:
            index = draw_indptr(rng, [], n, 0, shape[0])
    return Case(
        name,
        op,
        dtype,
        src,
        index,
        reduce=reduce,
        dim=0 if op == "scatter" else None,
        dim_size=None if op == "segment_csr" else n,
    )
