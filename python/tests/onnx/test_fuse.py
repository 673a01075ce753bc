"""Gathers, products with weights and scatters that convert fuses, and those that it does not."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from checking import check
from exporting import attributes, makers, plugin_nodes
from graph_layers import Layer
from graphs import Feeds, model, op_types

from tensorrt_scatter.onnx import convert, reference
from tensorrt_scatter.onnx.conversion import softmax

ALONE = ["TRTS_GatherScatter"]
SHARED = ["TRTS_GroupIndex", "TRTS_GatherSegmentCSR", "TRTS_GatherSegmentCSR"]
SCATTER = ["TRTS_Scatter"]


def plugins(converted: onnx.ModelProto) -> list[str]:
    """The op types of the plugins' nodes."""
    return [node.op_type for node in plugin_nodes(converted)]


def rows_are_gathered(converted: onnx.ModelProto) -> bool:
    """Whether a node of ONNX reads rows of x."""
    return any(node.op_type.startswith("Gather") and node.input[0] == "x" for node in converted.graph.node)


def reasons(original: onnx.ModelProto) -> list[str]:
    return [each.reason for each in convert(original)[1].unfused]


# The weights' sizes for rows [e, 4, 2].
WEIGHTS: dict[str, list[Any] | None] = {
    "none": None,
    "one": ["e", 1, 1],
    "heads": ["e", 4, 1],
    "columns": ["e", 4, 2],
}


@pytest.mark.parametrize("reduction", ["add", "min", "max"])
@pytest.mark.parametrize("weight", list(WEIGHTS))
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_messages_are_fused(reduction: str, weight: str, index: str, operators: ModuleType) -> None:
    layer = Layer(x=["n", 4, 2], weight=WEIGHTS[weight], reduction=reduction, index=index)
    for n, e in ((5, 17), (9, 4), (3, 0)):
        converted = check(layer.model(), layer.feeds(n, n, e), operators)
    assert plugins(converted) == ALONE and not rows_are_gathered(converted)
    assert "Mul" not in op_types(converted.graph) and "Expand" not in op_types(converted.graph)
    node = plugin_nodes(converted)[0]
    given = {"none": 4, "one": 5, "heads": 5, "columns": 5}[weight]
    assert len(node.input) == given
    assert attributes(node)["reduce"] == {"add": "sum"}.get(reduction, reduction)
    assert attributes(node)["dim_size_input"] == 1
    assert attributes(node)["tensorrt_plugin_shape_input_indices"] == [given - 1]


@pytest.mark.parametrize("reduction", ["add", "max"])
def test_a_number_of_groups_that_does_not_vary_is_an_attribute(reduction: str, operators: ModuleType) -> None:
    layer = Layer(x=[6, 3], elements=11, weight=[11, 1], reduction=reduction)
    converted = check(layer.model(), layer.feeds(1, 6, 11), operators)
    (node,) = plugin_nodes(converted)
    assert node.op_type == ALONE[0] and len(node.input) == 4
    assert attributes(node)["dim_size"] == 6 and attributes(node)["dim_size_input"] == 0


@pytest.mark.parametrize(
    ("x", "weight"),
    [
        (["n"], None),
        (["n"], ["e"]),
        (["n", 1], ["e", 1]),
        (["n", 3], ["e", 1]),
        (["n", 3], ["e", 3]),
        (["n", 2, 1, 3], ["e", 2, 1, 1]),
        (["n", 2, 3, 2], ["e", 2, 3, 1]),
        (["n", 2, 3, 2], ["e", 2, 1, 1]),
    ],
)
@pytest.mark.parametrize("weight_first", [True, False])
def test_ranks_and_columns(x: list[Any], weight: list[Any] | None, weight_first: bool, operators: ModuleType) -> None:
    layer = Layer(x=x, weight=weight, weight_first=weight_first)
    for n, e in ((4, 13), (2, 0)):
        converted = check(layer.model(), layer.feeds(n, n, e), operators)
    assert plugins(converted) == ALONE and not rows_are_gathered(converted)


@pytest.mark.parametrize("x", [[2, "n", 3], [2, "n"], ["b", "n", 2, 3]])
@pytest.mark.parametrize("weighted", [True, False])
def test_axes_before_the_rows(x: list[Any], weighted: bool, operators: ModuleType) -> None:
    axis = x.index("n")
    weight = ["e" if place == axis else size if place < axis else 1 for place, size in enumerate(x)]
    layer = Layer(x=x, axis=axis, weight=weight if weighted else None, reduction="max")
    feeds = Layer(x=[2 if size == "b" else size for size in x], axis=axis).feeds(1, 4, 9)
    if weighted:
        feeds["weight"] = np.arange(18, dtype=np.float32).reshape([{"e": 9, "b": 2}.get(size, size) for size in weight])
    converted = check(layer.model(), feeds, operators)
    assert plugins(converted) == ALONE and not rows_are_gathered(converted)


