"""Models that call torch_scatter itself."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import cases
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, attributes, export, makers, plugin_nodes, run
from torch import Tensor

from tensorrt_scatter.onnx import ops, torch_scatter_as_plugins

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


def test_modules_that_have_imported_a_function_get_ours_for_the_time() -> None:
    user = ModuleType("a_module_that_uses_torch_scatter")
    user.__dict__.update(segment_coo=torch_scatter.segment_coo, other=SimpleNamespace())
    sys.modules[user.__name__] = user
    original = torch_scatter.scatter_max
    try:
        with pytest.raises(RuntimeError, match="inside"), torch_scatter_as_plugins():
            assert user.segment_coo is ops.segment_coo
            assert torch_scatter.scatter_max is sys.modules["torch_scatter.scatter"].scatter_max is ops.scatter_max
            raise RuntimeError("inside")
        assert user.segment_coo is torch_scatter.segment_coo
        assert torch_scatter.scatter_max is original
    finally:
        del sys.modules[user.__name__]


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
