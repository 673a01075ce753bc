"""Means: a sum of each group over the number of its elements becomes one node."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import onnx
import pytest
from checking import check
from exporting import attributes, plugin_nodes
from graphs import Feeds, draw, draw_index, model, op_types

MEAN = """g (float[{n}, 3] like, float[e, 3] src, int64[e] index, float[e] weights) => (float[{n}, 3] out{more}) {{
    two = Constant <value_float = 2.0> ()  reversed = Abs (index)
    last = Constant <value_ints = [1]> ()  column = Unsqueeze (index, last)  shape = Shape (src)
    at = Expand (column, shape)  sizes = Shape (like)  zeros = ConstantOfShape (sizes)
    total = ScatterElements <reduction = "{reduction}"> (zeros, at, src)
    groups = Shape <end = 1> (like)  none = ConstantOfShape (groups)  elements = Shape <end = 1> (src)
    one = Constant <value_float = 1.0> ()  ones = Expand (one, elements)
    count = ScatterElements <reduction = "add"> (none, {counted}, {of})
    bound = {bound}
    {divisor}
    out = Div (total, divisor) }}"""
DIVISOR = "column2 = Unsqueeze (bound, last)  divisor = Expand (column2, sizes)"


def graph(
    n: str = "n",
    counted: str = "index",
    of: str = "ones",
    bound: str = "Max (count, one)",
    divisor: str = DIVISOR,
    reduction: str = "add",
    more: str = "",
) -> onnx.ModelProto:
    text = MEAN.format(n=n, counted=counted, of=of, bound=bound, divisor=divisor, reduction=reduction, more=more)
    return model(text)


def feeds(e: int) -> Feeds:
    # A mean of two or four elements is exact.
    index = np.array([0, 2, 2, 0, -1, -1, -1, -1])[:e]
    return {"like": draw(1, 4, 3), "src": draw(2, e, 3), "index": index, "weights": draw(3, e)}


@pytest.mark.parametrize("n", ["n", "4"])
@pytest.mark.parametrize("bound", ["Max (count, one)", "Max (one, count)", "Clip (count, one)"])
@pytest.mark.parametrize("divisor", [DIVISOR, "divisor = Unsqueeze (bound, last)"])
def test_a_mean_is_one_node(n: str, bound: str, divisor: str, operators: ModuleType) -> None:
    for e in (8, 4, 0):
        converted = check(graph(n, bound=bound, divisor=divisor), feeds(e), operators)
    (node,) = plugin_nodes(converted)
    assert attributes(node)["reduce"] == "mean" and "Div" not in op_types(converted.graph)


@pytest.mark.parametrize(
    "other",
    [
        {"of": "weights"},
        {"bound": "Max (count, two)"},
        {"bound": "Identity (count)"},
        {"counted": "reversed"},
        {"reduction": "max"},
        {"more": ", float[n, 3] total"},
        {"divisor": "row = Constant <value_ints = [0]> ()  divisor = Unsqueeze (bound, row)", "n": "3"},
    ],
)
def test_what_is_no_mean_stays(other: dict[str, str], operators: ModuleType) -> None:
    n = int(other.get("n", 4))
    # The other index is the same where no element is negative.
    lowest = 0 if other.get("counted") else -n
    given = feeds(8) | {"like": draw(1, n, 3), "index": draw_index(4, lowest, n, 8)}
    with np.errstate(all="ignore"):
        converted = check(graph(**other), given, operators)
    assert "Div" in op_types(converted.graph)