def test_weights_without_the_leading_axes(operators: ModuleType) -> None:
    layer = Layer(x=[2, "n", 3], axis=1, weight=["e", 1])
    assert plugins(check(layer.model(), layer.feeds(1, 4, 9), operators)) == ALONE


@pytest.mark.parametrize("opset", [16, 18, 20])
def test_opsets(opset: int, operators: ModuleType) -> None:
    layer = Layer(x=["n", 4, 2], weight=["e", 4, 1])
    assert plugins(check(layer.model(opset), layer.feeds(1, 4, 9), operators)) == ALONE


def test_indices_that_may_be_negative_are_wrapped_once_each(operators: ModuleType) -> None:
    layer = Layer()
    assert op_types(check(layer.model(), layer.feeds(1, 5, 9), operators).graph).count("Where") == 2
    kept, _ = convert(layer.model(), wrap_negative_indices=False)
    assert "Where" not in op_types(kept.graph)
    feeds = layer.feeds(1, 5, 9, lowest=0)
    results = [reference.evaluator(each, operators).run(None, feeds)[0] for each in (layer.model(), kept)]
    np.testing.assert_array_equal(*results)


def test_fusion_can_be_left_out(operators: ModuleType) -> None:
    layer = Layer(weight=["e", 1])
    converted, report = convert(layer.model(), fuse=False)
    assert plugins(converted) == SCATTER and not report.unfused
    assert plugins(check(converted, layer.feeds(1, 5, 9), operators)) == ALONE


def test_scatter_nd_and_gather_nd(operators: ModuleType) -> None:
    original = model("""g (float[n, 3] x, int64[e] source, int64[e] destination) => (float[n, 3] out) {
        last = Constant <value_ints = [-1]> ()
        places = Unsqueeze (source, last)
        rows = GatherND (x, places)
        size = Shape (x)
        base = ConstantOfShape (size)
        at = Unsqueeze (destination, last)
        out = ScatterND <reduction = "add"> (base, at, rows) }""")
    layer = Layer()
    edges = layer.feeds(3, 5, 12)
    feeds: Feeds = {"x": edges["x"], "source": edges["edges"][0], "destination": edges["edges"][1]}
    converted = check(original, feeds, operators)
    assert plugins(converted) == ALONE and not rows_are_gathered(converted)


PLUGIN_LAYER = """g (float[6, 3] x, int64[e] source, int64[e] destination, float[e, 1] weight, int64[1] count)
    => (float[k, 3] out) {{
    rows = Gather (x, source)
    messages = Mul (rows, weight)
    {nodes} }}"""


@pytest.mark.parametrize(
    ("nodes", "fused"),
    [
        ('out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 5, reduce = "mean"> (messages, destination)', True),
        ('out = tensorrt_scatter.TRTS_Scatter <dim = -2, dim_size = 5, reduce = "sum"> (messages, destination)', True),
        (
            """out, arg_out = tensorrt_scatter.TRTS_Scatter
                <dim = 0, dim_size_input = 1, tensorrt_plugin_shape_input_indices = [2], reduce = "max">
                (messages, destination, count)""",
            True,
        ),
        (
            """size = Constant <value_ints = [5, 3]> ()  base = ConstantOfShape (size)
            out = tensorrt_scatter.TRTS_Scatter <dim = 0, reduce = "mean"> (messages, destination, base)""",
            True,
        ),
        ('out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 5, reduce = "mul"> (messages, destination)', False),
        (
            """size = Constant <value_ints = [5, 3]> ()  base = ConstantOfShape (size)
            out, arg_out = tensorrt_scatter.TRTS_Scatter <dim = 0, reduce = "max"> (messages, destination, base)""",
            False,
        ),
    ],
)
def test_scatters_that_are_plugins_already(nodes: str, fused: bool, operators: ModuleType) -> None:
    original = model(PLUGIN_LAYER.format(nodes=nodes))
    layer = Layer(weight=["e", 1])
    edges = layer.feeds(1, 5, 12, lowest=0)
    feeds: Feeds = {
        "x": np.concatenate([edges["x"], edges["x"][:1]]),
        "source": edges["edges"][0],
        "destination": edges["edges"][1],
        "weight": edges["weight"],
        "count": np.array([5]),
    }
    assert plugins(check(original, feeds, operators, atol=1e-6)) == (ALONE if fused else SCATTER)


def test_positions_that_are_used_keep_a_scatter(operators: ModuleType) -> None:
    text = PLUGIN_LAYER.format(
        nodes="""out, arg_out = tensorrt_scatter.TRTS_Scatter
            <dim = 0, dim_size = 5, reduce = "max", arg_type = "int32"> (messages, destination)"""
    ).replace("(float[k, 3] out)", "(float[k, 3] out, int32[k, 3] arg_out)")
    assert reasons(model(text)) == ["its positions are used"]


