"""gather_dot: its cases, the rule, and torch's answer. It has two tensors of values, so it has cases of its own."""

import itertools
import json
import math
import random
from dataclasses import dataclass

import numpy as np
import torch

from case import FLOATS, INDEX_DTYPES, SIXTEEN_BITS, extremes, tensor_json
from draw import draw_index, draw_values, indices, shape_text, tensor

INF, NAN = math.inf, math.nan


@dataclass
class Pairs:
    """One call. The indices are always int64 here."""

    name: str
    dtype: str
    src: torch.Tensor
    index: torch.Tensor
    other: torch.Tensor
    other_index: torch.Tensor
    combine: str
    heads: int = 1
    negative_slope: float | None = None
    weight: torch.Tensor | None = None
    index_dtype: str = "int64"

    @property
    def op(self):
        return "gather_dot"

    @property
    def axis(self):
        return self.index.dim() - 1

    @property
    def slope(self):
        return 0.2 if self.negative_slope is None else self.negative_slope

    @property
    def out_shape(self):
        return [*self.src.shape[: self.axis], self.index.shape[-1], self.heads]


# src's shape, the leading axes of both indices, the number of heads.
LAYOUTS = (
    ([6], [], [], 1),
    ([6, 4], [], [], 1),
    ([6, 4], [], [], 2),
    ([6, 4], [], [], 4),
    ([5, 2, 3], [], [], 2),
    ([2, 5], [2], [1], 1),
    ([2, 5, 6], [1], [2], 3),
    ([3, 4, 2, 2], [1], [1], 4),
    ([2, 3, 4, 5], [2, 1], [1, 3], 1),
    ([2, 1, 2, 4, 2], [1, 1, 2], [2, 1, 1], 2),
)

# The columns and heads of the longer ones: heads of one column, of packs that are not full, of more packs than a warp
# has lanes.
WIDTHS = ((64, 64), (64, 8), (33, 1), (45, 3), (260, 2))

# src's shape, the other's rows, the number of pairs, heads.
EMPTIES = (
    ([3, 2], 4, 0, 2),
    ([0, 2], 3, 0, 1),
    ([3, 2], 0, 0, 1),
    ([3, 0], 2, 4, 3),
    ([0, 3, 2], 2, 2, 1),
    ([2, 3, 0], 1, 2, 1),
)

WEIGHTS = (None, "same", "float32")


def pairs():
    turn = itertools.cycle(itertools.product(("mul", "add"), WEIGHTS, INDEX_DTYPES))
    for dtype, layout in itertools.product(FLOATS, LAYOUTS):
        yield laid(dtype, layout, *next(turn))
    for dtype, (columns, heads) in itertools.product(FLOATS, WIDTHS):
        yield laid(dtype, ([9, columns], [], [], heads), *next(turn), length=40)
    for dtype, what in itertools.product(FLOATS, SPECIAL):
        yield special(dtype, what, *SPECIAL[what])
    for dtype in SIXTEEN_BITS:
        yield from rounded(dtype)
    for (shape, others, length, heads), dtype in zip(EMPTIES, itertools.cycle(FLOATS)):
        yield empty(dtype, shape, others, length, heads)


def laid(dtype, layout, combine, weights, index_dtype, length=7):
    shape, of_index, of_other, heads = layout
    # Weights of float32 are for 16-bit floats.
    weights = weights if weights is None or dtype in SIXTEEN_BITS else "same"
    name = f"gather_dot {combine} {dtype}: src {shape_text(shape)}, index {shape_text([*of_index, 'E'])}, "
    name += f"other_index {shape_text([*of_other, 'E'])}, {heads} heads"
    name += "" if weights is None else f", weight {'' if weights == 'same' else weights}".rstrip()
    rng = random.Random(name)
    axis = len(of_index)
    other = [*shape[:axis], rng.randint(2, 5), *shape[axis + 1 :]]
    columns = math.prod(shape[axis + 1 :])
    return Pairs(
        name,
        dtype,
        src=draw_values(rng, shape, dtype),
        index=draw_index(rng, [*of_index, length], shape[axis]),
        other=draw_values(rng, other, dtype),
        other_index=draw_index(rng, [*of_other, length], other[axis]),
        combine=combine,
        heads=heads,
        # Powers of two, by which every product is exact.
        negative_slope=rng.choice([0.25, 0.5, 1, 0, -2]) if combine == "add" else None,
        weight=None if weights is None else draw_values(rng, [columns], dtype if weights == "same" else "float32"),
        index_dtype=index_dtype,
    )


# What it shows: the row of src, the row of the other, and how they are combined.
SPECIAL = {
    "a NaN": ([NAN, 1], [1, 1], "mul"),
    "an infinity": ([INF, 1], [2, 3], "mul"),
    "an infinity times 0": ([INF, 1], [0, 1], "mul"),
    "infinities of both signs": ([INF, -INF], [1, 1], "mul"),
    "the sum of infinities of both signs": ([INF, 1], [-INF, 1], "add"),
    "minus infinity": ([-INF, 1], [1, 1], "add"),
    "a NaN in a sum": ([NAN, 1], [1, 1], "add"),
    "products that cancel": ([3, -3], [2, 2], "mul"),
    "zeros of both signs": ([-0.0, -0.0], [1, 2], "mul"),
    "sums of 0": ([-0.0, 2], [-0.0, -2], "add"),
    "the largest numbers": (["highest", "lowest"], [1, 0], "mul"),
    "a product beyond the type": (["highest", 0], [2, 0], "mul"),
}


