"""`convert(target=...)`: each pass on small graphs, by the reference evaluator before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from exporting import attributes, plugin_nodes
from graphs import Feeds, draw, draw_index, model, op_types
from target_models import LAYER, sized, with_constant

from tensorrt_scatter.onnx import check, convert, reference
from tensorrt_scatter.onnx.conversion import Report

INFINITIES = np.array([[1, np.inf], [-np.inf, np.nan], [0, -2]], np.float32)


def converted(
    original: onnx.ModelProto, feeds: Sequence[Feeds], operators: ModuleType, target: str = "8.6", atol: float = 0
) -> tuple[onnx.ModelProto, Report]:
    """Converts a model for a release. Both models must be valid and compute the same."""
    before = original.SerializeToString()
    changed, report = convert(original, target=target)
    assert original.SerializeToString() == before
    onnx.checker.check_model(changed, full_check=True)
    sessions = [reference.evaluator(each, operators) for each in (original, changed)]
    for given in feeds:
        expected, results = (session.run(None, given) for session in sessions)
        for result, wanted in zip(results, expected, strict=True):
            assert result.dtype == wanted.dtype and result.shape == wanted.shape
            np.testing.assert_allclose(result, wanted, rtol=0, atol=atol)
    again, second = convert(changed, target=target)
    assert not second.changes and again == changed
    return changed, report


@pytest.mark.parametrize(
    "attribute",
    [
        "start = 0, end = 1",
        "start = 1",
        "end = -1",
        "start = -2, end = 7",
        "start = 2, end = 1",
        "start = -9, end = -2",
        "start = 5",
    ],
)
def test_shape_with_a_range_becomes_shape_and_slice(attribute: str, operators: ModuleType) -> None:
    original = model(f"g (float[n, 4, m] x) => (int64[k] out) {{ out = Shape <{attribute}> (x) }}")
    changed, report = converted(original, [{"x": draw(1, 3, 4, 2)}, {"x": draw(1, 0, 4, 5)}], operators)
    assert op_types(changed.graph)[-1] == "Slice" and not report.left
    assert not any(attributes(node) for node in changed.graph.node if node.op_type == "Shape")


@pytest.mark.parametrize("attribute", ["start = 0", "start = -3, end = 3", "end = 4"])
def test_a_range_of_all_sizes_is_left_out(attribute: str, operators: ModuleType) -> None:
    original = model(f"g (float[n, 4, m] x) => (int64[3] out) {{ out = Shape <{attribute}> (x) }}")
    changed, _ = converted(original, [{"x": draw(1, 3, 4, 2)}], operators)
    (node,) = changed.graph.node
    assert node.op_type == "Shape" and not node.attribute


def test_shapes_in_subgraphs(operators: ModuleType) -> None:
    original = model("""g (bool which, float[n, 4] x) => (int64[1] out) {
        out = If (which) <then_branch = one () => (int64[1] a) { a = Shape <end = 1> (x) },
                          else_branch = other () => (int64[1] b) { b = Shape <start = 1> (x) }> }""")
    feeds: list[Feeds] = [{"which": np.array(which), "x": draw(1, 3, 4)} for which in (True, False)]
    changed, _ = converted(original, feeds, operators)
    assert op_types(changed.graph).count("Slice") == 2


REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("axes", ["1", "-1, 0", None])
def test_axes_become_attributes(reduction: str, axes: str | None, operators: ModuleType) -> None:
    given = f"axes = Constant <value_ints = [{axes}]> ()" if axes else ""
    original = model(f"""g (float[n, 3, 2] x) => (float[a, b, c] out) {{
        {given} out = Reduce{reduction} ({"x, axes" if axes else "x"}) }}""")
    feeds: list[Feeds] = [{"x": np.abs(draw(seed, seed, 3, 2)) + 1} for seed in (2, 5)]
    changed, report = converted(original, feeds, operators)
    (node,) = changed.graph.node
    assert len(node.input) == 1 and attributes(node) == (
        {"axes": [int(each) for each in axes.split(",")]} if axes else {}
    )
    assert changed.opset_import[0].version == 17 and not report.left


def test_axes_of_a_sum_stay_an_input(operators: ModuleType) -> None:
    original = model("""g (float[n, 3] x) => (float[n] out) {
        axes = Constant <value_ints = [1]> ()  out = ReduceSum <keepdims = 0> (x, axes) }""")
    changed, report = converted(original, [{"x": draw(1, 4, 3)}], operators)
    assert len(changed.graph.node[-1].input) == 2 and not report.left


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("out = ReduceMax (x, given)", "its axes vary"),
        ("out = ReduceMax <noop_with_empty_axes = 1> (x)", "leaves its input as it is"),
        ("a, out = Split <num_outputs = 2> (x)", "the size that it splits is not known"),
        ("inverse = BitwiseNot (given)  out = Identity (x)", "ONNX has BitwiseNot from opset"),
        ("pads = Constant <value_ints = [1, 1]> ()  out = Pad (x, pads, , given)", "input 3 came with a later definition"),
    ],
)  # fmt: skip
def test_the_opset_stays_where_a_node_needs_it(text: str, reason: str) -> None:
    original = model(
        f"g (float[n] x, int64[1] given) => (float[k] out, float[n] mean) {{ {text}  mean = ReduceMean (x) }}"
    )
    changed, report = convert(original, target="8.6")
    assert changed == original
    (kept,) = report.kept
    assert "it needs an opset above 17" in kept.reason and reason in kept.reason
    onnx.checker.check_model(changed, full_check=True)


def test_a_plugin_takes_the_place_of_what_needs_a_newer_opset(operators: ModuleType) -> None:
    original = model("""g (float[n] x, int64[e] index, float[e] src) => (float[n] out) {
        out = ScatterElements <reduction = "max"> (x, index, src) }""")
    feeds: Feeds = {"x": draw(1, 4), "index": draw_index(1, -4, 4, 9), "src": draw(2, 9)}
    changed, _ = converted(original, [feeds], operators)
    assert changed.opset_import[0].version == 17


@pytest.mark.parametrize("size", [6, 7])
def test_split_into_a_number_of_parts(size: int, operators: ModuleType) -> None:
    original = model(f"""g (float[{size}, n] x) => (float[a, n] one, float[b, n] two, float[c, n] three) {{
        one, two, three = Split <axis = 0, num_outputs = 3> (x) }}""")
    changed, report = converted(original, [{"x": draw(1, size, 2)}], operators)
    assert len(changed.graph.node[-1].input) == 2 and not report.left


@pytest.mark.parametrize("said", [1, 3])
def test_a_split_with_another_number_of_outputs_is_not_valid(said: int) -> None:
    original = model(
        f"g (float[5, n] x) => (float[a, n] p, float[b, n] q) {{ p, q = Split <num_outputs = {said}> (x) }}"
    )
    for call in (convert, check):
        with pytest.raises(ValueError, match=f"num_outputs of p is {said}, but it has 2 outputs"):
            call(original)


def test_attributes_that_came_later_are_left_out_where_they_say_nothing(operators: ModuleType) -> None:
    original = model(
        """g (float[n] x) => (int64[n] out) { y = Cast <to = 7, saturate = 1> (x)  out = Identity (y) }""", 20
    )
    changed, _ = converted(original, [{"x": draw(1, 4)}], operators)
    assert attributes(changed.graph.node[0]) == {"to": 7} and changed.opset_import[0].version == 17


@pytest.mark.parametrize("dtype", ["float", "float16"])
@pytest.mark.parametrize("node", ["Gelu (x)", 'Gelu <approximate = "tanh"> (x)', "Mish (x)"])
def test_activations_that_tensorrt_8_does_not_import(node: str, dtype: str, operators: ModuleType) -> None:
    original = model(f"g ({dtype}[n, 3] x) => ({dtype}[n, 3] out) {{ out = {node} }}", 20)
    feeds: Feeds = {"x": (draw(1, 5, 3) * 1.3).astype({"float": np.float32, "float16": np.float16}[dtype])}
    changed, report = converted(original, [feeds], operators, atol=2e-6 if dtype == "float" else 5e-3)
    assert not report.left and changed.opset_import[0].version == 17
    assert convert(original, target="10")[0] == original


@pytest.mark.parametrize(("mode", "kept"), [('mode = "linear",', None), ("", None), ('mode = "cubic",', "bicubic")])
def test_modes_of_grid_sample(mode: str, kept: str | None) -> None:
    """onnx's reference evaluator knows the new names of the modes only, so the old ones are compared by name."""
    original = model(
        f"""g (float[1, 1, 4, 5] x, float[1, 2, 3, 2] grid) => (float[1, 1, 2, 3] out) {{
        out = GridSample <{mode} align_corners = 1> (x, grid) }}""",
        20,
    )
    changed, report = convert(original, target="8.6")
    onnx.checker.check_model(changed, full_check=True)
    assert attributes(changed.graph.node[0]).get("mode") == kept and not report.left
    assert attributes(changed.graph.node[0])["align_corners"] == 1 and changed.opset_import[0].version == 17
    newer, report = convert(original, target="10")
    assert [each.kind.value for each in report.left] == ([] if kept is None else ["misread"])
    assert attributes(newer.graph.node[0]).get("mode") == (None if kept is None else "cubic")


