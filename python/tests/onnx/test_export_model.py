"""`export`: a file that computes what the model computes, or an error and no file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import plugin_nodes, run
from torch import Tensor, nn

from tensorrt_scatter import ExportError, export
from tensorrt_scatter.onnx import ExportReport, ops, register_symbolic
from tensorrt_scatter.onnx.exporting import cases
from tensorrt_scatter.onnx.exporting.arguments import Size, call_of
from tensorrt_scatter.onnx.exporting.comparing import Different, Tolerance, compare

GROUPS = 9
VARY = {"src": {0: "n"}, "index": {0: "n"}}


def rows(seed: int = 0, count: int = 30) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 4, generator=generator), torch.randint(0, GROUPS, (count,), generator=generator)


def graph(nodes: int, edges: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(nodes)
    return torch.randn(nodes, 16, generator=generator), torch.randint(0, nodes, (2, edges), generator=generator)


def maximum(src: Tensor, index: Tensor) -> Tensor:
    empty = torch.zeros(GROUPS, src.size(1), dtype=src.dtype)
    return empty.scatter_reduce(0, index[:, None].expand_as(src), src, "amax", include_self=False)


def mean(src: Tensor, index: Tensor) -> Tensor:
    return torch.ones(GROUPS, 4).scatter_reduce(0, index[:, None].expand_as(src), src, "mean")


def sums_of_a_view(src: Tensor, index: Tensor) -> Tensor:
    out = torch.zeros(4, GROUPS)
    out.T.index_add_(0, index, src)
    return out


def doubled_if_positive(src: Tensor, index: Tensor) -> Tensor:
    return src * 2 if src.sum() > 0 else src


class Parts(nn.Module):
    """Takes and returns tensors in lists and dictionaries, and a number."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 64)
        self.dropout = nn.Dropout()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, points: dict[str, Tensor], index: list[Tensor], groups: int) -> dict[str, Any]:
        self.calls += 1
        highest, places = ops.scatter_max(self.dropout(self.layer(points["at"])), index[0], 0, dim_size=groups)
        return {"highest": highest, "rest": (places, None, points["at"])}


@pytest.fixture(scope="module")
def of_the_documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The first program in docs/ONNX.md, and what it leaves: a GAT."""
    pytest.importorskip("torch_geometric")
    text = (Path(__file__).parents[3] / "docs" / "ONNX.md").read_text()
    program = text.partition("```python\n")[2].partition("```")[0]
    left: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.chdir(tmp_path_factory.mktemp("gat"))
        exec(program, left)
        left["exported"] = onnx.load("gat.onnx")
    return {**left, "printed": printed.getvalue()}


def test_the_documents_gat(of_the_documents: dict[str, Any], operators: ModuleType) -> None:
    report = of_the_documents["report"]
    assert 0 < sum(report.plugins.values()) <= 2
    check_model_of_a_graph(of_the_documents["model"], of_the_documents["exported"], report, operators)
    printed = of_the_documents["printed"]
    assert printed.startswith("wrote gat.onnx: x [n, 16], edge_index [2, e] -> out [n, 16]\n")
    assert "\nTensorRT 10: 0 refused, 0 misread" in printed


def test_layers_of_torch_geometric(tmp_path: Path, operators: ModuleType) -> None:
    layers = pytest.importorskip("torch_geometric.nn")

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.SAGEConv(16, 8, aggr="max")
            self.second = layers.GINConv(nn.Linear(8, 4))

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            result: Tensor = self.second(self.first(x, edge_index), edge_index)
            return result

    torch.manual_seed(1)
    model, path = Two(), tmp_path / "model.onnx"
    report = export(model, graph(7, 23), path, target="8.6", dynamic_shapes={"x": {0: "n"}, "edge_index": {1: "e"}})
    # A maximum has a count beside it: in TensorRT 8.6 the number of groups is a base's.
    assert set(report.plugins) == {"TRTS_Scatter"} and report.plugins["TRTS_Scatter"] <= 3
    exported = onnx.load(path)
    assert next(each.version for each in exported.opset_import if each.domain == "") == 17
    check_model_of_a_graph(model, exported, report, operators)


def check_model_of_a_graph(
    model: nn.Module, exported: onnx.ModelProto, report: ExportReport, operators: ModuleType
) -> None:
    """Checks that the file is PyTorch's model, and that the report says what was compared."""
    onnx.checker.check_model(exported, full_check=True)
    assert not report.problems and report.largest_difference < 1e-5
    compared = [each.arguments for each in report.comparisons]
    assert compared[:2] == ["the given arguments", "other values of floats and integers"]
    assert {"n = 15, e = 48", "n = 7, e = 12", "n = 1, e = 23", "n = 7, e = 1", "n = 7, e = 0"} <= set(compared)
    model.eval()
    for nodes, edges in ((12, 40), (3, 2)):
        x, edge_index = graph(nodes, edges)
        with torch.no_grad():
            expected = model(x, edge_index).numpy()
        (result,) = run(exported, {"x": x, "edge_index": edge_index}, operators)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_a_reduction_that_pytorchs_exporter_loses(tmp_path: Path) -> None:
    """dynamo=True writes scatter_reduce's mean as an overwrite, and adds 1e-9 to nothing."""

    def model(src: Tensor, index: Tensor) -> Tensor:
        return mean(src, index) / (src.abs().sum() + 1e-9)

    given = rows()
    report = export(model, given, tmp_path / "model.onnx", dynamic_shapes=VARY, more_args=[(given[0] * 0, given[1])])
    assert report.exporter == "torch.onnx.export(dynamo=True)" and set(report.plugins) == {"TRTS_Scatter"}
    assert any(node.op_type == "Add" for node in onnx.load(tmp_path / "model.onnx").graph.node)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Parts, ExportReport]:
    torch.manual_seed(1)
    model = Parts()
    model.layer.eval()
    src, index = rows()
    report = export(
        model,
        {"points": {"at": src}, "index": [index], "groups": GROUPS},
        tmp_path_factory.mktemp("parts") / "model.onnx",
        exporter="torchscript",
        dynamic_shapes={"points": {"at": ["n", None]}, "index_0": {0: "n"}},
        output_names=["highest", "places", "at"],
        external_data=True,
        domain="trt.plugins",
    )
    return model, report