TWO_LAYERS = """g (float[n, 4] x, int64[2, e] edges, float[e] weight) => (float[n, 4] out) {{
    first = Constant <value_int = 0> ()  second = Constant <value_int = 1> ()  behind = Constant <value_ints = [1]> ()
    size = Shape (x)  base = ConstantOfShape (size)
    s1 = Gather (edges, first)  d1 = Gather (edges, second)
    s2 = Gather (edges, {first})  d2 = Gather (edges, {second})
    w1 = Unsqueeze (weight, behind)  w2 = Unsqueeze (weight, behind)
    r1 = Gather (x, s1)  m1 = Mul (r1, w1)
    sh1 = Shape (m1)  c1 = Unsqueeze (d1, behind)  a1 = Expand (c1, sh1)
    y = ScatterElements <reduction = "add"> (base, a1, m1)
    r2 = Gather (y, s2)  m2 = Mul (w2, r2)
    sh2 = Shape (m2)  c2 = Unsqueeze (d2, behind)  a2 = Expand (c2, sh2)
    out = ScatterElements <reduction = "{reduction}"> (base, a2, m2) }}"""


@pytest.mark.parametrize(("first", "second"), [("first", "second"), ("zero", "one")])
def test_layers_with_the_same_destinations_share_their_order(first: str, second: str, operators: ModuleType) -> None:
    text = TWO_LAYERS.format(first=first, second=second, reduction="add")
    text = text.replace(
        "size = Shape", "zero = Constant <value_int = 0> ()  one = Constant <value_int = 1> ()\nsize = Shape"
    )
    layer = Layer(x=["n", 4], weight=["e"])
    for n, e in ((5, 17), (3, 0)):
        converted = check(model(text), layer.feeds(n, n, e), operators)
    assert plugins(converted) == SHARED
    # The index and the weights are put into the order of the groups once.
    by_order = [node for node in converted.graph.node if node.op_type == "Gather" and "GroupIndex" in node.input[1]]
    by_order = by_order or [node for node in converted.graph.node if node.input[1:] and "perm" in node.input[1]]
    assert len(by_order) == 2
    assert op_types(converted.graph).count("Where") == 2


def test_layers_with_other_destinations_do_not_share(operators: ModuleType) -> None:
    text = TWO_LAYERS.format(first="second", second="first", reduction="add")
    layer = Layer(x=["n", 4], weight=["e"])
    assert plugins(check(model(text), layer.feeds(1, 5, 9), operators)) == ALONE * 2


def test_random_nodes_are_never_equal(operators: ModuleType) -> None:
    text = TWO_LAYERS.format(first="first", second="second", reduction="add")
    for destination in ("d1", "d2"):
        text = text.replace(
            f"{destination} = Gather (edges, second)",
            f"f{destination} = RandomUniformLike <dtype = 1, high = 3.0> (weight)"
            f"  {destination} = Cast <to = 7> (f{destination})",
        )
    assert plugins(convert(model(text))[0]) == ALONE * 2


def test_another_number_of_groups_is_not_shared(operators: ModuleType) -> None:
    """The wrapped indices are equal, but not the bounds of the groups."""
    original = model("""g (float[6, 4] x, int64[e] source, int64[e] destination) => (float[5, 4] a, float[6, 4] b) {
        rows = Gather (x, source)
        a = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 5> (rows, destination)
        b = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 6> (rows, destination) }""")
    edges = Layer(x=[6, 4]).feeds(1, 5, 9, lowest=0)
    feeds: Feeds = {"x": edges["x"], "source": edges["edges"][0], "destination": edges["edges"][1]}
    converted = check(original, feeds, operators)
    assert plugins(converted) == ALONE * 2 and not rows_are_gathered(converted)


def test_elements_with_a_bad_destination_are_left_out_in_shared_orders(operators: ModuleType) -> None:
    original = model("""g (float[6, 4] x, int64[e] source, int64[e] destination) => (float[5, 4] a, float[5, 4] b) {
        rows = Gather (x, source)
        a = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 5> (rows, destination)
        b, where = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 5, reduce = "max"> (rows, destination) }""")
    converted, _ = convert(original)
    assert plugins(converted) == SHARED
    feeds: Feeds = {
        "x": np.arange(24, dtype=np.float32).reshape(6, 4),
        "source": np.array([0, 1, 2, 3, 4, 5]),
        "destination": np.array([4, -1, 5, 0, 4, 100]),
    }
    with operators.unchecked():
        results = [reference.evaluator(each, operators).run(None, feeds) for each in (original, converted)]
    for before, after in zip(*results, strict=True):
        np.testing.assert_array_equal(before, after)


def test_weights_as_large_as_the_rows_are_not_put_into_order(operators: ModuleType) -> None:
    text = TWO_LAYERS.format(first="first", second="second", reduction="add")
    text = text.replace("float[e] weight", "float[e, 4] weight").replace(
        "Unsqueeze (weight, behind)", "Identity (weight)"
    )
    layer = Layer(x=["n", 4], weight=["e", 4])
    assert plugins(check(model(text), layer.feeds(1, 5, 9), operators)) == ALONE * 2


