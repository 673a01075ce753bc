"""Cases about single values: NaN, infinities, the ends of the types, signed zeros, ties, wrapping integers, means of
negative integers, 16-bit sums, and sums of real numbers."""

import itertools
import math
import random

from case import FLOATS, INTEGERS, SEGMENT_REDUCTIONS, Case, extremes
from composites import (
    COMPOSITE_CALLS,
    COMPOSITE_CSR_CALLS,
    attention_case,
    composite_case,
    composite_csr_case,
    composite_name,
)
from draw import indices, tensor

INF, NAN = math.inf, math.nan
REDUCING = ("scatter", "segment_coo", "segment_csr")
WITH_BASE = ("scatter", "segment_coo")


def special_values():
    yield from selections()
    yield from selections_against_base()
    yield from sums_beyond_numbers()
    yield from integers()
    yield from sixteen_bits()
    yield from real_numbers()
    yield from composites()
    yield from gathered_segments()
    yield from attentions()


def on_groups(what, contents, dtype, reduce, ops=REDUCING, base=None, **tolerance):
    """One case an operator: `contents` holds the elements of each group. scatter meets them out of order: the
    groups' first elements, then their second ones, and so on."""
    longest = max(map(len, contents))
    by_turn = [(values[turn], n) for turn in range(longest) for n, values in enumerate(contents) if turn < len(values)]
    by_group = [(value, n) for n, values in enumerate(contents) for value in values]
    base = None if base is None else tensor(base, dtype)
    for op in ops:
        elements = by_turn if op == "scatter" else by_group
        ends = itertools.accumulate((len(values) for values in contents), initial=0)
        yield Case(
            f"{op} {reduce} {dtype}: {what}",
            op,
            dtype,
            src=tensor([value for value, _ in elements], dtype),
            index=indices(list(ends) if op == "segment_csr" else [n for _, n in elements]),
            reduce=reduce,
            base=base,
            dim=0 if op == "scatter" else None,
            dim_size=len(contents) if base is None and op != "segment_csr" else None,
            **tolerance,
        )


def reductions(ops, products=True):
    """Each reduction that adds up or multiplies, with the operators of `ops` that have it."""
    yield from (("sum", ops), ("mean", ops))
    if products:
        yield "mul", ("scatter",)


def selections():
    for reduce, dtype in itertools.product(("min", "max"), FLOATS):
        yield from on_groups(
            "NaN, ties and signed zeros",
            [[NAN, 2, NAN, 1], [3, 3, 3], [], [-0.0, 0.0], [0.0, -0.0], [1, NAN, 2], [-1, 5, -1, 5]],
            dtype,
            reduce,
        )
        lowest, highest = extremes(dtype)
        yield from on_groups(
            "infinities and the ends of the type",
            [[-INF, -INF], [INF, INF], [], [-INF, lowest], [highest, INF], [lowest], [highest], [INF, 0], [-INF, 0]],
            dtype,
            reduce,
        )
        yield from on_groups("groups of NaN alone", [[1], [NAN, NAN], [2], [NAN, INF], [NAN, -INF]], dtype, reduce)
    for reduce, dtype in itertools.product(("min", "max"), INTEGERS):
        lowest, highest = extremes(dtype)
        yield from on_groups(
            "the ends of the type",
            [[lowest, lowest], [highest], [], [lowest, highest], [highest, 0, lowest], [0]],
            dtype,
            reduce,
        )


def selections_against_base():
    for reduce, dtype in itertools.product(("min", "max"), FLOATS):
        yield from on_groups(
            "base wins, loses, ties, is empty",
            [[1, 2], [1, 2], [2, 1, 2], [], [0.0], [-0.0]],
            dtype,
            reduce,
            WITH_BASE,
            base=[5, -5, 2, 7, -0.0, 0.0],
        )
        yield from on_groups(
            "base beyond numbers",
            [[1, 2], [-INF], [INF], [NAN, 3], [NAN], []],
            dtype,
            reduce,
            WITH_BASE,
            base=[NAN, -INF, INF, 0, 1, NAN],
        )
        yield from on_groups(
            "base names the destination only", [[1, 2], [], [4]], dtype, reduce, ("segment_csr",), base=[NAN, 9, INF]
        )
    for reduce, dtype in itertools.product(("min", "max"), INTEGERS):
        lowest, highest = extremes(dtype)
        yield from on_groups(
            "base at the ends of the type",
            [[lowest, 0], [highest, 0], [lowest], [], [3, 3]],
            dtype,
            reduce,
            WITH_BASE,
            base=[lowest, highest, highest, lowest, 3],
        )