def test_tensors_in_lists_and_dictionaries(parts: tuple[Parts, ExportReport], operators: ModuleType) -> None:
    model, report = parts
    exported = onnx.load(report.path)
    assert report.signature == "points_at [n, 4], index_0 [n] -> highest [9, 64], places [9, 64], at [n, 4]"
    assert {each.domain for each in plugin_nodes(exported)} == {"trt.plugins"}
    assert report.path.with_name("model.onnx.data").stat().st_size >= 1024
    src, index = rows(1, 12)
    results = run(exported, {"points_at": src, "index_0": index}, operators)
    with torch.no_grad():
        highest, _ = ops.scatter_max(model.layer(src), index, 0, dim_size=GROUPS)
    np.testing.assert_allclose(results[0], highest.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(results[2], src.numpy())


def test_the_model_stays_as_it_was(parts: tuple[Parts, ExportReport]) -> None:
    model = parts[0]
    assert model.training and model.dropout.training and not model.layer.training
    assert model.calls == 0


def test_no_exporter_gives_the_models_result(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"another file")
    with pytest.raises(ExportError, match=r"model\.onnx is not written") as failed:
        export(doubled_if_positive, rows(), path)
    reasons = failed.value.attempts
    assert "data-dependent" in reasons[0] and "write torch.where" in reasons[0] and __file__ in reasons[0]
    assert (
        "torch.onnx.export(dynamo=False): the file is not taken: with other values of floats and integers, out differs"
        in reasons[-1]
    )
    assert path.read_bytes() == b"another file" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("model", "exporter", "reason"),
    [
        (
            lambda src, index: torch.bincount(index),
            "dynamo",
            "bincount: .*; write .*ops.scatter_sum.*test_export_model",
        ),
        (lambda src, index: src + torch.rand_like(src), None, "the model gives another result each time"),
        (sums_of_a_view, "torchscript", "not tried: it loses index_add_ on a view, .*test_export_model.py, line "),
        (lambda src, index: src.reshape(30, 4) + index[:, None], "torchscript", "'n' is to vary, .* by more_args"),
        (lambda src, index: src * 2 if src.size(0) == 1 else src, "torchscript", r"with n = 1, .*Dim\(\"n\", min=2\)"),
    ],
)
def test_why_nothing_is_written(model: Callable[..., Any], exporter: str | None, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=reason):
        export(model, rows(), tmp_path / "model.onnx", exporter=exporter, dynamic_shapes=VARY)
    assert not list(tmp_path.iterdir())


def test_a_nan_that_is_no_maximum(tmp_path: Path) -> None:
    src, index = rows()
    src[3, 1] = float("nan")
    options: dict[str, Any] = {"exporter": "torchscript"}
    with pytest.raises(
        ExportError, match=r"out differs in 1 of 36 elements: .* and nan in PyTorch; .*allow_differences"
    ):
        export(maximum, (src, index), tmp_path / "model.onnx", **options)
    report = export(maximum, (src, index), tmp_path / "model.onnx", allow_differences=True, **options)
    assert report.comparisons[0].differences[0].special == 1
    assert "the given arguments: out equal, and in 1 NaN or infinities" in str(report)