@pytest.mark.parametrize("dilations", ["", "dilations = [1, 1],"])
def test_average_pools(dilations: str, operators: ModuleType) -> None:
    original = model(
        f"""g (float[n, 1, 4, 6] x) => (float[n, 1, 2, 3] out) {{
        out = AveragePool <kernel_shape = [2, 2], {dilations} strides = [2, 2]> (x) }}""",
        19,
    )
    changed, report = converted(original, [{"x": draw(1, 2, 1, 4, 6)}], operators)
    assert changed.opset_import[0].version == 17 and not report.left and not report.kept
    original.graph.node[0].attribute.append(onnx.helper.make_attribute("ceil_mode", 1))
    assert "ceil_mode" in convert(original, target="8.6")[1].kept[0].reason


def test_types_that_came_later_stay() -> None:
    original = model("g (bool[n, 2] x) => (bool[1, 1] out) { out = ReduceMax (x) }", 20)
    _, report = convert(original, target="8.6")
    assert "BOOL came with a later definition" in report.kept[0].reason


@pytest.mark.parametrize(("target", "opset"), [("8.6", 17), ("10", 20), ("11", 24)])
def test_the_opset_of_each_release(target: str, opset: int, operators: ModuleType) -> None:
    # onnx 1.19 knows opset 24.
    newest = min(25, onnx.defs.onnx_opset_version())
    original = model("g (float[n] x) => (float[n] y) { y = Sin (x) }", newest)
    changed, _ = converted(original, [{"x": draw(1, 4)}], operators, target)
    assert changed.opset_import[0].version == min(opset, newest)
    older = model("g (float[n] x) => (float[n] y) { y = Sin (x) }", 13)
    assert convert(older, target=target)[0] == older


