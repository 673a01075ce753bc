"""`check`: what each TensorRT release would refuse or misread, node by node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import pytest
from graphs import model, op_types
from target_models import LAYER, sized, with_constant

import tensorrt_scatter.onnx
from tensorrt_scatter.__main__ import main
from tensorrt_scatter.onnx import check, convert, releases

RELEASES = [release.name for release in releases.RELEASES]
SCATTER = "(float[5, 2] x, int64[3, 2] index, float[3, 2] src) => (float[5, 2] out)"
SCATTER_ND = "(float[n, 2] x, int64[e, 1] index, float[e, 2] src) => (float[n, 2] out)"
SIZE = "tensorrt_plugin_shape_input_indices"


def found(text: str, release: str, opset: int = 18) -> list[tuple[str, str, str]]:
    """Operator, kind and reason of what a release refuses or misreads."""
    report = check(model(f"g {text}", opset), release)
    return [(each.op_type, each.kind.value, each.reason) for each in report.problems]


CASES = [
    # The text, the opset, and for each release what it does and a part of the reason.
    ("(float[n, 4] x) => (int64[1] out) { out = Shape <end = 1> (x) }", 18, ["misread", "", ""], "start and end"),
    ("(float[n, 4] x) => (int64[2] out) { out = Shape <start = -2, end = 2> (x) }", 18, ["", "", ""], ""),
    (
        "(float[n, 4] x) => (float[n, 1] out) { a = Constant <value_ints = [1]> ()  out = ReduceMean (x, a) }",
        18,
        ["misread", "", ""],
        "it reduces all axes",
    ),
    ("(float[n, 4] x) => (float[n, 1] out) { out = ReduceMean <axes = [1]> (x) }", 17, ["", "", ""], ""),
    ("(float[n, 4] x) => (float[1, 1] out) { out = ReduceMean (x) }", 18, ["", "", ""], ""),
    (
        "(float[n, 4] x) => (float[1, 1] out) { a = Constant <value_ints = [0, -1]> ()  out = ReduceMean (x, a) }",
        18,
        ["", "", ""],
        "",
    ),
    (
        "(float[n, 4] x, int64[1] a) => (float[m, k] out) { out = ReduceMax (x, a) }",
        18,
        ["misread", "refused", "refused"],
        "",
    ),
    (
        "(float[n, 4] x, int64[1] a) => (float[m, k] out) { out = ReduceSum (x, a) }",
        18,
        ["refused"] * 3,
        "computed in the model",
    ),
    (
        "(float[n, 4] x) => (float[n, 4] out) { out = ReduceMax <noop_with_empty_axes = 1> (x) }",
        18,
        ["misread", "", ""],
        "noop_with_empty_axes",
    ),
    (
        f'{SCATTER} {{ out = ScatterElements <reduction = "add"> (x, index, src) }}',
        18,
        ["misread", "", ""],
        "reduction 'add' is not read",
    ),
    (f'{SCATTER} {{ out = ScatterElements <reduction = "none"> (x, index, src) }}', 18, ["", "", ""], ""),
    (
        f"{SCATTER.replace('3, 2', '6, 2')} {{ out = ScatterElements (x, index, src) }}",
        18,
        ["refused"] * 3,
        "larger than its data",
    ),
    (
        f'{SCATTER_ND} {{ out = ScatterND <reduction = "max"> (x, index, src) }}',
        18,
        ["misread", "refused", "refused"],
        "reduction 'max'",
    ),
    (
        f'{SCATTER_ND} {{ out = ScatterND <reduction = "none"> (x, index, src) }}',
        18,
        ["", "refused", ""],
        "up to TensorRT 10.8",
    ),
    (f"{SCATTER_ND} {{ out = ScatterND (x, index, src) }}", 18, ["", "", ""], ""),
    (
        "(bool[n] x, int64[e] index, bool[e] src) => (bool[n] out) { out = ScatterElements (x, index, src) }",
        18,
        ["refused"] * 3,
        "takes no BOOL",
    ),
    (
        "(float[7] x) => (float[a] p, float[b] q) { p, q = Split <num_outputs = 2> (x) }",
        18,
        ["misread", "", ""],
        "rounded down",
    ),
    ("(float[8] x) => (float[a] p, float[b] q) { p, q = Split <num_outputs = 2> (x) }", 18, ["", "", ""], ""),
    (
        "(float[n, 4] x, int64[2] p, int64[1] a) => (float[n, k] out) { out = Pad (x, p, , a) }",
        18,
        ["refused", "refused", ""],
        "",
    ),
    ("(int64[n] x) => (int64[k] out) { out = Unique (x) }", 18, ["refused"] * 3, "no TensorRT imports Unique"),
    ("(float[n] x) => (float[n] out) { out = Gelu (x) }", 20, ["refused", "", ""], "TensorRT 10.0 is the first"),
    ("(float[n] x) => (float[n] out) { out = Swish (x) }", 24, ["refused", "refused", ""], "TensorRT 11.0 is the first"),
    ("(uint64[n] x) => (uint64[n] out) { s = Constant <value_int = 3> ()  t = Cast <to = 13> (s)"
     '  out = BitShift <direction = "RIGHT"> (x, t) }', 18, ["refused"] * 3, "UINT64"),
    ("(bfloat16[n] x) => (bfloat16[n] out) { out = Exp (x) }", 18, ["refused", "", ""], "has no BFLOAT16"),
    ("(uint8[n] x) => (uint8[n] out) { out = Add (x, x) }", 18, ["refused"] * 3, "inputs and outputs alone"),
    ("(uint8[n] x) => (float[n] out) { out = Cast <to = 1> (x) }", 18, ["", "", ""], ""),
    ("(int64[n, n] x) => (int64[n, n] out) { out = MatMul (x, x) }", 18, ["refused"] * 3, "takes no INT64"),
    ("(int64[n] x) => (int64[n] out) { out = Pow (x, x) }", 18, ["refused", "refused", ""], "takes no INT64"),
    (
        "(int64[n] x) => (int64[n] out) { c = Constant <value_int = 4294967296> ()  out = Add (x, c) }",
        18,
        ["misread", "", ""],
        "does not fit into INT32",
    ),
    (
        "(float[n] x) => (float[k] out) { s = Constant <value_ints = [1]> ()"
        "  e = Constant <value_ints = [9223372036854775807]> ()  out = Slice (x, s, e) }",
        18,
        ["", "", ""],
        "",
    ),
    (
        "(float[n] x) => (float[k] out, int64[k] at) { c = Constant <value_ints = [4000]> ()  out, at = TopK (x, c) }",
        18,
        ["refused"] * 3,
        "at most 3840",
    ),
    (
        "(float[2, 4, 3] x, float[4] s) => (float[2, 4, 3] out) { out = GroupNormalization <num_groups = 2> (x, s, s) }",
        21,
        ["misread", "misread", ""],
        "not of channels",
    ),
    (
        "(float[n, 2] x, int64[n] i, int64[1] size) => (float[m, 2] out) {"
        f" out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1, {SIZE} = [2]> (x, i, size) }}",
        17,
        ["refused", "", ""],
        "takes no size as an input",
    ),
    (
        "(float[n, 2] x, int64[n] i, int64[1] size) => (float[m, 2] out) {"
        " out = tensorrt_scatter.TRTS_Scatter <dim = 0, dim_size_input = 1> (x, i, size) }",
        17,
        ["refused"] * 3,
        "",
    ),
    (
        "(float[n, 2] x, int64[n] i) => (float[m, 2] out) { out = tensorrt_scatter.TRTS_Scatter <dim = 0> (x, i) }",
        17,
        ["refused"] * 3,
        "nothing tells its number of groups",
    ),
    (
        "(float[n, 2] x, int64[n] i, float[m, 2] base) => (float[m, 2] out) {"
        " out = tensorrt_scatter.TRTS_Scatter <dim = 0> (x, i, base) }",
        17,
        ["", "", ""],
        "",
    ),
    (
        "(float[n, 2] x, int64[n] i) => (float[m, 2] out, int64[m, 2] arg) { out, arg = tensorrt_scatter.TRTS_Scatter"
        ' <dim = 0, dim_size = 4, reduce = "max", arg_type = "int64"> (x, i) }',
        17,
        ["refused", "", ""],
        "its positions are INT64",
    ),
    (
        "(int32[n, 2] x, int64[n] i) => (int32[n, 2] out) {"
        " out = tensorrt_scatter.TRTS_ScatterSoftmax <dim = 0, dim_size = 4> (x, i) }",
        17,
        ["refused"] * 3,
        "has type INT32",
    ),
    ('(float[1, 1, 4, 4] x, float[1, 2, 3, 2] y) => (float[1, 1, 2, 3] out) { out = GridSample <mode = "linear"> (x, y) }',
     20, ["misread", "misread", ""], "the nearest pixel"),
    ("(float[1, 1, 4, 4] x, float[1, 2, 3, 2] y) => (float[1, 1, 2, 3] out) { out = GridSample (x, y) }", 20, [""] * 3, ""),
    ("(float[n] x, int64 a) => (float[n] out) { out = CumSum (x, a) }", 18, ["refused", "refused", ""], "input 1 is computed"),
    ("(float[n, 1] x, int64[1] a) => (float[n] out) { out = Squeeze (x, a) }", 18, ["refused", "refused", ""], "input 1"),
    ("(float[n] x) => (float[n] out) { out = tensorrt_scatter.TRTS_Sort (x) }", 17, ["refused"] * 3, "no plugin TRTS_Sort"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "opset", "kinds", "reason"), CASES)
def test_problems(text: str, opset: int, kinds: list[str], reason: str) -> None:
    for release, kind in zip(RELEASES, kinds, strict=True):
        problems = [each for each in found(text, release, opset) if "the model" not in each[0]]
        assert {each[1] for each in problems} == ({kind} if kind else set()), (release, problems)
        assert not kind or any(reason in each[2] for each in problems), problems


def test_an_infinity() -> None:
    text = "g (float[n] x, float[1] c) => (bool[n] out) { out = Equal (x, c) }"
    assert check(with_constant(text, "c", np.ones(1, np.float32), 17), "8.6").problems == ()
    (finding,) = check(with_constant(text, "c", np.full(1, -np.inf, np.float32), 17)).problems
    assert finding.release == "TensorRT 8.6" and finding.op_type == "Equal" and finding.kind.value == "misread"


def test_a_function() -> None:
    called = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["" : 17, "own" : 1]>
        g (float[n] x) => (float[n] out) { out = own.twice (x) }
        <domain: "own", opset_import: ["" : 17]> twice (a) => (b) { b = Add (a, a) }""")
    (finding,) = check(called).problems
    assert finding.release == "TensorRT 8.6" and "inline" in finding.remedy
    assert any("its function twice are not looked at" in each.reason for each in check(called, "11").findings)
    assert check(onnx.inliner.inline_local_functions(called), "11").findings == ()