def test_the_number_of_groups_of_all_calls(tmp_path: Path, operators: ModuleType) -> None:
    pool = pytest.importorskip("torch_geometric.nn").global_max_pool
    src, index = rows()
    path = tmp_path / "model.onnx"
    options: dict[str, Any] = {"exporter": "torchscript", "dynamic_shapes": VARY}

    def model(src: Tensor, index: Tensor) -> Tensor:
        result: Tensor = pool(src, index)
        return result

    with pytest.raises(ValueError, match=r"dim_size is 5, and the model fails with it: .* larger than every index"):
        export(model, (src, index.sort()[0]), path, dim_size=5, **options)
    with pytest.raises(ExportError, match=r"dim_size is not given: .* to export\(dim_size=\)"):
        export(model, (src, index.sort()[0]), path, **options)
    report = export(model, (src, index.sort()[0]), path, dim_size=20, **options)
    assert any("results depend on dim_size=20" in note for note in report.notes)
    (result,) = run(onnx.load(path), {"src": src, "index": index}, operators)
    expected = maximum(src, index).numpy()
    np.testing.assert_array_equal(result, np.concatenate([expected, np.zeros([20 - GROUPS, 4], np.float32)]))


def test_a_number_of_groups_that_comes_from_values(tmp_path: Path) -> None:
    def of_values(src: Tensor, index: Tensor) -> Tensor:
        return ops.scatter_sum(src, index, 0, dim_size=index.max() + 1)

    def of_a_shape(src: Tensor, index: Tensor, like: Tensor) -> Tensor:
        return ops.scatter_sum(src, index, 0, dim_size=like.size(0)) + torch.zeros(like.size(0), 1)

    given, path = rows(), tmp_path / "model.onnx"
    options: dict[str, Any] = {"exporter": "torchscript", "dynamic_shapes": VARY}
    (note,) = export(of_values, given, path, **options).notes
    assert note.startswith("TensorRT builds no engine where a size comes from values: TRTS_Scatter (")
    options["dynamic_shapes"] = {**VARY, "like": {0: "g"}}
    assert not export(of_a_shape, (*given, torch.zeros(GROUPS)), path, **options).notes


def test_what_the_user_registered_stays(tmp_path: Path) -> None:
    given = rows()
    register_symbolic(pytorch=True)
    try:
        export(mean, given, tmp_path / "model.onnx", exporter="torchscript")
        torch.onnx.export(_module(mean), given, str(tmp_path / "own.onnx"), dynamo=False, opset_version=17)
        assert len(plugin_nodes(onnx.load(tmp_path / "own.onnx"))) == 2
    finally:
        register_symbolic()
    export(mean, given, tmp_path / "model.onnx", exporter="torchscript")
    with pytest.raises(Exception, match="mean"):
        torch.onnx.export(_module(mean), given, str(tmp_path / "own.onnx"), dynamo=False, opset_version=17)


def _module(function: Callable[..., Tensor]) -> nn.Module:
    class Module(nn.Module):
        def forward(self, src: Tensor, index: Tensor) -> Tensor:
            return function(src, index)

    return Module()


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (rows()[:1], {}, "the model cannot be called with args: missing a required argument: 'index'"),
        ((1, 2), {}, "args has no tensor"),
        ((rows()[0], {1, 2}), {}, "index is a set: expected tensors"),
        (rows(), {"target": "9"}, "target is '9'"),
        (rows(), {"exporter": "caffe"}, "exporter is 'caffe': expected 'dynamo' or 'torchscript', or None"),
        (rows(), {"dynamic_shapes": {"x": {0: "n"}}}, "dynamic_shapes names 'x': expected one of src, index"),
        (rows(), {"dynamic_shapes": {"src": {2: "n"}}}, "dynamic_shapes of src has the axis 2: expected 0 to 1"),
        (
            rows(),
            {"dynamic_shapes": {"src": {0: "n", 1: "n"}}},
            "two sizes 'n': 30, of src on axis 0, and 4, of src on",
        ),
        (rows(), {"dynamic_shapes": {"src": {0: torch.export.Dim("n", max=20)}}}, "outside of the range of 'n'"),
        (rows(), {"dynamic_shapes": {"src": {0: 2 * torch.export.Dim("n")}}}, "expected a name, a torch.export.Dim or"),
        (rows(), {"dynamic_shapes": {"src": {0: "s0"}}}, "a size 's0', as PyTorch may call others"),
        (rows(), {"input_names": ["a"]}, "input_names has 1 names: expected 2, for src, index"),
        (rows(), {"output_names": ["src"]}, "two tensors are called 'src'"),
        (rows(), {"more_args": [rows()[:1]]}, "more_args: expected arguments like args"),
        (rows(), {"more_args": [(rows()[0].double(), rows()[1])]}, "src is torch.float64 with 2 axes: expected"),
    ],
)
def test_wrong_arguments(args: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        export(mean, args, tmp_path / "model.onnx", **options)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("n", Size("n")),
        (torch.export.Dim("n", min=2, max=64), Size("n", 2, 64)),
        (torch.export.Dim("n"), Size("n")),
        (torch.export.Dim.DYNAMIC, Size("src_0")),
        (torch.export.Dim.AUTO, Size("src_0")),
        (torch.export.Dim.STATIC, None),
        (30, None),
        (None, None),
    ],
)
def test_a_size_that_varies(given: Any, size: Size | None) -> None:
    src, _ = rows()
    for spec in ({0: given}, {-2: given}, [given, None]):
        (named,) = call_of(lambda src: src, src, {"src": spec}, None).inputs
        assert named.sizes == ({} if size is None else {0: size})


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no_folder is no folder"):
        export(mean, rows(), tmp_path / "no_folder" / "model.onnx")