@pytest.mark.parametrize("number", ["inf", "-inf"])
@pytest.mark.parametrize("op_type", ["Equal", "GreaterOrEqual", "LessOrEqual"])
@pytest.mark.parametrize("form", ["(x, infinity)", "(infinity, x)"])
@pytest.mark.parametrize("shape", ["[]", "[1]", "[1, 2]"])
def test_comparisons_with_infinity(number: str, op_type: str, form: str, shape: str, operators: ModuleType) -> None:
    sizes = [int(each) for each in shape.strip("[]").split(",") if each]
    text = f"g (float[n, 2] x, float{shape if sizes else ''} infinity) => (bool[n, 2] out) {{ out = {op_type} {form} }}"
    original = with_constant(text, "infinity", np.full(sizes, float(number), np.float32))
    changed, report = converted(original, [{"x": INFINITIES}], operators)
    assert not {"Equal", "GreaterOrEqual", "LessOrEqual"} & set(op_types(changed.graph))
    assert "IsInf" in op_types(changed.graph) and not report.left


def test_comparison_of_float16_with_a_cast_infinity(operators: ModuleType) -> None:
    text = """g (float16[n, 2] x, float wide) => (bool[n, 2] out) {
        infinity = Cast <to = 10> (wide)  out = Equal (x, infinity) }"""
    original = with_constant(text, "wide", np.array(np.inf, np.float32))
    changed, _ = converted(original, [{"x": INFINITIES.astype(np.float16)}], operators)
    assert op_types(changed.graph) == ["Cast", "IsInf"]