@pytest.mark.parametrize(
    ("text", "release", "note"),
    [
        ("(float[n] x) => (int64[1, k] out) { out = NonZero (x) }", "10", "depends on values"),
        ("(float[n] x) => (float[n] out) { out = com.microsoft.FastGelu (x) }", "10", "looks for a plugin FastGelu"),
        (f'{SCATTER} {{ out = ScatterElements <reduction = "add"> (x, index, src) }}', "10", "a plugin of NVIDIA's"),
        ("(double[n] x) => (double[n] out) { out = Exp (x) }", "11", "computes DOUBLE in FLOAT"),
        ("(int64[n] x) => (int64[n] out) { out = Add (x, x) }", "8.6", "INT32 in the place of INT64"),
        ("(int64[n] x) => (int64[1] out) { out = ArgMax (x) }", "8.6", "as float32"),
        ("(float[n] x, int64[1] c) => (float[k] out, int64[k] at) { out, at = TopK (x, c) }", "11", "its K varies"),
        ("(float[1, 1, 4] x) => (float[1, 1, 3] out) { out = LpPool <kernel_shape = [2], ceil_mode = 1> (x) }", "8.6",
         "its definition is newer"),
    ],
)  # fmt: skip
def test_notes(text: str, release: str, note: str) -> None:
    text = text.replace("com.microsoft.", "tensorrt_scatter.")
    report = check(model(f"g {text}"), release)
    assert report.problems == () and any(note in each.reason for each in report.findings), report


