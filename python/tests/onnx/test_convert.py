"""The models that convert rewrites and those that it leaves alone. Each has one scatter."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import graphs
import numpy as np
import onnx
import pytest
from checking import check
from exporting import attributes, makers, plugin_nodes
from graphs import Feeds, draw, draw_index, model, op_types
from onnx.reference import ReferenceEvaluator

from tensorrt_scatter.onnx import convert, convert_file, reference


@pytest.mark.parametrize("reduction", ["add", "mul", "min", "max"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_elements(reduction: str, axis: int, operators: ModuleType) -> None:
    size = [6, 5, 3]
    size[axis] = 7
    dims = ", ".join(map(str, size))
    original = model(f"""g (float[6, 5, 3] data, int64[{dims}] index, float[{dims}] src) => (float[6, 5, 3] out)
        {{ out = ScatterElements <axis = {axis}, reduction = "{reduction}"> (data, index, src) }}""")
    extent = [6, 5, 3][axis]
    # ONNX counts negative indices from the end.
    feeds = {"data": draw(1, 6, 5, 3), "index": draw_index(2, -extent, extent, *size), "src": draw(3, *size)}
    (node,) = plugin_nodes(check(original, feeds, operators))
    assert attributes(node)["reduce"] == {"add": "sum"}.get(reduction, reduction)
    assert len(node.output) == (2 if reduction in ("min", "max") else 1)


def test_sizes_that_vary(operators: ModuleType) -> None:
    original = model("""g (float[n, c] data, int64[e, c] index, float[e, c] src) => (float[n, c] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    for n, e in ((3, 8), (9, 2)):
        feeds = {"data": draw(n, n, 4), "index": draw_index(e, -n, n, e, 4), "src": draw(e, e, 4)}
        converted = check(original, feeds, operators)
    assert converted.graph.input == original.graph.input
    assert converted.graph.output == original.graph.output
    assert attributes(plugin_nodes(converted)[0])["dim_size"] == -1


@pytest.mark.parametrize(
    ("data", "reduction", "inputs"),
    [("0", "add", 2), ("1", "mul", 2), ("1", "add", 3), ("0", "mul", 3), ("0", "max", 3), ("-0", "add", 3)],
)
def test_a_neutral_base_is_left_out(data: str, reduction: str, inputs: int, operators: ModuleType) -> None:
    original = model(f"""g (int64[e, 2] index, float[e, 2] src) => (float[4, 2] out) {{
        size = Constant <value_ints = [4, 2]> ()
        data = ConstantOfShape <value = float[1] {{ {data}.0 }}> (size)
        out = ScatterElements <reduction = "{reduction}"> (data, index, src) }}""")
    feeds: Feeds = {"index": draw_index(1, 0, 4, 6, 2), "src": draw(2, 6, 2)}
    (node,) = plugin_nodes(check(original, feeds, operators))
    assert len(node.input) == inputs
    assert attributes(node)["dim_size"] == 4


@pytest.mark.parametrize(
    "index",
    [
        "at = Abs (raw)",
        "at = ArgMax <axis = 1, keepdims = 1> (src)",
        "zero = Constant <value_int = 0> ()  at = Max (raw, zero)",
        "at = Constant <value = int64[3,1] {0, 1, 3}> ()",
        "flat = Constant <value_ints = [0, 1, 3]> ()  shape = Shape (raw)  at = Reshape (flat, shape)",
    ],
)
def test_an_index_that_is_never_negative_is_not_wrapped(index: str, operators: ModuleType) -> None:
    original = model(f"""g (float[4, 1] data, int64[3, 1] raw, float[3, 1] src) => (float[4, 1] out)
        {{ {index}  out = ScatterElements <reduction = "add"> (data, at, src) }}""")
    feeds = {"data": draw(1, 4, 1), "raw": draw_index(2, -3, 4, 3, 1), "src": draw(3, 3, 1)}
    assert "Where" not in op_types(check(original, feeds, operators).graph)


@pytest.mark.parametrize("reduction", ["add", "max"])
def test_every_attribute_is_written_out(reduction: str) -> None:
    original = model(f"""g (float[4, 2] data, int64[e, 2] index, float[e, 2] src) => (float[4, 2] out)
        {{ out = ScatterElements <axis = -2, reduction = "{reduction}"> (data, index, src) }}""")
    (node,) = plugin_nodes(convert(original)[0])
    assert attributes(node) == {
        "dim": 0,
        "dim_size": 4,
        "dim_size_input": 0,
        "deterministic": 0,
        "reduce": {"add": "sum"}.get(reduction, reduction),
        "arg_type": "int32",
    }


def test_wrapping_can_be_left_out() -> None:
    original = model("""g (float[4] data, int64[e] index, float[e] src) => (float[4] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    converted, _ = convert(original, wrap_negative_indices=False)
    assert op_types(converted.graph) == ["TRTS_Scatter"]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_of_both_sizes(dtype: str, operators: ModuleType) -> None:
    original = model(f"""g ({dtype}[n] data, int32[e] index, {dtype}[e] src) => ({dtype}[n] out)
        {{ out = ScatterElements <reduction = "max"> (data, index, src) }}""")
    feeds: Feeds = {
        "data": draw(1, 4).astype(dtype),
        "index": draw_index(2, -4, 4, 9).astype(np.int32),
        "src": draw(3, 9).astype(dtype),
    }
    check(original, feeds, operators)


@pytest.mark.parametrize("reduction", ["add", "mul", "min", "max"])
@pytest.mark.parametrize("axes", [(6,), (2, 3)])
def test_scatter_nd(reduction: str, axes: tuple[int, ...], operators: ModuleType) -> None:
    dims = ", ".join(map(str, axes))
    original = model(f"""g (float[n, 5, 2] data, int64[{dims}, 1] index, float[{dims}, 5, 2] src)
            => (float[n, 5, 2] out)
        {{ out = ScatterND <reduction = "{reduction}"> (data, index, src) }}""")
    feeds: Feeds = {"data": draw(1, 4, 5, 2), "index": draw_index(2, -4, 4, *axes, 1), "src": draw(3, *axes, 5, 2)}
    assert len(plugin_nodes(check(original, feeds, operators))) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            """(float[4, 3] data, int64[5, 2] index, float[5, 2] src) => (float[4, 3] out)
            { out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "size 2 and its data 3 on axis 1",
        ),
        (
            """(float[4, c] data, int64[5, d] index, float[5, d] src) => (float[4, c] out)
            { out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "size d and its data c on axis 1",
        ),
        (
            """(float[4] data, int64[5] index, float[5] src) => (float[4] out)
            { out = ScatterElements (data, index, src) }""",
            "no reduction",
        ),
        (
            """(double[4] data, int64[5] index, double[5] src) => (double[4] out)
            { out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "DOUBLE",
        ),
        (
            """(float[4] data, int64[k] size, int64[5] flat, float[5] src) => (float[4] out)
            { index = Reshape (flat, size)  out = ScatterElements <reduction = "add"> (data, index, src) }""",
            "rank",
        ),
        (
            """(float[4, 3] data, int64[1] index, float[3] src) => (float[4, 3] out)
            { out = ScatterND <reduction = "add"> (data, index, src) }""",
            "single row",
        ),
        (
            """(float[4, c] data, int64[2, 3, 1] index, float[2, 3, c] src) => (float[4, c] out)
            { out = ScatterND <reduction = "add"> (data, index, src) }""",
            "not fixed",
        ),
        (
            """(float[1, 1, 1, 1, 1, 1, 1, 1, 4] data, int64[1, 1, 1, 1, 1, 1, 1, 1, 5] index,
                float[1, 1, 1, 1, 1, 1, 1, 1, 5] src) => (float[1, 1, 1, 1, 1, 1, 1, 1, 4] out)
            { out = ScatterElements <axis = -1, reduction = "add"> (data, index, src) }""",
            "rank 9",
        ),
    ],
)
def test_what_is_left_alone(text: str, reason: str) -> None:
    original = model("g " + text)
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert converted.opset_import == original.opset_import
    assert not report.changes
    (kept,) = report.kept
    assert reason in kept.reason
    assert kept.node in str(report) and "0 rewritten, 1 left alone" in str(report)


def test_nodes_that_are_no_scatters_stay_as_they_are() -> None:
    original = model("""g (float[n, 4] x, float[4, 4] w) => (float[n, 4] y)
        { z = MatMul (x, w)  y = Relu (z) }""")
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert not report.changes and not report.kept


def test_a_nan_is_noted_for_floats_alone() -> None:
    for dtype, notes in (("float", 1), ("int32", 0)):
        original = model(f"""g ({dtype}[4] data, int64[5] index, {dtype}[5] src) => ({dtype}[4] out)
            {{ out = ScatterElements <reduction = "max"> (data, index, src) }}""")
        _, report = convert(original)
        assert len(report.changes[0].notes) == notes


def test_subgraphs_are_converted(operators: ModuleType) -> None:
    original = model("""g (bool flag, float[4] data, int64[5] index, float[5] src) => (float[4] out) {
        out = If (flag) <
            then_branch = a () => (float[4] sums) { sums = ScatterElements <reduction = "add"> (data, index, src) },
            else_branch = b () => (float[4] else_out) { else_out = Identity (data) }
        > }""")
    for flag in (True, False):
        feeds = {"flag": np.array(flag), "data": draw(1, 4), "index": draw_index(2, -4, 4, 5), "src": draw(3, 5)}
        converted = check(original, feeds, operators)
    assert "TRTS_Scatter" in op_types(converted.graph)
    assert "ScatterElements" not in op_types(converted.graph)


def test_loops_are_converted(operators: ModuleType) -> None:
    original = model("""g (int64 times, float[4] data, int64[5] index, float[5] src) => (float[4] out) {
        go = Constant <value = bool {1}> ()
        out = Loop (times, go, data) <body = b (int64 i, bool on, float[4] state) => (bool on_out, float[4] next) {
            on_out = Identity (on)
            next = ScatterElements <reduction = "add"> (state, index, src)
        }> }""")
    feeds: Feeds = {"times": np.array(3), "data": draw(1, 4), "index": draw_index(2, -4, 4, 5), "src": draw(3, 5)}
    assert "TRTS_Scatter" in op_types(check(original, feeds, operators).graph)


def test_functions_are_left_alone_and_reported() -> None:
    text = """g (float[4] data, int64[5] index, float[5] src) => (float[4] out) { out = local.add (data, index, src) }
        <domain: "local", opset_import: ["" : 18]> add (data, index, src) => (out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }"""
    original = onnx.parser.parse_model(graphs.HEADER.format(opset=18).replace("]>", ', "local" : 1]>') + text)
    _, report = convert(original)
    assert not report.changes
    assert "inline_local_functions" in report.kept[0].reason


@pytest.mark.parametrize("op_type", ["TRTS_Scatter", "TRTS_SegmentCOO"])
@pytest.mark.parametrize("opset", [11, 18])
def test_expanded_indices_of_plugins(op_type: str, opset: int, operators: ModuleType) -> None:
    dim = "dim = 1, " if op_type == "TRTS_Scatter" else ""
    original = model(
        f"""g (float[2, e] src, int64[e] index) => (float[2, 4] out) {{
        shape = Shape (src)
        expanded = Expand (index, shape)
        out = tensorrt_scatter.{op_type} <{dim}dim_size = 4, reduce = "sum"> (src, expanded) }}""",
        opset,
    )
    converted, report = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert len(report.changes) == 1
    (node,) = plugin_nodes(converted)
    assert makers(converted, node.input[1]) == {"Unsqueeze"} | ({"Constant"} if opset >= 13 else set())
    feeds: Feeds = {"src": draw(1, 2, 6), "index": np.sort(draw_index(2, 0, 4, 6))}
    results = [reference.evaluator(each, operators).run(None, feeds)[0] for each in (original, converted)]
    np.testing.assert_array_equal(*results)
    assert not convert(converted)[1].changes


@pytest.mark.parametrize("op_type", ["TRTS_SoftmaxCSR", "TRTS_LogSoftmaxCSR", "TRTS_LogSumExpCSR", "TRTS_StdCSR"])
def test_expanded_bounds_of_plugins(op_type: str, operators: ModuleType) -> None:
    original = model(f"""g (float[2, 6, 3] src, int64[1, b] indptr) => (float[2, n, 3] out) {{
        shape = Constant <value_ints = [2, 1]> ()
        expanded = Expand (indptr, shape)
        out = tensorrt_scatter.{op_type} (src, expanded) }}""")
    converted, report = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert len(report.changes) == 1
    (node,) = plugin_nodes(converted)
    assert list(node.input) == ["src", "indptr"]
    feeds: Feeds = {"src": draw(1, 2, 6, 3), "indptr": np.array([[0, 2, 2, 5]])}
    results = [reference.evaluator(each, operators).run(None, feeds)[0] for each in (original, converted)]
    np.testing.assert_array_equal(*results)


def test_an_export_for_the_existing_plugins(operators: ModuleType) -> None:
    """As the scripts of the CUDA C++ project write it: opset 11, the index expanded, positions declared as int64."""
    original = model(
        """g (float[batch, n, 4] src, int64[n] index, float[batch, dim_size, 4] base)
            => (float[batch, dim_size, rows] out, int64[batch, dim_size, rows] arg_out) {
        first = Unsqueeze <axes = [0]> (index)
        both = Unsqueeze <axes = [2]> (first)
        shape = Shape (src)
        expanded = Expand (both, shape)
        out, arg_out = tensorrt_scatter.TRTS_Scatter <dim = 1, dim_size = 50, reduce = "max">
            (src, expanded, base) }""",
        opset=11,
    )
    onnx.checker.check_model(original, full_check=True)
    converted, report = convert(original)
    onnx.checker.check_model(converted, full_check=True)
    assert len(report.changes) == 1
    assert op_types(converted.graph) == ["Unsqueeze", "Unsqueeze", "TRTS_Scatter"]
    assert converted.graph.output == original.graph.output
    feeds: Feeds = {"src": draw(1, 2, 9, 4), "index": draw_index(2, 0, 50, 9), "base": draw(3, 2, 50, 4)}
    results = [reference.evaluator(each, operators).run(None, feeds) for each in (original, converted)]
    for before, after in zip(*results, strict=True):
        np.testing.assert_array_equal(before, after)


def test_an_index_that_may_be_expanded_along_its_last_axis_stays() -> None:
    original = model("""g (float[2, 4] src, int64[1, e] index) => (float[2, 6] out) {
        shape = Constant <value_ints = [2, 6]> ()
        expanded = Expand (index, shape)
        out = tensorrt_scatter.TRTS_GatherCOO (src, expanded) }""")
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert "last axis" in report.kept[0].reason


@pytest.mark.parametrize(
    ("index", "shape", "reasons"),
    # An Expand of a scalar to a scalar changes nothing, so that there is nothing to tell.
    [("int64", "value_ints: ints = []", []), ("int64[1, e]", "value_ints = [2, 6]", ["last axis"])],
)
def test_an_expanded_index_that_fits_no_plugin_stays(index: str, shape: str, reasons: list[str]) -> None:
    """One has no axis, the other has more axes than src. The plugin refuses both."""
    original = model(f"""g (float[4] src, {index} index) => (float out) {{
        shape = Constant <{shape}> ()
        expanded = Expand (index, shape)
        out = tensorrt_scatter.TRTS_SegmentCOO <dim_size = 3> (src, expanded) }}""")
    original.graph.value_info.append(
        onnx.helper.make_tensor_value_info("expanded", onnx.TensorProto.INT64, [] if index == "int64" else [2, 6])
    )
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert len(report.kept) == len(reasons)
    assert all(reason in kept.reason for reason, kept in zip(reasons, report.kept))


def test_an_index_without_src_stays_expanded(operators: ModuleType) -> None:
    """Its shape is that of the results, and its number of groups is no index, although it is expanded too."""
    original = model("""g (int64[1, 5] index, int64 count) => (int64[2, 5] perm, int64[2, n] indptr) {
        shape = Constant <value_ints = [2, 5]> ()
        one = Constant <value_ints = [1]> ()
        expanded = Expand (index, shape)
        groups = Expand (count, one)
        perm, indptr = tensorrt_scatter.TRTS_GroupIndex <dim_size_input = 1> (expanded, groups) }""")
    converted, report = convert(original)
    assert converted.graph.node == original.graph.node
    assert not report.changes and not report.kept
    feeds: Feeds = {"index": np.array([[2, 0, 2, 1, 0]]), "count": np.array(3)}
    perm, indptr = reference.evaluator(converted, operators).run(None, feeds)
    assert perm.tolist() == [[1, 4, 3, 0, 2]] * 2 and indptr.tolist() == [[0, 2, 3, 5]] * 2


def test_external_data(tmp_path: Path, operators: ModuleType) -> None:
    weights = draw(1, 64, 32)
    original = model("""g (float[64, 32] data, int64[e, 32] index, float[e, 32] src) => (float[64, 32] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    original.graph.initializer.append(onnx.numpy_helper.from_array(weights, "data"))
    del original.graph.input[0]
    feeds: Feeds = {"index": draw_index(2, 0, 64, 9, 32), "src": draw(3, 9, 32)}
    expected = ReferenceEvaluator(original).run(None, feeds)[0]
    onnx.save(original, tmp_path / "in.onnx", save_as_external_data=True, location="in.data", size_threshold=0)
    report = convert_file(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert len(report.changes) == 1
    (tmp_path / "in.data").unlink()
    assert (tmp_path / "out.onnx.data").stat().st_size >= weights.nbytes
    result = reference.evaluator(onnx.load(tmp_path / "out.onnx"), operators).run(None, feeds)[0]
    np.testing.assert_array_equal(result, expected)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        convert(tmp_path / "none.onnx")


@pytest.mark.parametrize("seed", range(40))
def test_random_scatters(seed: int, operators: ModuleType) -> None:
    random = np.random.default_rng(seed)
    rank = int(random.integers(1, 5))
    axis = int(random.integers(0, rank))
    data = [int(size) for size in random.integers(1, 5, rank)]
    taken = [int(random.integers(0, 9)) if i == axis else size for i, size in enumerate(data)]
    # Some axes vary; equal symbols say that they agree.
    names = [f"d{i}" if random.random() < 0.5 else size for i, size in enumerate(data)]
    taken_names = ["e" if i == axis else name for i, name in enumerate(names)]
    before = [1 if i != axis and random.random() < 0.5 else name for i, name in enumerate(taken_names)]
    reduction = random.choice(["add", "mul", "min", "max"])
    text = [", ".join(map(str, part)) for part in (names, before, taken_names)]
    original = model(f"""g (float[{text[0]}] data, int64[{text[1]}] index, float[{text[2]}] src)
            => (float[{text[0]}] out) {{
        shape = Shape (src)
        expanded = Expand (index, shape)
        out = ScatterElements <axis = {axis - rank * int(random.integers(0, 2))}, reduction = "{reduction}">
            (data, expanded, src) }}""")
    at = [taken[i] if name != 1 or i == axis else 1 for i, name in enumerate(before)]
    feeds: Feeds = {
        "data": draw(seed, *data),
        "index": draw_index(seed, -data[axis], data[axis], *at),
        "src": draw(seed + 1, *taken),
    }
    converted = check(original, feeds, operators)
    assert "Expand" not in op_types(converted.graph)
    assert len(plugin_nodes(converted)) == 1


def test_negative_sizes_stand_for_ones_that_vary() -> None:
    """Some exporters write -1."""
    original = model("""g (float[4, c] data, int64[e, c] index, float[u, c] src) => (float[4, c] out)
        { out = ScatterElements <reduction = "add"> (data, index, src) }""")
    for value in (original.graph.input[1], original.graph.input[2]):
        value.type.tensor_type.shape.dim[0].dim_value = -1
    converted, report = convert(original)
    assert len(report.changes) == 1
    assert converted.graph.input == original.graph.input
    assert "Slice" in op_types(converted.graph)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda graph: graph.node.reverse(), "which a later node makes"),
        (lambda graph: graph.node[1].attribute[0].CopyFrom(onnx.helper.make_attribute("axis", 1.5)), "axis of Scatter"),
        (lambda graph: setattr(graph.node[1].attribute[0], "ref_attr_name", "axis"), "is in no function"),
        (lambda graph: graph.node[1].input.pop(), "input 2 of ScatterElements"),
        (lambda graph: graph.node[1].output.append("more"), "2 outputs"),
        (lambda graph: graph.node[0].output.append("out"), "redeclared"),
    ],
)
def test_a_model_that_is_not_valid_is_a_value_error(change: Any, words: str) -> None:
    original = model("""g (float[4] data, int64[e] raw, float[e] src) => (float[4] out)
        { index = Identity (raw)  out = ScatterElements <axis = 0, reduction = "add"> (data, index, src) }""")
    change(original.graph)
    with pytest.raises(ValueError, match=words):
        convert(original)


def test_long_chains_of_nodes_are_followed() -> None:
    """The chains are longer than Python's limit of recursion."""
    links = "\n".join(f"i{n + 1} = Identity (i{n})  e{n + 1} = Expand (e{n}, shape)" for n in range(1500))
    original = model(f"""g (float[4, 3] data, int64[e, 1] e0, float[e, 3] src, int64[2] i0) => (float[4, 3] out) {{
        shape = Shape (src)
        {links}
        positive = Abs (e1500)
        out = ScatterElements <reduction = "add"> (data, e1500, src) }}""")
    converted, report = convert(original)
    assert len(report.changes) == 1
    assert attributes(plugin_nodes(converted)[0])["dim_size"] == 4