def sums_beyond_numbers():
    for dtype in FLOATS:
        for reduce, ops in reductions(REDUCING):
            yield from on_groups(
                "NaN, infinities, signed zeros",
                [[1, NAN, 2], [INF, 1], [-INF, 1], [INF, -INF], [], [-0.0, -0.0], [0.0, -1], [0.0, INF], [-0.0]],
                dtype,
                reduce,
                ops,
            )
        for reduce, ops in reductions(WITH_BASE):
            yield from on_groups(
                "base beyond numbers",
                [[1, 2], [3], [], [1], [-0.0], []],
                dtype,
                reduce,
                ops,
                base=[NAN, -INF, INF, 2, -0.0, -0.0],
            )


def integers():
    for dtype in INTEGERS:
        lowest, highest = extremes(dtype)
        for reduce, ops in reductions(REDUCING):
            yield from on_groups(
                "wraps", [[highest, 1], [lowest, -1], [highest, highest, highest], [lowest, lowest]], dtype, reduce, ops
            )
        for reduce, ops in reductions(WITH_BASE):
            yield from on_groups("base wraps", [[3], [-3, 2], []], dtype, reduce, ops, base=[highest, lowest, highest])
        yield from on_groups(
            "rounds down", [[-1, -2], [-7, 3, 1], [7, 0], [-1], [], [-1, 0, 0, 0], [-8, 0]], dtype, "mean"
        )
        yield from on_groups(
            "rounds down from base", [[-2], [-1, 3], [], [-5, 1]], dtype, "mean", WITH_BASE, base=[-1, -4, -5, 1]
        )


