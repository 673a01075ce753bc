"""Models that call PyTorch's own scatters: exported by PyTorch and converted, they compute the same."""

from types import ModuleType
from typing import Any

import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, export, makers, plugin_nodes, run
from torch import Tensor

from tensorrt_scatter.onnx import convert

GROUPS = 4


def inputs(n: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(n)
    return {
        "src": torch.randint(-4, 5, (n, 3), generator=generator).float(),
        "index": torch.randint(0, GROUPS - 1, (n,), generator=generator),
    }


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    return {opset.domain: opset.version for opset in model.opset_import}


def zeros() -> Tensor:
    return torch.zeros(GROUPS, 3)


def rows(index: Tensor, src: Tensor) -> Tensor:
    return index[:, None].expand_as(src)


CALLS: dict[str, Any] = {
    "scatter_add": lambda src, index: zeros().scatter_add(0, rows(index, src), src),
    "scatter_add, axis 1": lambda src, index: torch.zeros(3, GROUPS).scatter_add(1, rows(index, src).T, src.T),
    "scatter_add, dynamic groups": lambda src, index: torch.zeros_like(src).scatter_add(0, rows(index, src), src),
    "scatter_reduce sum": lambda src, index: zeros().scatter_reduce(0, rows(index, src), src, "sum"),
    "scatter_reduce prod": lambda src, index: (zeros() + 1).scatter_reduce(0, rows(index, src), src, "prod"),
    "scatter_reduce amax": lambda src, index: zeros().scatter_reduce(0, rows(index, src), src, "amax"),
    "scatter_reduce amin": lambda src, index: zeros().scatter_reduce(0, rows(index, src), src, "amin"),
}
# The other exporter does not know these, or loses their reductions.
DYNAMO_CALLS: dict[str, Any] = {
    "index_add": lambda src, index: zeros().index_add(0, index, src),
    "index_put": lambda src, index: zeros().index_put((index,), src, accumulate=True),
    "index_put, two axes": lambda src, index: zeros().index_put(
        (index.reshape(2, -1),), src.reshape(2, -1, 3), accumulate=True
    ),
    "scatter_reduce amax, without self": lambda src, index: zeros().scatter_reduce(
        0, rows(index, src), src, "amax", include_self=False
    ),
}
CASES = [(exporter, name, call) for exporter in EXPORTERS for name, call in CALLS.items()]
CASES += [("dynamo", name, call) for name, call in DYNAMO_CALLS.items()]


@pytest.mark.parametrize(("exporter", "name", "call"), CASES, ids=[f"{name}-{exporter}" for exporter, name, _ in CASES])
def test_a_torch_scatter_becomes_a_plugin(exporter: str, name: str, call: Any, operators: ModuleType) -> None:
    dynamic = {"src": {0: "n"}, "index": {0: "n"}}
    exported = export(exporter, call, inputs(8), dynamic, opset=18)
    model, report = convert(exported)
    onnx.checker.check_model(model, full_check=True)
    assert len(plugin_nodes(model)) >= 1, report
    assert not {"ScatterElements", "ScatterND", "If"} & {node.op_type for node in model.graph.node}, report
    for node in plugin_nodes(model):
        assert "Expand" not in makers(model, node.input[1])
    assert [value.name for value in model.graph.input] == ["src", "index"]
    assert opsets(model) == {**opsets(exported), "tensorrt_scatter": 1}
    for n in (8, 14):
        assert_same(run(model, inputs(n), operators), call(*inputs(n).values()))
    again, second = convert(model)
    assert not second.changes
    assert again == model


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_pytorch_geometric_needs_no_torch_scatter(exporter: str, operators: ModuleType) -> None:
    utils = pytest.importorskip("torch_geometric.utils")

    # Over TorchScript torch_geometric writes a maximum that is never below 0.
    reductions = ("sum", "mean", "max") if exporter == "dynamo" else ("sum", "mean")

    def layer(src: Tensor, index: Tensor) -> tuple[Tensor, ...]:
        weights = utils.softmax(src.abs(), index, num_nodes=GROUPS)
        return weights, *(utils.scatter(src * weights, index, 0, GROUPS, reduce) for reduce in reductions)

    dynamic = {"src": {0: "n"}, "index": {0: "n"}}
    model, report = convert(export(exporter, layer, inputs(8), dynamic, opset=18))
    onnx.checker.check_model(model, full_check=True)
    assert len(plugin_nodes(model)) >= 2 + len(reductions), report
    assert not {"ScatterElements", "ScatterND"} & {node.op_type for node in model.graph.node}, report
    assert_same(run(model, inputs(11), operators), layer(*inputs(11).values()), exact=False)
