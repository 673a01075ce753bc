"""Models that call torch_scatter itself."""

from __future__ import annotations

from types import ModuleType

import cases
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, attributes, export, makers, plugin_nodes, run
from torch import Tensor

from tensorrt_scatter.onnx import torch_scatter_as_plugins

torch_scatter = pytest.importorskip("torch_scatter")


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("case", [case for case in cases.ALL if not case.deviation][::3], ids=str)
def test_torch_scatter_exports_as_ours(case: cases.Case, exporter: str) -> None:
    with torch_scatter_as_plugins():
        model = export(exporter, lambda *tensors: case.call(torch_scatter, *tensors), case.inputs(8), case.dynamic)
    (node,) = plugin_nodes(model)
    assert node.op_type == case.op_type
    assert list(node.input) == [value.name for value in model.graph.input]


@pytest.mark.parametrize("name", ["scatter_mul", "scatter_min", "scatter_max"])
def test_torch_scatters_own_operators_export_over_torchscript_as_they_are(name: str, operators: ModuleType) -> None:
    def call(src: Tensor, index: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        result: Tensor | tuple[Tensor, Tensor] = getattr(torch_scatter, name)(src, index, 0, dim_size=cases.GROUPS)
        return result

    inputs = {"src": cases.signs(8, 3), "index": cases.indices(8)}
    model = export("torchscript", call, inputs, cases.ROWS)
    (node,) = plugin_nodes(model)
    assert attributes(node)["reduce"] == name.removeprefix("scatter_")
    assert makers(model, node.input[1]) == set()
    assert_same(run(model, inputs, operators), call(*inputs.values()))


def test_the_number_of_groups_for_all_calls_that_give_none(operators: ModuleType) -> None:
    def call(src: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        results = torch_scatter.scatter_sum(src, index, 0), torch_scatter.scatter(src, index, 0, reduce="max")
        given = torch_scatter.scatter_sum(src, index, 0, None, cases.GROUPS - 1)
        return *results, given, torch_scatter.scatter_softmax(src, index, 0)

    inputs = {"src": cases.values(8, 3), "index": torch.tensor([0, 1, 2, 2, 1, 2, 0, 1])}
    with pytest.raises(Exception, match=r"torch_scatter_as_plugins\(dim_size=\)"), torch_scatter_as_plugins():
        export("torchscript", call, inputs, cases.ROWS)
    for exporter in EXPORTERS:
        with torch_scatter_as_plugins(dim_size=cases.GROUPS):
            model = export(exporter, call, inputs, cases.ROWS)
        sizes = [attributes(node)["dim_size"] for node in plugin_nodes(model)]
        assert sizes == [cases.GROUPS, cases.GROUPS, cases.GROUPS - 1, cases.GROUPS]
        results, expected = run(model, inputs, operators), call(*inputs.values())
        assert_same([results[0][:3], results[1][:3], *results[2:]], expected, exact=False)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_number_of_groups_that_varies_is_the_shape_of_a_base_before_tensorrt_10(
    exporter: str, operators: ModuleType
) -> None:
    def call(src: Tensor, index: Tensor, nodes: Tensor) -> tuple[Tensor, ...]:
        size = nodes.size(0)
        values, position = torch_scatter.scatter_max(src, index, 0, dim_size=size)
        rest = (
            torch_scatter.scatter(src.T, index, reduce="min", dim_size=size),
            torch_scatter.scatter_mul(src, index, 0, dim_size=size),
        )
        return values, position, *rest, torch_scatter.segment_coo(src, index, dim_size=size, reduce="mean")

    def inputs(n: int, count: int) -> dict[str, Tensor]:
        index = cases.sorted_indices(n, largest=count - 2)
        return {"src": cases.signs(n, 3), "index": index, "nodes": cases.values(count, 2)}

    with torch_scatter_as_plugins(target="8.6"):
        model = export(exporter, call, inputs(8, 5), {**cases.ROWS, "nodes": {0: "count"}})
    assert not any("dim_size_input" in attributes(node) for node in plugin_nodes(model))
    for given in (inputs(8, 5), inputs(12, 9)):
        assert_same(run(model, given, operators), call(*given.values()))
    with pytest.raises(Exception, match="scatter_std: dim_size varies"), torch_scatter_as_plugins(target="8.6"):
        export(
            exporter,
            lambda src, index, nodes: torch_scatter.scatter_std(src, index, 0, dim_size=nodes.size(0)),
            inputs(8, 5),
            {**cases.ROWS, "nodes": {0: "count"}},
        )


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_composite_of_torch_scatter_is_one_node(exporter: str, operators: ModuleType) -> None:
    class Attention(torch.nn.Module):
        def forward(self, score: Tensor, index: Tensor, value: Tensor) -> Tensor:
            weight = torch_scatter.scatter_softmax(score, index, 0, dim_size=cases.GROUPS)
            result: Tensor = torch_scatter.scatter(weight * value, index, 0, dim_size=cases.GROUPS, reduce="sum")
            return result

    inputs = {"score": cases.values(8, 1), "index": cases.indices(8), "value": cases.values(8, 5)}
    expected = Attention()(*inputs.values())
    rows = {name: {0: "n"} for name in inputs}
    with torch_scatter_as_plugins():
        model = export(exporter, Attention(), inputs, rows)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in plugin_nodes(model)] == ["TRTS_ScatterSoftmax", "TRTS_Scatter"]
    assert_same(run(model, inputs, operators), expected, exact=False)