def test_other_sizes_keep_indices_valid() -> None:
    src, ptr = torch.arange(10.0)[:, None], torch.tensor([0, 3, 4, 10])

    def model(src: Tensor, ptr: Tensor) -> Tensor:
        return src

    call = call_of(model, (src, ptr), {"src": {0: "n"}, "ptr": {0: "g"}}, None)
    made = [[make() for make in makers] for makers in cases.resized(call, [{0: "n"}, {0: "g"}])]
    assert [[each.title for each in several] for several in made] == [
        ["n = 21, g = 10", "n = 21, g = 4", "n = 10, g = 10"],
        ["n = 10, g = 2"],
        ["n = 1, g = 4"],
        ["n = 0, g = 4"],
        ["n = 10, g = 1"],
        ["n = 10, g = 0"],
    ]
    larger, smaller = made[0][0].tensors, made[1][0].tensors
    assert larger[0][0] == 0 and larger[0][-1] == 9 and (larger[0].diff(dim=0) >= 0).all()
    assert larger[1].tolist() == [0, 0, 3, 3, 3, 4, 4, 4, 10, 10] and smaller[1].tolist() == [0, 1]
    # No bound is behind the end of what is left.
    assert made[2][0].tensors[1].tolist() == [0, 0, 0, 0]


def test_other_values() -> None:
    src, ptr, mask = torch.arange(3.0), torch.tensor([0, 3, 4, 10]), torch.tensor([True, False])
    call = call_of(lambda src, ptr, mask: src, (src, ptr, mask), None, None)
    changed = cases.changed_values(call)
    assert [each.title.removeprefix("other values of ") for each in changed] == [
        "floats and integers and bools",
        "floats and integers",
        "floats",
        "integers",
    ]
    assert [each.tolist() for each in changed[0].tensors] == [[0, -1, -2], [0, 3, 4, 9], [False, True]]
    assert [each.tolist() for each in changed[3].tensors] == [[0, 1, 2], [0, 3, 4, 9], [True, False]]
    assert not cases.changed_values(call_of(lambda src: src, (src * 0,), None, None))


@pytest.mark.parametrize(
    ("result", "expected", "allow", "message"),
    [
        ([1.0, 2.00001], [1.0, 2.0], False, None),
        ([1.0, 2.001], [1.0, 2.0], False, r"out differs in 1 of 2 elements: the one at \[1\] is 2.00"),
        ([1e-6, 0.0], [0.0, 0.0], False, "differs in 1 of 2"),
        ([1e-8, 0.0], [0.0, 0.0], False, None),
        ([float("nan"), float("inf")], [float("nan"), float("inf")], False, None),
        ([1.0, 2.0], [float("nan"), 2.0], False, "allow_differences"),
        ([float("-inf"), 2.0], [-3.4e38, 2.0], False, "allow_differences"),
        ([1.0, 2.0], [float("nan"), 2.0], True, None),
        ([1.0, 3.0], [float("nan"), 2.0], True, "differs in 1 of 2"),
        ([1.0], [1.0, 1.0], False, r"shape \[1\] in the file, and \[2\]"),
        ([1, 2], [1.0, 2.0], False, "int64 in the file, and float32"),
        ([1, 2], [1, 3], True, "differs in 1 of 2"),
    ],
)
def test_comparison(result: list[float], expected: list[float], allow: bool, message: str | None) -> None:
    wanted = torch.tensor(expected)
    got = np.array(result, np.float32 if isinstance(result[0], float) else np.int64)
    tolerance = Tolerance(allow_differences=allow)
    if message is None:
        compare(["out"], [got], [wanted], tolerance)
        return
    with pytest.raises(Different, match=message):
        compare(["out"], [got], [wanted], tolerance)
