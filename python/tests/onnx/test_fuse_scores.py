"""Scores of edges that convert fuses to TRTS_GatherDot, and sums that it leaves alone."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import onnx
import pytest
from checking import check
from exporting import attributes, plugin_nodes
from graphs import Feeds, draw, draw_index, model, op_types

from tensorrt_scatter.onnx import convert

INPUTS = "float[n, 4, 3] x, float[m, 4, 3] y, int64[e] i, int64[e] j"
ROWS = "a = Gather <axis = 0> (x, i) b = Gather <axis = 0> (y, j)"


def graph(nodes: str, out: str, inputs: str = INPUTS, rows: str = ROWS) -> onnx.ModelProto:
    return model(f"g ({inputs}) => ({out} out) {{ {rows} {nodes} }}")


def gathered(converted: onnx.ModelProto) -> list[str]:
    """Whose rows a node of ONNX reads."""
    return [node.input[0] for node in converted.graph.node if node.op_type == "Gather" and node.input[0] in ("x", "y")]


def feeds(edges: int = 9, low: int = 0) -> Feeds:
    return {
        "x": draw(1, 5, 4, 3),
        "y": draw(2, 7, 4, 3),
        "i": draw_index(3, -5 if low else 0, 5, edges),
        "j": draw_index(4, -7 if low else 0, 7, edges),
    }


def sum_of(value: str, axes: str, keepdims: int = 0) -> str:
    count = axes.count(",") + 1
    text = f"axes = Constant <value = int64[{count}] {{ {axes} }}> ()"
    return f"{text} out = ReduceSum <keepdims = {keepdims}> ({value}, axes)"


PRODUCT, SUM = "p = Mul (a, b)", "s = Add (b, a) p = LeakyRelu <alpha = 0.5> (s)"
WEIGHT = "w = Constant <value = float[1, 4, 3] { 1, 2, -1, 0, 1, 1, 2, 2, 2, -3, 1, 0 }> ()"


@pytest.mark.parametrize("combined", [PRODUCT, SUM, "p = Add (a, b)"])
@pytest.mark.parametrize(
    ("axes", "keepdims", "out", "heads"),
    [
        ("-1", 0, "float[e, 4]", 4),
        ("2", 1, "float[e, 4, 1]", 4),
        ("1, 2", 0, "float[e]", 1),
        ("-1, -2", 1, "float[e, 1, 1]", 1),
    ],
)
def test_scores_are_fused(combined: str, axes: str, keepdims: int, out: str, heads: int, operators: ModuleType) -> None:
    for edges, low in ((9, 0), (4, -1), (0, 0)):
        converted = check(graph(f"{combined} {sum_of('p', axes, keepdims)}", out), feeds(edges, low), operators)
    (node,) = plugin_nodes(converted)
    assert (node.op_type, len(node.input), attributes(node)["heads"]) == ("TRTS_GatherDot", 4, heads)
    assert attributes(node)["combine"] == ("mul" if combined == PRODUCT else "add")
    if combined != PRODUCT:
        assert attributes(node)["negative_slope"] == (0.5 if "Leaky" in combined else 1)
    assert not {"ReduceSum", "LeakyRelu", "Mul"} & set(op_types(converted.graph)) and not gathered(converted)


@pytest.mark.parametrize("combined", [PRODUCT, SUM])
@pytest.mark.parametrize("order", ["p, w", "w, p"])
def test_factors_of_columns_are_weights(combined: str, order: str, operators: ModuleType) -> None:
    nodes = f"{combined} {WEIGHT} q = Mul ({order}) {sum_of('q', '-1')}"
    converted = check(graph(nodes, "float[e, 4]"), feeds(), operators)
    (node,) = plugin_nodes(converted)
    assert (node.op_type, len(node.input)) == ("TRTS_GatherDot", 5)


def test_several_axes_of_heads(operators: ModuleType) -> None:
    inputs = "float[n, 2, 2, 3] x, float[m, 2, 2, 3] y, int64[e] i, int64[e] j"
    given = feeds()
    given |= {name: given[name].reshape(-1, 2, 2, 3) for name in ("x", "y")}
    converted = check(graph(f"{PRODUCT} {sum_of('p', '3')}", "float[e, 2, 2]", inputs), given, operators)
    assert attributes(plugin_nodes(converted)[0])["heads"] == 4


def test_indices_of_two_types(operators: ModuleType) -> None:
    given = feeds()
    given["j"] = given["j"].astype(np.int32)
    original = graph(f"{PRODUCT} {sum_of('p', '-1')}", "float[e, 4]", INPUTS.replace("int64[e] j", "int32[e] j"))
    assert [node.op_type for node in plugin_nodes(check(original, given, operators))] == ["TRTS_GatherDot"]


def test_16_bit_floats_are_rounded_once(operators: ModuleType) -> None:
    given = {name: array.astype(np.float16) if array.dtype == np.float32 else array for name, array in feeds().items()}
    original = graph(f"{PRODUCT} {sum_of('p', '-1')}", "float16[e, 4]", INPUTS.replace("float[", "float16["))
    check(original, given, operators)
    (change,) = convert(original)[1].changes
    assert change.notes == ("its 16-bit floats are computed with in float32, and rounded once",)


#: Nodes behind the rows a and b that are no scores, or that need what the scores would be computed from.
OTHERS = {
    "the products are used elsewhere": (
        f"{PRODUCT} r = Relu (p) {sum_of('p', '-1')}",
        "float[e, 4]",
        "float[e, 4, 3] r",
    ),
    "a sum over other axes": (f"{PRODUCT} {sum_of('p', '1')}", "float[e, 3]", ""),
    "a sum over the rows too": (f"{PRODUCT} {sum_of('p', '0, 1, 2')}", "float", ""),
    "another operator on the pairs": (f"p = Sub (a, b) {sum_of('p', '-1')}", "float[e, 4]", ""),
    "a product with one row only": (f"p = Mul (a, a) m = Relu (p) {sum_of('m', '-1')}", "float[e, 4]", ""),
    "a factor of each pair": (
        f"{PRODUCT} t = Cast <to = 1> (i) u = Constant <value = int64[2] {{ 1, 2 }}> () w = Unsqueeze (t, u) "
        f"q = Mul (p, w) {sum_of('q', '-1')}",
        "float[e, 4]",
        "",
    ),
    "a factor of each head": (
        "w = Constant <value = float[4, 1] { 1, 2, 3, 4 }> () " + f"{PRODUCT} q = Mul (p, w) {sum_of('q', '-1')}",
        "float[e, 4]",
        "",
    ),
}


@pytest.mark.parametrize("what", list(OTHERS))
def test_other_sums_stay(what: str) -> None:
    nodes, out, more = OTHERS[what]
    original = model(f"g ({INPUTS}) => ({out} out{', ' + more if more else ''}) {{ {ROWS} {nodes} }}")
    converted, report = convert(original)
    assert converted == original and not report.changes


def test_rows_that_something_else_needs_stay_beside_the_scores(operators: ModuleType) -> None:
    original = model(f"g ({INPUTS}) => (float[e, 4] out, float[e, 4, 3] a) {{ {ROWS} {PRODUCT} {sum_of('p', '-1')} }}")
    converted = check(original, feeds(), operators)
    assert [node.op_type for node in plugin_nodes(converted)] == ["TRTS_GatherDot"]
    assert gathered(converted) == ["x"]


def test_sizes_that_are_not_known_are_left_alone() -> None:
    for inputs in (INPUTS.replace("[m, 4, 3]", "[m, h, 3]"), INPUTS.replace("int64[e] j", "int64[k] j")):
        original = graph(f"{PRODUCT} {sum_of('p', '-1')}", "float[e, 4]", inputs)
        assert not convert(original)[1].changes
    original = graph(f"{PRODUCT} {sum_of('p', '-1')}", "double[e, 4]", INPUTS.replace("float[", "double["))
    assert not convert(original)[1].changes


def test_fuse_false_leaves_scores_alone() -> None:
    original = graph(f"{PRODUCT} {sum_of('p', '-1')}", "float[e, 4]")
    assert not convert(original, fuse=False)[1].changes