def test_nodes_in_subgraphs() -> None:
    report = check(
        model("""g (bool which, float[n] x) => (float[k] out) {
        out = If (which) <then_branch = one () => (float[k] a) { a = Unique (x) },
                          else_branch = other () => (float[k] b) { b = Identity (x) }> }"""),
        "11",
    )
    assert [each.op_type for each in report.problems] == ["Unique"]


def test_the_report_and_its_text(tmp_path: Path) -> None:
    layer = model(LAYER)
    onnx.save(layer, tmp_path / "layer.onnx")
    report = check(tmp_path / "layer.onnx")
    assert report == check(layer) and report.releases == tuple(f"TensorRT {name}" for name in RELEASES)
    (problem,) = report.problems
    assert problem.node == "out" and report.of("8.6") == check(layer, "8.6").findings == report.of("TensorRT 8.6")
    text = str(report)
    assert "TensorRT 8.6: 0 refused, 1 misread" in text
    assert "misread: ScatterElements (out): reduction 'add' is not read" in text
    assert tensorrt_scatter.onnx.CheckReport is type(report)


def test_what_convert_leaves_is_in_its_report() -> None:
    original = sized("TRTS_ScatterStd", attribute="dim = 0, ")
    changed, report = convert(original, target="8.6")
    assert report.left == list(check(changed, "8.6").problems)
    assert "TRTS_ScatterStd: TensorRT 8.6: refused: its number of groups is an input" in str(report)
    assert str(report).endswith("1 that TensorRT 8.6 refuses or misreads")
    assert convert(original)[1].left == []