def special(dtype, what, row, other, combine):
    """The pair between two others, so that what spoils its score is seen to stay in it."""
    lowest, highest = extremes(dtype)
    ends = {"lowest": lowest, "highest": highest}
    row = [ends.get(value, value) for value in row]
    return Pairs(
        f"gather_dot {combine} {dtype}: {what}",
        dtype,
        src=tensor([1, 2, *row, -1, 3], dtype, [3, 2]),
        index=indices([0, 1, 2]),
        other=tensor([2, 2, *other, 1, -4], dtype, [3, 2]),
        other_index=indices([0, 1, 2]),
        combine=combine,
        negative_slope=0.5 if combine == "add" else None,
    )


def rounded(dtype):
    """16-bit scores whose products and sums need more bits: they are rounded once."""
    step = torch.finfo(tensor([0], dtype).dtype).eps
    for what, row, other, combine in (
        ("products", [1 + step, 1 + step], [1 + step, -1], "mul"),
        ("sums", [1, step / 2, step / 4], [1, 1, 1], "mul"),
        ("sums of pairs", [1, 1], [step / 2, step / 2], "add"),
    ):
        yield Pairs(
            f"gather_dot {combine} {dtype}: {what} between two numbers of the type",
            dtype,
            src=tensor(row, dtype, [1, len(row)]),
            index=indices([0]),
            other=tensor(other, dtype, [1, len(row)]),
            other_index=indices([0]),
            combine=combine,
        )


def empty(dtype, shape, others, length, heads):
    name = f"gather_dot mul {dtype}: src {shape_text(shape)}, {others} other rows, {length} pairs, {heads} heads"
    leading = [] if len(shape) == 2 else [1]
    axis = len(leading)
    ones = torch.ones([*shape[:axis], others, *shape[axis + 1 :]])
    return Pairs(
        name,
        dtype,
        src=torch.ones(shape).to(tensor([0], dtype).dtype),
        index=indices([0] * length, [*leading, length]),
        other=ones.to(tensor([0], dtype).dtype),
        other_index=indices([0] * length, [*leading, length]),
        combine="mul",
        heads=heads,
    )


def ruled(case):
    """The scores, one at a time, in float64. Each is rounded once."""
    axis, shape = case.axis, case.out_shape
    leading, length = shape[:axis], shape[axis]
    columns = math.prod(case.src.shape[axis + 1 :])
    width = columns // case.heads
    src, other = (
        values.to(torch.float64).reshape(*values.shape[: axis + 1], columns).numpy()
        for values in (case.src, case.other)
    )
    index, other_index = (each.expand(*leading, length).numpy() for each in (case.index, case.other_index))
    weight = np.ones(columns) if case.weight is None else case.weight.to(torch.float64).numpy()
    out = np.zeros(shape)
    with np.errstate(all="ignore"):
        for place in np.ndindex(*shape):
            *pair, head = place
            lead = tuple(pair[:-1])
            total = 0.0
            for column in range(head * width, (head + 1) * width):
                a = src[(*lead, index[tuple(pair)], column)]
                b = other[(*lead, other_index[tuple(pair)], column)]
                combined = a * b if case.combine == "mul" else a + b
                if case.combine == "add" and not combined > 0:
                    combined = combined * case.slope
                total = total + combined * weight[column]
            out[place] = total
    return torch.tensor(out).to(case.src.dtype).reshape(shape)


def answer(case):
    """torch's: it reads the rows, multiplies them or adds them, and sums them up; 16-bit floats as float32."""
    axis, wide = case.axis, torch.float32 if case.dtype in SIXTEEN_BITS else case.src.dtype
    leading, length = case.out_shape[:axis], case.index.shape[-1]

    def read(values, index):
        flat = values.to(wide).reshape(*values.shape[: axis + 1], -1 if values.numel() else 0)
        if not flat.numel():
            return flat.new_zeros([*leading, length, math.prod(values.shape[axis + 1 :])])
        rows = index.expand(*leading, length).unsqueeze(-1).expand(*leading, length, flat.shape[-1])
        return torch.take_along_dim(flat, rows, axis)

    first, second = read(case.src, case.index), read(case.other, case.other_index)
    combined = first * second if case.combine == "mul" else torch.nn.functional.leaky_relu(first + second, case.slope)
    if case.weight is not None:
        combined = combined * case.weight.to(wide)
    scores = combined.reshape(*leading, length, case.heads, combined.shape[-1] // case.heads).sum(-1)
    return scores.to(case.src.dtype)


def same(given, expected):
    """Bit for bit; NaNs are equal to each other."""
    given, expected = given.to(torch.float64).numpy(), expected.to(torch.float64).numpy()
    alike = (given == expected) & (np.signbit(given) == np.signbit(expected))
    return given.shape == expected.shape and bool((alike | np.isnan(given) & np.isnan(expected)).all())


def line(case, out):
    fields = {
        "name": case.name,
        "op": case.op,
        "dtype": case.dtype,
        "index_dtype": case.index_dtype,
        "weight_dtype": None if case.weight is None or case.weight.dtype == case.src.dtype else "float32",
        "combine": case.combine,
        "heads": case.heads,
        "negative_slope": case.negative_slope,
        "src": tensor_json(case.src),
        "index": tensor_json(case.index),
        "other": tensor_json(case.other),
        "other_index": tensor_json(case.other_index),
        "weight": None if case.weight is None else tensor_json(case.weight),
        "out": tensor_json(out),
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}, separators=(",", ":"))