def sixteen_bits():
    # Up to its limit a type has every whole number; beyond it no odd ones.
    for dtype, limit in (("float16", 2048), ("bfloat16", 256)):
        many = limit + limit // 8 + 1
        for reduce, ops in reductions(REDUCING, products=False):
            yield from on_groups(
                "small on top of large", [[limit] + [1] * 8, [1, limit, -limit, 1]], dtype, reduce, ops
            )
            yield from on_groups("counts beyond 16 bits", [[1.5] * many, [0.5] * 3], dtype, reduce, ops)
            # torch_scatter adds in another way where the index is not expanded.
            yield Case(
                f"scatter {reduce} {dtype}: small on top of large, an index of src's shape",
                "scatter",
                dtype,
                src=tensor([limit, *[1] * 8, *[1] * 8, limit], dtype, [2, 9]),
                index=indices([0] * 9 + [1] * 9, [2, 9]),
                reduce=reduce,
                dim=1,
                dim_size=2,
            )
        yield from on_groups("small on top of base", [[1] * 8, []], dtype, "sum", WITH_BASE, base=[limit, limit])
        for unbiased in (True, False):
            src = tensor([1, 2] * (many // 2) + [1], dtype)
            index, indptr = indices([0] * len(src)), indices([0, len(src)])
            call, over_segments = ("std", unbiased), ("std_csr", unbiased)
            what = f"{dtype}: counts beyond 16 bits"
            yield composite_case(f"{composite_name(*call)} {what}", call, dtype, src, index)
            yield composite_csr_case(f"{composite_name(*over_segments)} {what}", over_segments, dtype, src, indptr)
    highest = extremes("float16")[1]
    for reduce, ops in reductions(REDUCING, products=False):
        yield from on_groups(
            "a sum beyond the type on its way", [[highest, highest], [highest, 32, -highest]], "float16", reduce, ops
        )
    yield from on_groups(
        "a product beyond the type on its way",
        [[512, 512, 2**-10], [2**-14, 2**-14, 2**14]],
        "float16",
        "mul",
        ("scatter",),
    )
    yield from on_groups(
        "a product with more digits on its way", [[1.125, 1.125, 1.125, 64], [1.5] * 6], "bfloat16", "mul", ("scatter",)
    )


# 24 elements of about 1: one ulp of the 16-bit types; of the others a few for the sum, in any order.
REAL_TOLERANCES = {
    "float16": (2.0**-10, 2.0**-16),
    "bfloat16": (2.0**-7, 2.0**-16),
    "float32": (2.0**-18, 2.0**-18),
    "float64": (2.0**-47, 2.0**-47),
}


def draw_real(rng, reduce):
    """Products of these stay near 1."""
    return rng.uniform(0.5, 2) if reduce == "mul" else rng.gauss(0, 1)


def real_numbers():
    for dtype in FLOATS:
        rtol, atol = REAL_TOLERANCES[dtype]
        for reduce, ops in reductions(REDUCING):
            rng = random.Random(f"{dtype} {reduce}")
            contents = [[draw_real(rng, reduce) for _ in range(size)] for size in (24, 1, 9, 0, 3)]
            yield from on_groups("real numbers", contents, dtype, reduce, ops, rtol=rtol, atol=atol)
            if "segment_coo" in ops:
                base = [draw_real(rng, reduce) for _ in contents]
                yield from on_groups(
                    "real numbers on base", contents, dtype, reduce, WITH_BASE, base=base, rtol=rtol, atol=atol
                )


# What one group of a composite holds.
CONTENTS = {
    "-inf beside a number": [-INF, 1, 2],
    "-inf alone": [-INF, -INF],
    "+inf beside a number": [INF, 1],
    "NaN beside a number": [NAN, 1, 3],
    "NaN alone": [NAN],
    "one element": [2.5],
    "equal elements": [3, 3, 3, 3],
    "far apart": [80, -80, 79],
    "large": [1000, 1001, 1002],
}


def composites():
    for call, dtype in itertools.product((*COMPOSITE_CALLS, *COMPOSITE_CSR_CALLS), FLOATS):
        lowest, highest = extremes(dtype)
        contents = dict(CONTENTS)
        if not call[0].startswith("std"):
            contents["the lowest number alone"] = [lowest, lowest]
            contents["the highest number"] = [highest, 0]
        for what, values in contents.items():
            # With groups around it, so that what spoils a group is seen to stay in it.
            src, end = tensor([1, 2, *values, 0.5], dtype), 2 + len(values)
            name = f"{composite_name(*call)} {dtype}: {what}"
            if call in COMPOSITE_CSR_CALLS:
                yield composite_csr_case(name, call, dtype, src, indices([0, 2, 2, end, end + 1, end + 1]))
            else:
                index = indices([0, 0, *[2] * len(values), 3])
                yield composite_case(name, call, dtype, src, index, dim_size=5)


def gathered_segments():
    """Products that are NaN, signed zeros and ties where the factors are none, and rows that several elements name.
    gather_scatter meets the elements out of order."""
    factors = [[(NAN, 1), (2, 1), (2, 2)], [(INF, 0), (-1, 1)], [(NAN, 0), (INF, 0)], [], [(-1, 0), (0.0, 1)]]
    factors += [[(2, 2), (1, 4), (4, 1)], [(-INF, -1), (INF, -1)], [(-0.0, 1), (-0.0, 1)]]
    rows = sorted({str(value): value for segment in factors for value, _ in segment}.items())
    names = [name for name, _ in rows]
    elements = [(names.index(str(value)), weight) for segment in factors for value, weight in segment]
    ends = list(itertools.accumulate(map(len, factors), initial=0))
    for dtype, reduce in itertools.product(FLOATS, SEGMENT_REDUCTIONS):
        yield Case(
            f"gather_segment_csr {reduce} {dtype}: products beyond numbers, ties and signed zeros",
            "gather_segment_csr",
            dtype,
            src=tensor([value for _, value in rows], dtype),
            index=indices(ends),
            reduce=reduce,
            rows=indices([row for row, _ in elements]),
            weight=tensor([weight for _, weight in elements], dtype),
        )
        of_element = [n for n, segment in enumerate(factors) for _ in segment]
        for op, thirds in (("gather_scatter", 3), ("gather_segment_coo", 1)):
            in_turn = sorted(enumerate(elements), key=lambda each: each[0] % thirds)
            yield Case(
                f"{op} {reduce} {dtype}: products beyond numbers, ties and signed zeros",
                op,
                dtype,
                src=tensor([value for _, value in rows], dtype),
                index=indices([of_element[at] for at, _ in in_turn]),
                reduce=reduce,
                rows=indices([row for _, (row, _) in in_turn]),
                weight=tensor([weight for _, (_, weight) in in_turn], dtype),
                dim_size=len(factors),
            )


def attentions():
    """Special scores; and values beyond numbers, values times 0, values that cancel. All have segments around them, so
    that what spoils a segment is seen to stay in it."""
    for dtype in FLOATS:
        for what, scores in CONTENTS.items():
            scores, end = [1, 2, *scores, 0.5], 2 + len(scores)
            # Both columns have scores of their own.
            of_heads = [score for pair in zip(scores, reversed(scores)) for score in pair]
            yield attention_case(
                f"scores, {what}",
                dtype,
                src=tensor([1, -2, 0.5, 4, 3, -1], dtype, [3, 2]),
                rows=indices([e % 3 for e in range(len(scores))]),
                indptr=indices([0, 2, 2, end, end + 1, end + 1]),
                score=tensor(of_heads, dtype, [len(scores), 2]),
            )
        segments = {
            "a NaN beside a number": [(NAN, 0), (1, 0)],
            "infinities of one sign": [(INF, 0), (INF, 1), (1, 0)],
            "infinities of both signs": [(INF, 0), (-INF, 0)],
            "an infinity times 0": [(INF, -INF), (1, 0)],
            "numbers times 0": [(2, -INF), (1, 0), (-3, -INF)],
            "values that cancel": [(4, 2), (-4, 2)],
        }
        for what, of_segment in segments.items():
            values, scores = zip((1, 0), *of_segment, (2, 1))
            yield attention_case(
                f"values, {what}",
                dtype,
                src=tensor(values, dtype),
                rows=indices(range(len(values))),
                indptr=indices([0, 1, len(values) - 1, len(values)]),
                score=tensor(scores, dtype),
            )
