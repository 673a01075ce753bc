"""gather_dot: scores of pairs of rows that two indices name. torch_scatter has none."""

from __future__ import annotations

from typing import Any, TypeVar

from ._call import called
from ._declarations import GATHER_DOT

__all__ = ["gather_dot"]

A = TypeVar("A")


def gather_dot(
    src: A,
    index: Any,
    other: A,
    other_index: Any,
    weight: Any = None,
    out: A | None = None,
    *,
    combine: str = "mul",
    heads: int = 1,
    negative_slope: float = 0.2,
) -> A:
    """The scores of pairs of rows, ``src[.., index[.., e], ..]`` and ``other[.., other_index[.., e], ..]``.

    The K values of a row are H heads of K / H neighbouring columns. ``result[.., e, h]`` is the sum, over the columns c
    of head h, of ``weight[c] * f(src[.., index[.., e], c], other[.., other_index[.., e], c])``. The rows that are read
    are not stored, and 16-bit floats are computed with as float32 and rounded once. It is what a graph attention layer
    computes for each edge: the dot products of PyG's TransformerConv, and the scores of its GATv2Conv.

    Args:
        src: float32, float16, bfloat16 or float64 of shape [.., R, ..]; rank 1 to 8.
        index: int32 or int64 of shape [.., E], its leading axes 1 or src's, values in [0, R) in any order.
        other: of src's type and shape, with S in place of R.
        other_index: of index's type and rank, [.., E], its leading axes 1 or src's, values in [0, S).
        weight: of shape [K]; of src's type, or float32 where src is float16 or bfloat16. None multiplies by nothing.
        out: the result goes to it. Every element is overwritten.
        combine: "mul": f is the product. "add": f is the leaky ReLU of the sum.
        heads: H, a divisor of K.
        negative_slope: what the leaky ReLU multiplies sums below 0 with. 1.0 leaves them as they are.

    Returns:
        src's axes before that of R, then E and H; ``out`` itself if it was given.

    Raises:
        ValueError: a shape, a type or an option does not fit.
        BadIndexError: an element of index is outside [0, R), or one of other_index is outside [0, S). The error has its
            position and value. Inside ``with unchecked():`` such a pair has score 0.
    """
    inputs = {"src": src, "index": index, "other": other, "other_index": other_index, "weight": weight}
    result: A = called(GATHER_DOT, inputs, out, combine=combine, heads=heads, negative_slope=negative_slope)
    return result