def test_an_infinity_that_is_broadcast_stays() -> None:
    text = "g (float[n] x, float[3, 1] infinity) => (bool[3, n] out) { out = Equal (x, infinity) }"
    changed, report = convert(with_constant(text, "infinity", np.full((3, 1), np.inf, np.float32)), target="8.6")
    assert "Equal" in op_types(changed.graph)
    assert "how the infinity is broadcast" in report.kept[0].reason
    assert [each.kind.value for each in report.left] == ["misread"]


def test_comparisons_with_numbers_stay() -> None:
    original = model(
        """g (float[n] x) => (bool[n] out) { one = Constant <value = float {1}> ()  out = Equal (x, one) }""", 17
    )
    assert convert(original, target="8.6")[0] == original


@pytest.mark.parametrize("target", ["8.6", "10"])
def test_scatter_nd_loses_a_reduction_of_none(target: str, operators: ModuleType) -> None:
    original = model(
        """g (float[n] x, int64[k, 1] index, float[k] updates) => (float[n] out) {
        out = ScatterND <reduction = "none"> (x, index, updates) }""",
        17,
    )
    feeds: Feeds = {"x": draw(1, 5), "index": np.array([[1], [3]]), "updates": draw(2, 2)}
    changed, report = converted(original, [feeds], operators, target)
    assert not changed.graph.node[0].attribute and not report.left
    assert convert(original, target="11")[0] == original


def rows(seed: int, n: int, e: int, dtype: Any = np.float32) -> Feeds:
    """Values for groups of which one is empty, one has NaN alone, and one has infinities; and a bad index."""
    src = draw(seed, e, 3).astype(dtype)
    index = draw_index(seed, 0, max(n - 2, 1), e)
    if e > 4 and np.dtype(dtype).kind == "f":
        src[0], src[1, 0], src[2, 1], src[3, :2] = -np.inf, np.nan, np.inf, np.nan
        index[:2], index[3] = 0, n - 2
    if e > 4:
        index[-1] = n + 2
    return {"src": src, "index": index, "like": np.zeros((n, 2), np.float32)}


FEEDS = [(1, 4, 9), (2, 7, 30), (3, 5, 0), (4, 3, 2)]


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("dtype", ["float", "float16", "int32"])
@pytest.mark.parametrize("reduce", ["sum", "mul", "mean", "min", "max"])
def test_a_scatter_starts_from_a_base_of_the_size(reduce: str, dtype: str, operators: ModuleType) -> None:
    numpy_type = {"float": np.float32, "float16": np.float16, "int32": np.int32}[dtype]
    original = sized("TRTS_Scatter", reduce, dtype, "dim = 0, ")
    with operators.unchecked():
        changed, report = converted(original, [rows(*sizes, numpy_type) for sizes in FEEDS], operators)
    nodes = plugin_nodes(changed)
    assert len(nodes) == (2 if reduce in ("min", "max") else 1) and not report.left
    for node in nodes:
        assert len(node.input) == 3 and "dim_size_input" not in attributes(node)
        assert "tensorrt_plugin_shape_input_indices" not in attributes(node)