def test_rows_that_several_scatters_reduce(operators: ModuleType) -> None:
    original = model("""g (float[n, 4] x, int64[e] source, int64[e] destination, float[e, 1] weight)
            => (float[n, 4] a, float[n, 4] b, float[n, 4] c) {
        rows = Gather (x, source)
        messages = Mul (weight, rows)
        size = Shape (x)  base = ConstantOfShape (size)
        shape = Shape (rows)
        behind = Constant <value_ints = [1]> ()
        column = Unsqueeze (destination, behind)
        at = Expand (column, shape)
        a = ScatterElements <reduction = "add"> (base, at, rows)
        b = ScatterElements <reduction = "add"> (base, at, messages)
        other = Unsqueeze (source, behind)
        from = Expand (other, shape)
        c = ScatterElements <reduction = "add"> (base, from, messages) }""")
    edges = Layer(x=["n", 4], weight=["e", 1]).feeds(1, 5, 9)
    feeds: Feeds = {**edges, "source": edges["edges"][0], "destination": edges["edges"][1]}
    del feeds["edges"]
    converted = check(original, feeds, operators)
    assert plugins(converted) == [*SHARED, *ALONE] and not rows_are_gathered(converted)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Layer(outputs=["float[e, 3] rows"]), "the gathered rows are used elsewhere too"),
        (
            Layer(weight=["e", 1], outputs=["float[e, 3] messages"]),
            "their products with the weights are used elsewhere too",
        ),
        (Layer(base="base = Identity (start_from)", inputs=["float[n, 3] start_from"]), "a base that is not 0"),
        (
            Layer(base="size = Shape (x)  base = ConstantOfShape <value = float[1] {{1}}> (size)"),
            "a base that is not 0",
        ),
        (
            Layer(reduction="max", base="size = Shape (x)  base = ConstantOfShape <value = float[1] {{1}}> (size)"),
            "it starts from a base",
        ),
        (Layer(weight=[3]), "not, or maybe not, one weight for each row"),
        (Layer(weight=[1, 1]), "not, or maybe not, one weight for each row"),
        (Layer(weight=["f", 1]), "a Slice cuts its elements"),
        (Layer(x=["n", 2, 3], weight=["e", 1, 3]), "not from one head of neighbouring columns to the next"),
        (Layer(before_scatter="changed = Relu (messages)", messages="changed"), "Relu computes them"),
    ],
)
def test_what_is_not_fused(layer: Layer, reason: str, operators: ModuleType) -> None:
    original = layer.model()
    (given,) = reasons(original)
    assert reason in given
    assert f"not fused with the gather before it: {given}" in str(convert(original)[1])
    assert "1 not fused" in str(convert(original)[1])
    feeds = layer.feeds(1, 9, 9, lowest=0)
    for value in original.graph.input:
        if value.name not in feeds:
            feeds[value.name] = np.full((9, 3), 2, np.float32)
    converted = check(original, feeds, operators)
    assert "TRTS_GatherScatter" not in plugins(converted) and rows_are_gathered(converted)


def test_rows_that_are_used_elsewhere_still_lose_their_products(operators: ModuleType) -> None:
    layer = Layer(weight=["e", 1], outputs=["float[e, 3] rows"])
    converted = check(layer.model(), layer.feeds(1, 5, 9), operators)
    assert plugins(converted) == ALONE and rows_are_gathered(converted) and "Mul" not in op_types(converted.graph)
    assert "the gathered rows stay beside it" in str(convert(layer.model())[1])


def test_an_index_of_several_columns_is_not_fused(operators: ModuleType) -> None:
    original = model("""g (float[n, 3] x, int64[e] source, int64[e, 3] at) => (float[n, 3] out) {
        rows = Gather (x, source)  size = Shape (x)  base = ConstantOfShape (size)
        out = ScatterElements <reduction = "add"> (base, at, rows) }""")
    assert "more than one number for each row" in reasons(original)[0]
    edges = Layer().feeds(1, 5, 9)
    feeds: Feeds = {"x": edges["x"], "source": edges["edges"][0], "at": np.arange(27).reshape(9, 3) % 5}
    assert plugins(check(original, feeds, operators)) == SCATTER


def test_a_gather_along_another_axis_is_not_fused(operators: ModuleType) -> None:
    original = model("""g (float[e, n] x, int64[3] source, int64[e, 1] column) => (float[4, 3] out) {
        rows = Gather <axis = 1> (x, source)  shape = Shape (rows)  at = Expand (column, shape)
        size = Constant <value_ints = [4, 3]> ()  base = ConstantOfShape (size)
        out = ScatterElements <reduction = "add"> (base, at, rows) }""")
    feeds: Feeds = {
        "x": np.arange(10, dtype=np.float32).reshape(5, 2),
        "source": np.array([0, 1, 1]),
        "column": np.array([[0], [3], [1], [1], [-1]]),
    }
    assert plugins(check(original, feeds, operators)) == SCATTER


