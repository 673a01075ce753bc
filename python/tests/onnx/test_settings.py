"""`ts.deterministic()` and `ts.unchecked()` in exports, and the optional attributes, outputs and sizes of nodes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import cases
import graphs
import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, attributes, export, plugin_nodes, run
from torch import Tensor

import tensorrt_scatter as ts
from tensorrt_scatter._declarations import DETERMINISTIC, OPERATORS, Role
from tensorrt_scatter.onnx import convert, ops, reference

INPUTS = {"src": cases.values(8, 3), "index": cases.indices(8)}


def sums(src: Tensor, index: Tensor) -> Tensor:
    return ops.scatter_sum(src, index, 0, dim_size=cases.GROUPS)


def mixed(src: Tensor, index: Tensor) -> Tensor:
    """The setting of a single call."""
    with ts.deterministic():
        first = ops.scatter(src, index, 0, dim_size=cases.GROUPS, reduce="mean")
    return first + sums(src, index)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_deterministic_calls_become_deterministic_nodes(exporter: str, operators: ModuleType) -> None:
    with ts.deterministic():
        exported = export(exporter, sums, INPUTS, cases.ROWS)
    (node,) = plugin_nodes(exported)
    assert attributes(node)["deterministic"] == 1
    onnx.checker.check_model(exported, full_check=True)
    assert_same(run(exported, INPUTS, operators), sums(*INPUTS.values()))
    (node,) = plugin_nodes(export(exporter, sums, INPUTS, cases.ROWS))
    assert "deterministic" not in attributes(node)
    exported = export(exporter, mixed, INPUTS, cases.ROWS)
    found = {attributes(node)["reduce"]: attributes(node).get("deterministic", 0) for node in plugin_nodes(exported)}
    assert found == {"mean": 1, "sum": 0}


def test_convert_writes_deterministic_nodes_where_that_is_set() -> None:
    original = graphs.model("""g (float[4] data, int64[e] index, float[e] src) => (float[4] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    with ts.deterministic():
        converted, _ = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert attributes(plugin_nodes(converted)[0])["deterministic"] == 1
    assert "deterministic" not in attributes(plugin_nodes(convert(original)[0])[0])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_unchecked_changes_no_node(exporter: str) -> None:
    # A plugin never checks its index. It always leaves bad elements out.
    with ts.unchecked():
        unchecked = export(exporter, sums, INPUTS, cases.ROWS)
    (one,), (other,) = plugin_nodes(unchecked), plugin_nodes(export(exporter, sums, INPUTS, cases.ROWS))
    assert attributes(one) == attributes(other)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_the_checker_takes_every_attribute_and_output(operator: Any) -> None:
    kinds = {int: "1", float: "1.0", str: '"sum"'}
    values = {name: kinds[type(default)] for name, default in operator.defaults().items()}
    values.update({name: value for name, value in {"dim": "0", "arg_type": '"int64"'}.items() if name in values})
    groups = ", groups" if operator.has_groups else ""
    outputs = ", ".join(output.name for output in operator.outputs)
    if operator.has_groups_output:
        outputs += ", known"
    if operator.reductions:
        values["reduce"] = '"max"'
    if operator.has("size"):
        values["size"] = "5"
    text = "<" + ", ".join(f"{name} = {value}" for name, value in values.items()) + ">" if values else ""
    inputs = ", ".join(declared.name for declared in operator.inputs)
    first = operator.outputs[0]
    result = (
        f"{'float' if first.role is Role.VALUES else 'int64'}[{'n, h' if operator.has('heads') else 'n'}] {first.name}"
    )
    # Not among the inputs, where it is an output.
    bounds = "" if "indptr" in outputs else "int64[3] indptr, "
    graph = f"""g (float[5] src, int64[6] index, {bounds}int64[6] destination, float[6] weight, float[6] score,
        float[3] other, int64[6] other_index, int64[1] groups) => ({result}) {{
        {outputs} = tensorrt_scatter.{operator.op_type} {text} ({inputs}{groups}) }}"""
    model = graphs.model(graph)
    onnx.checker.check_model(model, full_check=True)
    nonsense = model.graph.node[0].attribute.add()
    nonsense.CopyFrom(onnx.helper.make_attribute("nonsense", 1))
    with pytest.raises(onnx.checker.ValidationError, match="nonsense"):
        onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("op_type", ["TRTS_ScatterSoftmax", "TRTS_ScatterLogSoftmax"])
def test_a_softmaxs_second_output_is_the_number_of_groups(op_type: str, operators: ModuleType) -> None:
    model = graphs.model(f"""g (float[e] src, int64[e] index, int64[1] count) => (float[e] out, int32[n] groups) {{
        out, groups = tensorrt_scatter.{op_type} <dim = 0, dim_size_input = 1> (src, index, count) }}""")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    assert inferred.graph.output[1].type.tensor_type.elem_type == onnx.TensorProto.INT32
    feeds = {"src": np.array([0, 0, 1], np.float32), "index": np.array([0, 0, 1]), "count": np.array([3])}
    out, groups = reference.evaluator(model, operators).run(None, feeds)
    np.testing.assert_allclose(np.exp(out) if "Log" in op_type else out, [0.5, 0.5, 1], rtol=1e-6)
    assert (groups.shape, groups.dtype) == ((3,), np.int32)


def test_a_grouping_has_bounds_for_each_group(operators: ModuleType) -> None:
    model = graphs.model("""g (int32[2, e] index) => (int32[a, b] perm, int32[c, d] indptr) {
        perm, indptr = tensorrt_scatter.TRTS_GroupIndex <dim_size = 3> (index) }""")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    perm, indptr = (output.type.tensor_type.shape.dim for output in inferred.graph.output)
    assert (perm[0].dim_value, indptr[0].dim_value, indptr[1].dim_value) == (2, 2, 4)
    index = np.array([[2, 0, 2], [1, 1, 0]], np.int32)
    perm, indptr = reference.evaluator(model, operators).run(None, {"index": index})
    assert (perm.dtype, indptr.dtype) == (np.int32, np.int32)
    assert perm.tolist() == [[1, 0, 2], [2, 0, 1]] and indptr.tolist() == [[0, 1, 1, 3], [0, 1, 3, 3]]
    model = graphs.model("""g (int64[e] index) => (int64[a] perm) {
        perm, indptr = tensorrt_scatter.TRTS_GroupIndex (index) }""")
    with pytest.raises(ValueError, match=r"TRTS_GroupIndex: the node tells no number of groups: expected dim_size$"):
        reference.evaluator(model, operators).run(None, {"index": index[0].astype(np.int64)})


@pytest.mark.parametrize("with_weight", [True, False])
def test_the_result_of_gathered_segments_has_the_segments_of_indptr(with_weight: bool, operators: ModuleType) -> None:
    inputs = "src, index, indptr, weight" if with_weight else "src, index, indptr"
    model = graphs.model(f"""g (float16[r, 2] src, int64[e] index, int64[4] indptr, float[e] weight)
        => (float16[a, b] out, int32[c, d] arg) {{
        out, arg = tensorrt_scatter.TRTS_GatherSegmentCSR <reduce = "max", arg_type = "int32"> ({inputs}) }}""")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    for output in inferred.graph.output:
        assert [size.dim_value for size in output.type.tensor_type.shape.dim] == [3, 2]
    src = np.array([[1, 2], [3, -4]], np.float16)
    feeds = {"src": src, "index": np.array([0, 1, 1]), "indptr": np.array([0, 2, 2, 3])}
    feeds["weight"] = np.array([4, 1, -1], np.float32)
    out, arg = reference.evaluator(model, operators).run(None, feeds)
    assert out.dtype == np.float16 and arg.dtype == np.int32
    assert out.tolist() == ([[4, 8], [0, 0], [-3, 4]] if with_weight else [[3, 2], [0, 0], [3, -4]])
    assert arg.tolist() == ([[0, 0], [3, 3], [2, 2]] if with_weight else [[1, 0], [3, 3], [2, 2]])


def test_the_checker_refuses_an_index_as_weights() -> None:
    graph = """g (float[r] src, int64[e] index, int64[4] indptr, bool[e] weight) => (float[3] out) {
        out = tensorrt_scatter.TRTS_GatherSegmentCSR (src, index, indptr, weight) }"""
    parsed = onnx.parser.parse_model(graphs.HEADER.format(opset=18) + graph)
    with pytest.raises(Exception, match="weight"):
        onnx.checker.check_model(parsed, full_check=True)


def test_the_result_of_an_attention_has_the_segments_of_indptr(operators: ModuleType) -> None:
    model = graphs.model("""g (float16[r, 2] src, int64[e] index, int64[4] indptr, float[e, 2] score)
        => (float16[a, b] out) { out = tensorrt_scatter.TRTS_AttentionCSR (src, index, indptr, score) }""")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    (out,) = inferred.graph.output
    assert [size.dim_value for size in out.type.tensor_type.shape.dim] == [3, 2]
    feeds = {"src": np.array([[1, 2], [3, -4]], np.float16), "index": np.array([0, 1, 1])}
    feeds |= {"indptr": np.array([0, 2, 2, 3]), "score": np.array([[0, -np.inf], [0, 5], [7, 7]], np.float32)}
    (out,) = reference.evaluator(model, operators).run(None, feeds)
    assert out.dtype == np.float16
    assert out.tolist() == [[2, -4], [0, 0], [3, -4]]


@pytest.mark.parametrize(("inputs", "score"), [("src, index, indptr", "float"), ("src, index, indptr, score", "int64")])
def test_the_checker_refuses_an_attention_without_scores(inputs: str, score: str) -> None:
    graph = f"""g (float[r] src, int64[e] index, int64[4] indptr, {score}[e] score) => (float[3] out) {{
        out = tensorrt_scatter.TRTS_AttentionCSR ({inputs}) }}"""
    parsed = onnx.parser.parse_model(graphs.HEADER.format(opset=18) + graph)
    with pytest.raises(Exception, match="TRTS_AttentionCSR"):
        onnx.checker.check_model(parsed, full_check=True)


def test_the_result_of_a_gather_dot_has_a_score_for_each_pair_and_head(operators: ModuleType) -> None:
    model = graphs.model("""g (float16[2, r, 2, 3] src, int64[2, e] index, float16[2, s, 2, 3] other,
        int64[1, e] other_index, float[6] weight) => (float16[a, b, c] out) {
        out = tensorrt_scatter.TRTS_GatherDot <combine = "add", heads = 3, negative_slope = 0.5> (src, index, other,
            other_index, weight) }""")
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    # The names of the sizes are those that the graph gives its output.
    assert [size.dim_value for size in inferred.graph.output[0].type.tensor_type.shape.dim] == [2, 0, 3]
    feeds = {"src": np.full((2, 4, 2, 3), -3, np.float16), "index": np.array([[0, 1], [2, 3]])}
    feeds |= {"other": np.ones((2, 1, 2, 3), np.float16), "other_index": np.array([[0, 0]])}
    feeds |= {"weight": np.array([1, 1, 2, 2, 0, 3], np.float32)}
    (out,) = reference.evaluator(model, operators).run(None, feeds)
    assert out.dtype == np.float16
    assert out.tolist() == [[[-2, -4, -3]] * 2] * 2


def test_only_scatter_is_told_to_be_deterministic() -> None:
    assert [operator.name for operator in OPERATORS if DETERMINISTIC in operator.attributes] == ["scatter"]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_number_of_groups_that_is_computed(exporter: str, operators: ModuleType) -> None:
    """dim_size is a tensor that the model computes, such as the largest index plus one."""

    def call(src: Tensor, index: Tensor, count: Tensor) -> Tensor:
        return ops.scatter_max(src, index, 0, dim_size=count.sum())[0]

    inputs = {**INPUTS, "count": torch.tensor([1, 3])}
    model = export(exporter, call, inputs, {**cases.ROWS, "count": {}})
    onnx.checker.check_model(model, full_check=True)
    (node,) = plugin_nodes(model)
    assert attributes(node)["dim_size_input"] == 1
    for count in ([1, 3], [4, 5]):
        feeds = {**INPUTS, "count": torch.tensor(count)}
        assert_same(run(model, feeds, operators), call(*feeds.values()))
    # The process can export as before.
    assert len(plugin_nodes(export(exporter, sums, INPUTS, cases.ROWS))) == 1


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_number_of_rows_that_varies_is_not_frozen(exporter: str) -> None:
    def call(src: Tensor, indptr: Tensor, rows: Tensor) -> Tensor:
        return ops.gather_csr(src, indptr, size=rows.size(0))

    inputs = {"src": cases.values(4, 3), "indptr": torch.tensor([0, 2, 2, 5, 6]), "rows": cases.values(6, 1)}
    with pytest.raises(Exception, match=r"size varies.*pass out="):
        export(exporter, call, inputs, {"src": {}, "indptr": {}, "rows": {0: "n"}})


def test_strict_export_and_compile_see_one_operator_a_call() -> None:
    class Model(torch.nn.Module):
        def forward(self, src: Tensor, index: Tensor) -> tuple[Tensor, ...]:
            gathered = ops.gather_segment_mean_csr(src, index, index[:1].repeat(3), src[:, 0])
            spread = ops.std_csr(src, index.sort().values)
            attended = ops.attention_csr(src, index, index[:1].repeat(3), src)
            scored = ops.gather_dot(src, index, src, index, combine="add")
            softmax = ops.scatter_softmax(src, index, 0, 4)
            return *ops.scatter_max(src, index, 0, dim_size=4), softmax, gathered, spread, attended, scored

    program = torch.export.export(Model(), tuple(INPUTS.values()), strict=True)
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert [call for call in calls if "tensorrt_scatter" in call] == [
        "tensorrt_scatter.gather_segment_mean_csr.default",
        "tensorrt_scatter.std_csr.default",
        "tensorrt_scatter.attention_csr.default",
        "tensorrt_scatter.gather_dot.default",
        "tensorrt_scatter.scatter_softmax.default",
        "tensorrt_scatter.scatter_max.default",
    ]
    compiled = torch.compile(Model(), fullgraph=True, backend="eager")
    for given, expected in zip(compiled(*INPUTS.values()), Model()(*INPUTS.values()), strict=True):
        torch.testing.assert_close(given, expected)


def test_types_without_kernels_are_refused_by_the_operators() -> None:
    src, index = torch.ones(3), torch.tensor([0, 1, 1])
    for bad in (torch.tensor([0.9, 1.2, 1.9]), index.bool(), index.to(torch.uint8), index.to(torch.int16)):
        with pytest.raises(ValueError, match=r"index is torch\.\w+: expected one of int32, int64"):
            ops.scatter_sum(src, bad, dim_size=2)
        with pytest.raises(ValueError, match=r"index is torch\.\w+: expected one of int32, int64"):
            ops.gather_coo(src, bad)
    for dtype in (torch.int16, torch.uint8, torch.bool):
        with pytest.raises(ValueError, match=r"src is torch\.\w+: expected one of float32"):
            ops.segment_csr(src.to(dtype), index)
    with pytest.raises(ValueError, match=r"out is torch\.float32: expected src's type, torch\.float16"):
        ops.scatter_add(src.half(), index, out=torch.zeros(2))


def test_torch_scatters_own_operators_are_known_by_their_schemas(operators: ModuleType) -> None:
    """By stand-ins of the same schemas: torch_scatter itself need not be installed."""
    if hasattr(torch.ops.torch_scatter, "scatter_max"):
        pytest.skip("torch_scatter is installed: test_torch_scatter_as_plugins has its operators")
    library: Any = torch.library.Library("torch_scatter", "DEF")
    library.define("scatter_max(Tensor src, Tensor index, int dim, Tensor? out, int? dim_size) -> (Tensor, Tensor)")
    library.define("gather_csr(Tensor src, Tensor indptr, Tensor? out) -> Tensor")
    kernels = torch.ops.tensorrt_scatter
    library.impl("scatter_max", lambda *args: kernels.scatter_max(*args), "CompositeExplicitAutograd")
    library.impl("gather_csr", lambda *args: kernels.gather_csr(*args), "CompositeExplicitAutograd")

    def call(src: Tensor, index: Tensor, indptr: Tensor) -> tuple[Tensor, ...]:
        values, positions = torch.ops.torch_scatter.scatter_max(src, index, 0, None, cases.GROUPS)
        return values, positions, torch.ops.torch_scatter.gather_csr(values, indptr, torch.zeros(6, 3))

    inputs = {**INPUTS, "indptr": torch.tensor([0, 2, 2, 5, 6])}
    model = export("torchscript", call, inputs, {**cases.ROWS, "indptr": {}})
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in plugin_nodes(model)] == ["TRTS_Scatter", "TRTS_GatherCSR"]
    assert_same(run(model, inputs, operators), call(*inputs.values()))