@pytest.mark.parametrize("reduce", ["sum", "max"])
def test_a_segment_starts_from_a_base_of_the_size(reduce: str, operators: ModuleType) -> None:
    text = f"""g (float[3, e] src, int64[e] index, float[n, 2] like, int64[1] zero) => (float[a, b] out) {{
        count = Shape <end = 1> (like)
        index_of_rows = Unsqueeze (index, zero)
        out{", arg" if reduce == "max" else ""} = tensorrt_scatter.TRTS_SegmentCOO <reduce = "{reduce}",
            dim_size_input = 1, tensorrt_plugin_shape_input_indices = [2]> (src, index_of_rows, count) }}"""
    original = with_constant(text, "zero", np.array([0]))
    feeds = [
        {"src": draw(n, 3, e), "index": np.sort(draw_index(n, 0, n, e)), "like": draw(1, n, 2)}
        for n, e in ((4, 9), (6, 3))
    ]
    changed, report = converted(original, feeds, operators)
    assert not report.left and {node.op_type for node in plugin_nodes(changed)} == {"TRTS_SegmentCOO"}


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("dtype", ["float", "float16"])
def test_a_softmax_is_computed_step_by_step(dtype: str, operators: ModuleType) -> None:
    numpy_type = {"float": np.float32, "float16": np.float16}[dtype]
    original = sized("TRTS_ScatterSoftmax", dtype=dtype, attribute="dim = 0, ")
    with operators.unchecked():
        changed, report = converted(original, [rows(*sizes, numpy_type) for sizes in FEEDS], operators, atol=1e-6)
    assert [node.op_type for node in plugin_nodes(changed)] == ["TRTS_Scatter", "TRTS_GatherCOO"] * 2
    assert not report.left


@pytest.mark.parametrize("used", [False, True])
def test_the_groups_of_a_softmax(used: bool, operators: ModuleType) -> None:
    """Its second output is for TensorRT alone. Where the model uses it, the node stays."""
    original = model(f"""g (float[e, 3] src, int64[e] index, float[n] like) => (float[a, b] out, int64[1] shape) {{
        count = Shape (like)
        out, groups = tensorrt_scatter.TRTS_ScatterSoftmax <dim = 0, dim_size_input = 1,
            tensorrt_plugin_shape_input_indices = [2]> (src, index, count)
        shape = Shape ({"groups" if used else "like"}) }}""")
    feeds: Feeds = {"src": draw(1, 9, 3), "index": draw_index(1, 0, 4, 9), "like": draw(1, 4)}
    changed, report = converted(original, [feeds], operators, atol=1e-6)
    assert bool(report.left) == used == ("TRTS_ScatterSoftmax" in op_types(changed.graph))


def test_a_softmax_along_another_axis(operators: ModuleType) -> None:
    original = model("""g (float[2, e, 3] src, int64[e] index, float[n] like) => (float[a, b, c] out) {
        count = Shape (like)
        out = tensorrt_scatter.TRTS_ScatterSoftmax <dim = 1, dim_size_input = 1,
            tensorrt_plugin_shape_input_indices = [2]> (src, index, count) }""")
    feeds = [
        {"src": draw(n, 2, e, 3), "index": draw_index(n, 0, n, e), "like": draw(1, n)} for n, e in ((4, 9), (6, 3))
    ]
    converted(original, feeds, operators, atol=1e-6)


@pytest.mark.parametrize("count", ["Constant <value_ints = [5]> ()", "Shape <start = -2, end = -1> (like)"])
def test_a_size_that_does_not_vary_becomes_an_attribute(count: str, operators: ModuleType) -> None:
    original = model(f"""g (float[e, 3] src, int64[e] index, float[5, k] like) => (float[a, b] out) {{
        count = {count}
        out = tensorrt_scatter.TRTS_ScatterStd <dim = 0, dim_size_input = 1,
            tensorrt_plugin_shape_input_indices = [2]> (src, index, count) }}""")
    feeds: Feeds = {"src": draw(1, 9, 3), "index": draw_index(1, 0, 5, 9), "like": draw(1, 5, 2)}
    changed, report = converted(original, [feeds], operators)
    (node,) = changed.graph.node
    assert attributes(node)["dim_size"] == 5 and len(node.input) == 2 and not report.left