def test_a_constant_index_that_was_expanded(operators: ModuleType) -> None:
    """PyTorch's exporter computes the Expand of a constant."""
    destination = np.array([0, 2, 2, -1, 4])
    original = model(
        """g (float[5, 3] x, int64[5] source) => (float[5, 3] out) {
        rows = Gather (x, source)  size = Constant <value_ints = [5, 3]> ()  base = ConstantOfShape (size)
        at = Identity (constant)
        out = ScatterElements <reduction = "add"> (base, at, rows) }""".replace(
            "=> (float[5, 3] out)",
            "=> (float[5, 3] out) <int64[5, 3] constant = {"
            + ", ".join(str(each) for each in np.repeat(destination, 3))
            + "}>",
        )
    )
    feeds: Feeds = {"x": np.arange(15, dtype=np.float32).reshape(5, 3), "source": np.array([4, 1, 0, 0, -2])}
    assert plugins(check(original, feeds, operators)) == ALONE


def test_subgraphs(operators: ModuleType) -> None:
    """A Gather inside is fused; one outside stays, because a Loop would repeat it."""
    for inside in (True, False):
        rows = "rows = Gather (x, source)"
        original = model(f"""g (bool flag, float[n, 3] x, int64[e] source, int64[e, 1] column) => (float[n, 3] out) {{
            {"" if inside else rows}
            out = If (flag) <
                then_branch = a () => (float[n, 3] sums) {{
                    {rows if inside else ""}
                    shape = Shape (rows)  at = Expand (column, shape)  size = Shape (x)  base = ConstantOfShape (size)
                    sums = ScatterElements <reduction = "add"> (base, at, rows) }},
                else_branch = b () => (float[n, 3] else_out) {{ else_out = Identity (x) }}
            > }}""")
        edges = Layer().feeds(1, 5, 9)
        for flag in (True, False):
            feeds: Feeds = {
                "flag": np.array(flag),
                "x": edges["x"],
                "source": edges["edges"][0],
                "column": edges["edges"][1][:, None],
            }
            converted = check(original, feeds, operators)
        assert ("TRTS_GatherScatter" in op_types(converted.graph)) is inside
        assert reasons(original) == ([] if inside else ["its rows are gathered in an outer graph"])


def test_16_bit_floats_are_rounded_once(operators: ModuleType) -> None:
    layer = Layer(x=["n", 3], weight=["e", 1], dtype="float16")
    generator = np.random.default_rng(1)
    feeds = layer.feeds(1, 3, 40)
    feeds["x"], feeds["weight"] = (
        generator.normal(size=feeds[name].shape).astype(np.float16) for name in ("x", "weight")
    )
    converted, report = convert(layer.model())
    assert "rounded once" in str(report)
    wide = {name: value.astype(np.float64) if name != "edges" else value for name, value in feeds.items()}
    exact = np.zeros((3, 3))
    np.add.at(exact, wide["edges"][1], wide["x"][wide["edges"][0]] * wide["weight"])
    before, after = (
        np.abs(reference.evaluator(each, operators).run(None, feeds)[0] - exact).max()
        for each in (convert(layer.model(), fuse=False)[0], converted)
    )
    assert after <= before and after < 4e-3


def test_infinities_of_a_maximum_stay_as_in_pytorch(operators: ModuleType) -> None:
    layer = Layer(x=[3, 1], elements=2, reduction="max")
    feeds: Feeds = {"x": np.array([[-np.inf], [1], [2]], np.float32), "edges": np.array([[0, 1], [0, 1]])}
    converted, report = convert(layer.model())
    assert "keeps them, as in PyTorch" in str(report)
    assert reference.evaluator(converted, operators).run(None, feeds)[0].ravel().tolist() == [-np.inf, 1, 0]


@pytest.mark.parametrize("vary", [True, False])
def test_a_maximum_of_what_is_not_gathered_starts_from_nothing(vary: bool, operators: ModuleType) -> None:
    """One scatter instead of two. A number of groups that varies is an input, which older TensorRT do not take."""
    sizes = "n, 3" if vary else "4, 3"
    original = model(f"""g (float[{sizes}] like, float[e, 3] src, int64[e, 1] column) => (float[{sizes}] out) {{
        shape = Shape (src)  at = Expand (column, shape)  size = Shape (like)  base = ConstantOfShape (size)
        floor = ConstantOfShape <value = float[1] {{-3.4028234663852886e+38}}> (shape)
        start = ScatterElements <reduction = "min"> (base, at, floor)
        out = ScatterElements <reduction = "max"> (start, at, src) }}""")
    feeds: Feeds = {
        "like": np.zeros((4, 3), np.float32),
        "src": -np.arange(15, dtype=np.float32).reshape(5, 3),
        "column": np.array([[0], [2], [2], [0], [-1]]),
    }
    converted = check(original, feeds, operators)
    (node,) = plugin_nodes(converted)
    assert node.op_type == "TRTS_Scatter" and attributes(node).get("dim_size_input", 0) == vary
    assert plugins(convert(original, fuse=False)[0]) == SCATTER * (2 if vary else 1)
    report = str(convert(original)[1])
    assert "is now a part of" in report and ("it needs TensorRT 10" in report) is vary