class TestCommands:
    @pytest.fixture
    def layer(self, tmp_path: Path) -> str:
        path = tmp_path / "layer.onnx"
        onnx.save(model(LAYER), path)
        return str(path)

    @pytest.fixture
    def std(self, tmp_path: Path) -> str:
        path = tmp_path / "std.onnx"
        onnx.save(sized("TRTS_ScatterStd", attribute="dim = 0, "), path)
        return str(path)

    def test_check(self, layer: str, std: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", layer]) == 3
        assert "misread: ScatterElements (out)" in capsys.readouterr().out
        assert main(["check", layer, "--target", "11"]) == 0
        assert "TensorRT 11: 0 refused, 0 misread" in capsys.readouterr().out
        assert main(["check", std, "--target", "8.6"]) == 3

    def test_check_json(self, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", layer, "--json", "--target", "8.6"]) == 3
        printed = json.loads(capsys.readouterr().out)
        (problem,) = (each for each in printed["TensorRT 8.6"] if each["kind"] == "misread")
        assert problem["node"] == "out" and problem["op_type"] == "ScatterElements"
        assert problem["reason"] and problem["remedy"]

    def test_convert(self, layer: str, std: str, tmp_path: Path) -> None:
        output = str(tmp_path / "out.onnx")
        assert main(["convert", layer, output, "--target", "8.6"]) == 0
        assert main(["check", output, "--target", "8.6"]) == 0
        assert "TRTS_Scatter" in op_types(onnx.load(output).graph)
        assert main(["convert", layer, output]) == 0
        assert main(["convert", std, output, "--target", "10"]) == 0
        assert main(["convert", std, output]) == 0
        assert main(["convert", std, output, "--target", "8.6"]) == 3
        onnx.checker.check_model(output)

    def test_errors(self, layer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        none = str(tmp_path / "none.onnx")
        for arguments in (["check", none], ["convert", none, none, "--target", "8.6"]):
            with pytest.raises(SystemExit) as caught:
                main(arguments)
            assert caught.value.code == 1 and "none.onnx" in capsys.readouterr().err
        for arguments in (["check", layer, "--target", "9"], ["convert", layer, none, "--target", "9"], ["check"]):
            with pytest.raises(SystemExit) as caught:
                main(arguments)
            assert caught.value.code == 2