@pytest.mark.parametrize("size", ["scalar", "narrow"])
def test_sizes_of_other_shapes_and_types(size: str, operators: ModuleType) -> None:
    original = model(f"""g (float[e, 3] src, int64[e] index, float[n, 2] like) => (float[a, b] out) {{
        count = Shape <end = 1> (like)  narrow = Cast <to = 6> (count)
        none = Constant <value = int64[0] {{}}> ()  scalar = Reshape (narrow, none)
        out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1,
            tensorrt_plugin_shape_input_indices = [2]> (src, index, {size}) }}""")
    _, report = converted(original, [{**rows(7, 4, 4), "index": draw_index(1, 0, 4, 4)}], operators)
    assert not report.left


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ("out, arg = tensorrt_scatter.TRTS_Scatter <dim = 0, reduce = \"max\", {size} [2]> (src, index, count)"
         "  used = Cast <to = 1> (arg)", "its positions are used"),
        ("out = tensorrt_scatter.TRTS_ScatterStd <dim = 0, {size} [2]> (src, index, count)  used = Identity (out)",
         "the plugin has no base"),
        ("out = tensorrt_scatter.TRTS_GatherScatter <{size} [3]> (src, index, index, count)  used = Identity (out)",
         "the plugin has no base"),
        ("out = tensorrt_scatter.TRTS_ScatterSoftmax <dim = 0, {size} [2]> (src, wide, count)  used = Identity (out)",
         "its index has axes behind"),
    ],
)  # fmt: skip
def test_nodes_that_have_no_equal_stay(node: str, reason: str) -> None:
    text = node.replace("{size}", "dim_size_input = 1, tensorrt_plugin_shape_input_indices =")
    original = model(
        f"""g (float[e, 3] src, int64[e] index, int64[1] count, int64[e, 3] wide)
            => (float[a, b] out, float[c, d] used)
        {{ {text} }}""",
        17,
    )
    changed, report = convert(original, target="8.6")
    assert changed == original
    assert reason in report.kept[0].reason and "TensorRT 8.6 takes no size as an input" in report.kept[0].reason
    assert [each.kind.value for each in report.left] == ["refused"]
    assert convert(original, target="10")[1].left == []


def test_no_fusion_needs_a_size_as_an_input(operators: ModuleType) -> None:
    feeds = [
        {"x": draw(n, n, 3), "edges": draw_index(n, 0, n, 2, e), "weight": draw(e, e, 1)} for n, e in ((4, 9), (6, 3))
    ]
    changed, report = converted(model(LAYER), feeds, operators)
    assert [node.op_type for node in plugin_nodes(changed)] == ["TRTS_Scatter"] and not report.left
    assert "TensorRT 8.6 takes no size as an input" in report.unfused[0].reason
    newer, _ = converted(model(LAYER), feeds, operators, "10", atol=1e-5)
    assert [node.op_type for node in plugin_nodes(newer)] == ["TRTS_GatherScatter"]
    fixed, _ = convert(model(LAYER.replace("[n, 3]", "[5, 3]")), target="8.6")
    assert [node.op_type for node in plugin_nodes(fixed)] == ["TRTS_GatherScatter"]


def test_the_other_name_of_onnxs_domain() -> None:
    original = sized("TRTS_Scatter", "max", attribute="dim = 0, ")
    expected, _ = convert(original, target="8.6")
    original.opset_import[0].domain = original.graph.node[0].domain = "ai.onnx"
    changed, report = convert(original, target="8.6")
    assert not report.left and changed.graph == expected.graph
    assert {each.domain: each.version for each in changed.opset_import} == {"": 17, "tensorrt_scatter": 1}


def test_nothing_changes_without_a_target() -> None:
    original = sized("TRTS_Scatter", "sum", attribute="dim = 0, ")
    assert convert(original)[0] == original


@pytest.mark.parametrize("call", [lambda each: convert(each, target="9"), lambda each: check(each, "9")])
def test_an_unknown_target_is_refused(call: Callable[[onnx.ModelProto], Any]) -> None:
    with pytest.raises(ValueError, match=r"target is '9': expected one of '8.6', '10', '11'"):
        call(model(LAYER))


def test_the_domain_of_a_node_stays(operators: ModuleType) -> None:
    original = sized("TRTS_Scatter", "max", attribute="dim = 0, ")
    original, _ = convert(original, domain="trt.plugins")
    changed, _ = converted(original, [{**rows(7, 4, 4), "index": draw_index(1, 0, 4, 4)}], operators)
    assert {node.domain for node in plugin_nodes(changed)} == {"trt.plugins"}