def test_a_start_that_is_used_elsewhere_stays(operators: ModuleType) -> None:
    layer = Layer(reduction="max", outputs=["float[n, 3] start"])
    converted = check(layer.model(), layer.feeds(1, 5, 9), operators)
    assert plugins(converted) == SCATTER * 2
    # It has the shape of the rows.
    assert reasons(layer.model()) == ["the gathered rows are used elsewhere too"]
    # Where that shape does not vary, it is a constant.
    fixed = Layer(x=[5, 3], elements=9, reduction="max", outputs=["float[5, 3] start"])
    assert plugins(check(fixed.model(), fixed.feeds(1, 5, 9), operators)) == SCATTER + ALONE


def test_long_chains_of_index_nodes_are_compared() -> None:
    """The chains are longer than Python's limit of recursion."""
    links = "\n".join(f"i{n + 1} = Add (i{n}, one)  j{n + 1} = Add (j{n}, one)" for n in range(1500))
    original = model(f"""g (float[9, 3] x, int64[e] i0, int64[e] source) => (float[9, 3] a, float[9, 3] b) {{
        one = Constant <value_int = 1> ()
        j0 = Identity (i0)
        {links}
        rows = Gather (x, source)
        a = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 9> (rows, i1500)
        b = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 9> (rows, j1500) }}""")
    assert plugins(convert(original)[0]) == SHARED


def test_the_report_has_one_line_for_each_node() -> None:
    report = convert(Layer(weight=["e", 1]).model())[1]
    (change,) = report.changes
    assert change.before == "ScatterElements(add)" and change.after == "TRTS_GatherScatter"
    assert "needs TensorRT 10" in str(report) and not report.unfused and not report.kept


@pytest.mark.parametrize("seed", range(60))
def test_random_layers(seed: int, operators: ModuleType) -> None:
    """Fused and unfused models compute the same; which is which does not matter here."""
    random = np.random.default_rng(seed)
    axis = int(random.integers(0, 2))
    behind = [int(size) for size in random.integers(1, 4, random.integers(0, 3))]
    n, e = int(random.integers(1, 7)), int(random.integers(0, 20))
    vary_n, vary_e = random.random() < 0.5, random.random() < 0.5
    x = [*([2] * axis), "n" if vary_n else n, *behind]
    heads = int(random.integers(0, len(behind) + 1))
    weight = [*([2 if random.random() < 0.5 else 1] * axis), "e" if vary_e else e, *behind[:heads]]
    weight += [1] * (len(behind) - heads)
    layer = Layer(
        x=x,
        axis=axis,
        elements="e" if vary_e else e,
        weight=weight if random.random() < 0.7 else None,
        reduction=str(random.choice(["add", "min", "max"])),
        dtype=str(random.choice(["float", "int32"])),
        index=str(random.choice(["int32", "int64"])),
        weight_first=random.random() < 0.5,
    )
    converted = check(layer.model(), layer.feeds(seed, n, e), operators)
    assert plugins(converted) == ALONE
    assert makers(converted, "out") & {"Mul", "Expand"} == set()


ATTENTION = """g (float[n, 4] x, int64[2, e] edges, float[e, 1] scores) => (float[n, 4] out) {{
    first = Constant <value_int = 0> ()  second = Constant <value_int = 1> ()  one = Constant <value_ints = [1]> ()
    small = Constant <value_float = {added}> ()
    source = Gather (edges, first)  destination = Gather (edges, second)
    groups = Shape <start = 0, end = 1> (x)
    highest, place = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "max">
        (scores, destination, groups)
    most = Gather (highest, {of_highest})
    less = Sub (scores, most)
    raised = Exp (less)
    sums = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "sum"> (raised, destination, groups)
    total = Add (sums, small)
    of_each = Gather (total, destination)
    weights = Div (raised, of_each)
    rows = Gather (x, source)  messages = Mul (weights, rows)
    out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, reduce = "sum"> (messages, {of_sum}, groups) }}"""


@pytest.mark.parametrize(
    ("added", "of_highest", "of_sum", "is_softmax"),
    [
        (1e-16, "destination", "destination", True),
        (0.5, "destination", "destination", False),
        (1e-16, "source", "destination", False),
        (1e-16, "destination", "source", False),
    ],
)
def test_weights_that_are_a_softmax(
    added: float, of_highest: str, of_sum: str, is_softmax: bool, operators: ModuleType
) -> None:
    original = model(ATTENTION.format(added=f"{added:.20f}", of_highest=of_highest, of_sum=of_sum))
    layer = Layer(x=["n", 4])
    feeds = layer.feeds(1, 6, 15, lowest=0)
    feeds["scores"] = np.linspace(-2, 2, 15, dtype=np.float32)[:, None]
    converted = plugins(check(original, feeds, operators, atol=1e-5))
    report = convert(original)[1]
    if is_softmax:
        assert converted == ["TRTS_GroupIndex", "TRTS_AttentionCSR"] and not report.unfused
        assert softmax.NOTE in str(report)
        # The softmax's own scatters have become a part of it.
        assert str(report).count("a part of") == 2
    else:
        # Scatters that are not a softmax's may look like messages.
        assert converted == ["TRTS_Scatter", "TRTS_Scatter", *ALONE] and report.unfused


