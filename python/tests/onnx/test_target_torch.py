"""Models that PyTorch exports with sizes that vary, converted for TensorRT 8.6."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from exporting import attributes, export, plugin_nodes, run
from graphs import op_types
from torch import Tensor, nn

from tensorrt_scatter.onnx import check, convert, ops
from tensorrt_scatter.onnx.conversion import Report

COLUMNS = 8


class Distances(nn.Module):
    """Messages that depend on the length of their edge, as in SchNet."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Linear(5, COLUMNS)
        self.register_buffer("steps", torch.linspace(0, 3, 5))

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        position = x[:, :3]
        length = (position[edges[0]] - position[edges[1]]).norm(dim=-1)
        filters = self.filters(torch.exp(-((length[:, None] - self.steps) ** 2)))
        return torch.zeros_like(x).index_add(0, edges[1], x[edges[0]] * filters)


class Plugins(nn.Module):
    """torch_scatter's functions with a number of groups that varies."""

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        weights = ops.scatter_softmax(x[edges[0]].sum(dim=1), edges[1], 0, dim_size=x.size(0))
        highest, _ = ops.scatter_max(x[edges[0]], edges[1], 0, dim_size=x.size(0))
        return highest + ops.scatter_mean(x[edges[0]] * weights[:, None], edges[1], 0, dim_size=x.size(0))


def of_geometric(name: str, *arguments: int, **options: bool) -> nn.Module:
    layers = pytest.importorskip("torch_geometric.nn")
    layer: nn.Module = getattr(layers, name)(*arguments, **options)
    return layer


MODELS: dict[str, Callable[[], nn.Module]] = {
    "GATConv": lambda: of_geometric("GATConv", COLUMNS, 4, 2, add_self_loops=False),
    "TAGConv": lambda: of_geometric("TAGConv", COLUMNS, 4, 2),
    "distances": Distances,
    "plugins": Plugins,
}


def graph(nodes: int, edges: int) -> dict[str, Tensor]:
    """Random rows and edges. No edge leads to the last node."""
    generator = torch.Generator().manual_seed(nodes)
    ends = [torch.randint(0, nodes - last, (edges,), generator=generator) for last in (0, 1)]
    return {"x": torch.randn(nodes, COLUMNS, generator=generator), "edges": torch.stack(ends)}


@functools.cache
def exported(name: str) -> tuple[nn.Module, onnx.ModelProto]:
    """A model, and what PyTorch exports. An export takes seconds."""
    torch.manual_seed(1)
    module = MODELS[name]().eval()
    return module, export("dynamo", module, graph(7, 23), {"x": {0: "n"}, "edges": {1: "e"}})


def converted(name: str) -> tuple[nn.Module, onnx.ModelProto, Report]:
    module, original = exported(name)
    return module, *convert(original, target="8.6")


@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_left_that_tensorrt_8_misreads(name: str) -> None:
    _, model, report = converted(name)
    onnx.checker.check_model(model, full_check=True)
    assert not report.left, report
    assert next(each.version for each in model.opset_import if each.domain == "") == 17
    for node in model.graph.node:
        given = attributes(node)
        assert node.op_type != "Shape" or not given
        assert not (node.op_type.startswith("Reduce") and node.op_type != "ReduceSum") or len(node.input) == 1
        assert not {"dim_size_input", "weight_input", "tensorrt_plugin_shape_input_indices"} & set(given)
    assert plugin_nodes(model)
    again, second = convert(model, target="8.6")
    assert not second.changes and again == model


@pytest.mark.parametrize("name", MODELS)
def test_sizes_that_change(name: str, operators: ModuleType) -> None:
    module, model, _ = converted(name)
    for nodes, edges in ((7, 23), (12, 40), (5, 3), (4, 0)):
        given = graph(nodes, edges)
        with torch.no_grad():
            expected = module(*given.values())
        (result,) = run(model, given, operators)
        np.testing.assert_allclose(result, expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "op_type", "after"),
    [
        ("GATConv", "Shape", "Slice"),
        ("TAGConv", "Equal", "IsInf"),
        ("distances", "ReduceL2", "ReduceL2"),
        ("plugins", "TRTS_ScatterSoftmax", "TRTS_GatherCOO"),
        ("plugins", "TRTS_Scatter", "TRTS_Scatter"),
    ],
)
def test_what_the_exports_have(name: str, op_type: str, after: str) -> None:
    """Each of these models has a node that TensorRT 8.6 misreads or refuses, so that the tests above are not empty."""
    problems = check(exported(name)[1], "8.6").problems
    assert op_type in {each.op_type for each in problems}
    assert after in op_types(converted(name)[1].graph)