@pytest.mark.parametrize(("source", "destination"), [("int32", "int64"), ("int64", "int32")])
@pytest.mark.parametrize("shared", [True, False])
def test_indices_of_two_types(source: str, destination: str, shared: bool, operators: ModuleType) -> None:
    """The plugin wants one type for both."""
    original = model(f"""g (float[n, 2] x, {source}[e] source, {destination}[e] destination) => (float[n, 2] out) {{
        behind = Constant <value_ints = [1]> ()  size = Shape (x)  base = ConstantOfShape (size)
        column = Unsqueeze (destination, behind)
        first = Gather (x, source)
        shape = Shape (first)  at = Expand (column, shape)
        y = ScatterElements <reduction = "add"> (base, at, first)
        second = Gather (y, {"source" if shared else "destination"})
        other = Unsqueeze ({"destination" if shared else "source"}, behind)
        at2 = Expand (other, shape)
        out = ScatterElements <reduction = "add"> (base, at2, second) }}""")
    for n, e in ((5, 11), (3, 0)):
        edges = Layer(x=["n", 2]).feeds(n, n, e)
        feeds: Feeds = {
            "x": edges["x"],
            "source": edges["edges"][0].astype(source),
            "destination": edges["edges"][1].astype(destination),
        }
        converted = check(original, feeds, operators)
    # The rows of the first layer also tell the shape of the second one's index until its Expand is gone.
    assert plugins(converted) == (SHARED if shared else ALONE * 2)


@pytest.mark.parametrize("seed", range(40))
def test_random_stacks(seed: int, operators: ModuleType) -> None:
    """Several layers over some of the same edges: fused and unfused they compute the same."""
    random = np.random.default_rng(seed)
    columns, count = int(random.integers(1, 4)), int(random.integers(2, 5))
    lines = []
    for layer in range(count):
        source, destination = random.choice(["first", "second"], 2, replace=True)
        weights = str(random.choice(["none", "rows", "columns"]))
        product = {"none": f"m{layer} = Identity (r{layer})"}.get(weights, f"m{layer} = Mul (r{layer}, {weights})")
        before = int(random.integers(0, layer + 1))
        used = f"h{before}" if layer - before < 2 else f"h{layer}"
        reduction = str(random.choice(["add", "max"]))
        floor = f"f{layer} = ConstantOfShape <value = float[1] {{-3.4028234663852886e+38}}> (sh{layer})"
        start = f'b{layer} = ScatterElements <reduction = "min"> (base, a{layer}, f{layer})'
        lines.append(f"""
            s{layer} = Gather (edges, {source})  d{layer} = Gather (edges, {destination})
            r{layer} = Gather ({used}, s{layer})  {product}
            sh{layer} = Shape (m{layer})
            c{layer} = Unsqueeze (d{layer}, behind)  a{layer} = Expand (c{layer}, sh{layer})
            {floor if reduction == "max" else ""}
            {start if reduction == "max" else f"b{layer} = Identity (base)"}
            y{layer} = ScatterElements <reduction = "{reduction}"> (b{layer}, a{layer}, m{layer})
            h{layer + 1} = Clip (y{layer}, low, high)""")
    original = model(f"""g (float[n, {columns}] x, int64[2, e] edges, float[e] w, float[e, {columns}] columns)
            => (float[n, {columns}] out) {{
        first = Constant <value_int = 0> ()  second = Constant <value_int = 1> ()
        behind = Constant <value_ints = [1]> ()
        low = Constant <value_float = -9.0> ()  high = Constant <value_float = 9.0> ()
        size = Shape (x)  base = ConstantOfShape (size)  rows = Unsqueeze (w, behind)  h0 = Identity (x)
        {"".join(lines)}
        out = Identity (h{count}) }}""")
    n, e = int(random.integers(1, 7)), int(random.integers(0, 20))
    feeds = Layer(x=["n", columns]).feeds(seed, n, e)
    feeds["w"] = random.integers(-2, 3, e).astype(np.float32)
    feeds["columns"] = random.integers(-2, 3, (e, columns)).astype(np.float32)
    converted = check(original, feeds, operators)
    assert {"ScatterElements", "TRTS_Scatter", "Mul"} & set(op_types(converted.graph)) == set()


JOINED = """g (float[6, 4] x, int64[e] source, int64[e] destination, float[e, 1] scores) => (float[6, 4] out) {{
    three = Constant <value = int64 {{3}}> ()  none = Constant <value = int64 {{0}}> ()
    is_low = Less (destination, three)  joined = Where (is_low, none, destination)
    highest, place = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 6, reduce = "max"> (scores, {of_softmax})
    most = Gather (highest, {of_softmax})  less = Sub (scores, most)  raised = Exp (less)
    total = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 6, reduce = "sum"> (raised, {of_softmax})
    of_each = Gather (total, {of_softmax})  weights = Div (raised, of_each)
    rows = Gather (x, source)  messages = Mul (weights, rows)
    out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 6, reduce = "sum"> (messages, {of_sum}) }}"""

OF_SEVEN_GROUPS = """g (float[6, 4] x, int64[e] source, int64[e] destination, float[e, 1] scores) => (float[{groups}, 4] out) {{
    one = Constant <value_ints = [1]> ()  six = Constant <value_ints = [6, 1]> ()
    size = Constant <value_ints = [{groups}, 4]> ()  low = Constant <value = float[1] {{-3.4028234663852886e38}}> ()
    zeros = ConstantOfShape (six)  base = ConstantOfShape (size)  column = Unsqueeze (destination, one)
    shape = Shape (scores)  lows = Expand (low, shape)
    start = ScatterElements <axis = 0, reduction = "min"> (zeros, column, lows)
    highest = ScatterElements <axis = 0, reduction = "max"> (start, column, scores)
    most = Gather (highest, destination)  less = Sub (scores, most)  raised = Exp (less)
    total = ScatterElements <axis = 0, reduction = "add"> (zeros, column, raised)
    of_each = Gather (total, destination)  weights = Div (raised, of_each)
    rows = Gather (x, source)  messages = Mul (weights, rows)  wide = Shape (rows)  at = Expand (column, wide)
    out = ScatterElements <axis = 0, reduction = "add"> (base, at, messages) }}"""

SOFTMAXES = {
    "groups joined for the softmax": (JOINED.format(of_softmax="joined", of_sum="destination"), 0, False),
    "groups joined for the sum": (JOINED.format(of_softmax="destination", of_sum="joined"), 0, False),
    "groups joined for both": (JOINED.format(of_softmax="joined", of_sum="joined"), 0, True),
    # -1 is the last group.
    "another last group": (OF_SEVEN_GROUPS.format(groups=7), -1, False),
    "the same last group": (OF_SEVEN_GROUPS.format(groups=6), -1, True),
}


@pytest.mark.parametrize("case", SOFTMAXES)
def test_the_softmax_has_the_groups_of_the_sum(case: str, operators: ModuleType) -> None:
    text, lowest, is_fused = SOFTMAXES[case]
    random = np.random.default_rng(1)
    feeds: Feeds = {
        "x": random.normal(size=(6, 4)).astype(np.float32),
        "source": random.integers(0, 6, 20),
        "destination": random.integers(lowest, 6, 20),
        "scores": random.normal(size=(20, 1)).astype(np.float32),
    }
    converted = check(model(text), feeds, operators, atol=1e-5)
    assert ("TRTS_AttentionCSR" in plugins(converted)) is is_fused


def test_rows_that_another_message_needs_stay_unfused(operators: ModuleType) -> None:
    """The weights of the second sum are computed from the messages of the first one, so these are stored anyway."""
    original = model("""g (float[6, 4] x, int64[e] source, int64[e] destination, float[e, 1] scores) => (float[6, 4] out) {
        behind = Constant <value_ints = [1]> ()  size = Constant <value_ints = [6, 4]> ()  base = ConstantOfShape (size)
        rows = Gather (x, source)  messages = Mul (scores, rows)
        shape = Shape (messages)  column = Unsqueeze (destination, behind)  at = Expand (column, shape)
        first = ScatterElements <reduction = "add"> (base, at, messages)
        weights = ReduceSum (messages, behind)  again = Gather (first, source)  more = Mul (weights, again)
        out = ScatterElements <reduction = "add"> (base, at, more) }""")
    random = np.random.default_rng(2)
    feeds: Feeds = {
        "x": random.normal(size=(6, 4)).astype(np.float32),
        "source": random.integers(0, 6, 20),
        "destination": random.integers(0, 6, 20),
        "scores": random.normal(size=(20, 1)).astype(np.float32),
    }
    assert plugins(check(original, feeds, operators, atol=1e-4)) == ["TRTS_Scatter", *ALONE]
    (unfused,) = convert(original)[1].unfused
    assert "used elsewhere too" in unfused.reason


def test_an_index_that_was_expanded_is_taken_as_it_is(operators: ModuleType) -> None:
    original = model("""g (float[15, 4] x, bool[15] mask, int64[15] groups) => (float[6, 4] out) {
        one = Constant <value_ints = [1]> ()  found = NonZero (mask)  turned = Transpose <perm = [1, 0]> (found)
        index = Squeeze (turned, one)  most = Max (index)  shape = Shape (most)  wide = Expand (index, shape)
        column = Unsqueeze (wide, one)  destination = Gather (groups, index)  rows = GatherND (x, column)
        out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size = 6, reduce = "sum"> (rows, destination) }""")
    random = np.random.default_rng(3)
    feeds: Feeds = {
        "x": random.normal(size=(15, 4)).astype(np.float32),
        "mask": random.random(15) < 0.6,
        "groups": random.integers(0, 6, 15),
    }
    assert plugins(check(original, feeds, operators, atol=1e-5)) == ALONE
