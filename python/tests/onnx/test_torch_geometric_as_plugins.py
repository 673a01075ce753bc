"""torch_geometric's layers, exported inside `torch_geometric_as_plugins`: a plugin's node for each reduction."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, assert_same, attributes, export, plugin_nodes, run
from torch import Tensor, nn

from tensorrt_scatter.onnx import torch_geometric_as_plugins
from tensorrt_scatter.onnx.patching import libraries_as_plugins

gnn = pytest.importorskip("torch_geometric.nn")
utils = pytest.importorskip("torch_geometric.utils")

GIVEN, COLUMNS = 6, 4
GRAPH_SIZES = {"x": {0: "n"}, "edges": {1: "e"}}
Inputs = dict[str, Tensor]


def graph(seed: int, nodes: int = 7, edges: int = 23) -> Inputs:
    """A graph without an edge to the last node. Most rows are negative: a maximum that starts from 0 is wrong."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(nodes, GIVEN, generator=generator) - 2
    return {"x": x, "edges": torch.randint(0, nodes - 1, (2, edges), generator=generator)}


def segments(seed: int, rows: int = 12, count: int = 5) -> Inputs:
    """Rows, and bounds of segments, of which one at least is empty."""
    generator = torch.Generator().manual_seed(seed)
    inner = torch.randint(0, rows + 1, (count - 2,), generator=generator).sort().values
    bounds = torch.cat([torch.zeros(2, dtype=torch.int64), inner, torch.tensor([rows])])
    return {"x": torch.randn(rows, GIVEN, generator=generator) - 2, "ptr": bounds}


class Model(nn.Module):
    """A function of x and edges."""

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor, edges: Tensor) -> Any:
        return self.call(x, edges)


class Layers(nn.Module):
    """Layers beside each other. The positions of points are the first columns of x."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        degrees = torch.tensor([0, 3, 4])
        self.layers = nn.ModuleList(
            [
                gnn.SAGEConv(GIVEN, COLUMNS, aggr="max"),
                gnn.SAGEConv(GIVEN, COLUMNS, aggr="min"),
                gnn.SAGEConv(GIVEN, COLUMNS),
                gnn.EdgeConv(nn.Linear(2 * GIVEN, COLUMNS)),
                gnn.GATConv(GIVEN, COLUMNS, heads=2, add_self_loops=False),
                gnn.PNAConv(GIVEN, COLUMNS, ["max", "min", "std"], ["identity", "attenuation"], degrees),
            ]
        )
        self.points = gnn.PointNetConv(nn.Linear(GIVEN + 3, COLUMNS), add_self_loops=False)

    def forward(self, x: Tensor, edges: Tensor) -> tuple[Tensor, ...]:
        return *(layer(x, edges) for layer in self.layers), self.points(x, x[:, :3], edges)


OF_LAYERS = [
    *("max", "min", "mean"),
    "max",
    *("softmax", "sum"),
    # The standard deviation comes from the means of the values and of the squares.
    *("max", "min", "mean", "mean"),
    "max",
]
"""What the plugins of `Layers` compute."""


def computed(node: onnx.NodeProto) -> str:
    """A plugin's reduction, or what else it computes."""
    softmaxes = {"TRTS_ScatterSoftmax": "softmax", "TRTS_SoftmaxCSR": "softmax"}
    return softmaxes.get(node.op_type) or str(attributes(node)["reduce"])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_layers_have_a_node_for_each_reduction(exporter: str, operators: ModuleType) -> None:
    layers = Layers().eval()
    with torch.no_grad(), torch_geometric_as_plugins():
        model = export(exporter, layers, graph(1), GRAPH_SIZES)
    onnx.checker.check_model(model, full_check=True)
    assert [computed(node) for node in plugin_nodes(model)] == OF_LAYERS
    for inputs in (graph(1), graph(2, nodes=11, edges=40)):
        with torch.no_grad():
            results, expected = run(model, inputs, operators), layers(*inputs.values())
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, wanted.numpy(), rtol=1e-5, atol=1e-5)


def by_index(x: Tensor, edges: Tensor) -> tuple[Tensor, ...]:
    """Functions of an index, for a number of groups that varies."""
    (source, index), count = edges, x.size(0)
    rows = x[source]
    integers = rows.to(torch.int32)
    return (
        *(utils.scatter(rows, index, 0, count, reduce) for reduce in ("sum", "mean", "min", "max", "mul")),
        utils.scatter(rows.T, index, -1, count, "max"),
        # Infinities are kept.
        utils.scatter(torch.where(rows > -2, float("inf"), float("-inf")), index, 0, count, "max"),
        # torch_geometric makes floats of the mean.
        utils.scatter(integers, index, 0, count, "mean"),
        utils.scatter(integers.to(torch.int8), index, 0, count, "max"),
        utils.scatter(rows > -2, index, 0, count, "sum"),
        utils.softmax(rows, index, num_nodes=count),
        utils.softmax(rows.T, index, num_nodes=count, dim=1),
    )


def by_index_in_aggregations(x: Tensor, edges: Tensor) -> tuple[Tensor, ...]:
    """What calls the functions of an index."""
    (source, index), count = edges, x.size(0)
    rows = x[source]
    aggregations = gnn.SumAggregation(), gnn.MulAggregation(), gnn.StdAggregation(), gnn.SoftmaxAggregation(t=0.5)
    fused = gnn.MultiAggregation(["mean", "max", "std"])
    return (
        *(aggregation(rows, index, dim_size=count) for aggregation in (*aggregations, fused)),
        gnn.global_max_pool(rows, index, count),
    )


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize(
    ("call", "target"), [(by_index, "8.6"), (lambda *given: by_index(*given) + by_index_in_aggregations(*given), None)]
)
def test_functions_of_an_index(call: Any, target: str | None, exporter: str, operators: ModuleType) -> None:
    with torch_geometric_as_plugins(target=target):
        model = export(exporter, Model(call), graph(1), GRAPH_SIZES)
    takes_input = ["dim_size_input" in attributes(node) for node in plugin_nodes(model)]
    assert all(takes_input) if target is None else not any(takes_input)
    for inputs in (graph(1), graph(2, nodes=11, edges=40)):
        assert_same(run(model, inputs, operators), call(*inputs.values()), exact=False)


def by_ptr(x: Tensor, ptr: Tensor) -> tuple[Tensor, ...]:
    """Functions of the bounds of segments."""
    aggregations = ("Sum", "Mean", "Max", "Min", "Std", "Softmax")
    return (
        *(getattr(gnn, f"{name}Aggregation")()(x, ptr=ptr) for name in aggregations),
        # torch_geometric makes zeros of infinities.
        utils.segment(torch.where(x > -1, float("inf"), x), ptr, "max"),
        utils.softmax(x[:, 0], ptr=ptr),
    )


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_functions_of_bounds(exporter: str, operators: ModuleType) -> None:
    with torch_geometric_as_plugins():
        model = export(exporter, Model(by_ptr), segments(1), {"x": {0: "n"}, "ptr": {0: "s"}})
    expected = {"max": 2, "min": 1, "softmax": 2}
    nodes = [computed(node) for node in plugin_nodes(model)]
    assert {name: nodes.count(name) for name in expected} == expected
    assert {node.op_type for node in plugin_nodes(model)} == {"TRTS_SegmentCSR", "TRTS_SoftmaxCSR"}
    for inputs in (segments(1), segments(2, rows=30, count=9)):
        assert_same(run(model, inputs, operators), by_ptr(*inputs.values()), exact=False)


NEEDS_A_NUMBER: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "dim_size": lambda x, edges: gnn.global_max_pool(x[edges[0]], edges[1]),
    "MaxAggregation: dim_size": lambda x, edges: gnn.MaxAggregation()(x[edges[0]], edges[1]),
    "num_nodes": lambda x, edges: utils.softmax(x[edges[0]], edges[1]),
}


@pytest.mark.parametrize("words", NEEDS_A_NUMBER)
def test_a_missing_number_of_groups_ends_the_export(words: str) -> None:
    model, expected = Model(NEEDS_A_NUMBER[words]), f"{words} is not given.*torch_geometric_as_plugins"
    with pytest.raises(ValueError, match=expected), torch_geometric_as_plugins():
        export("torchscript", model, graph(1), GRAPH_SIZES)
    with pytest.raises(ValueError, match=expected), torch_geometric_as_plugins():
        torch.export.export(model, tuple(graph(1).values()))


def test_a_number_of_groups_for_all_calls_that_give_none(operators: ModuleType) -> None:
    def call(x: Tensor, edges: Tensor) -> tuple[Tensor, ...]:
        return tuple(each(x, edges) for each in NEEDS_A_NUMBER.values())

    expected = call(*graph(1).values())
    with torch_geometric_as_plugins(dim_size=9):
        model = export("torchscript", Model(call), graph(1), GRAPH_SIZES)
    assert [attributes(node)["dim_size"] for node in plugin_nodes(model)] == [9] * 3
    for result, wanted in zip(run(model, graph(1), operators), expected, strict=True):
        assert len(result) in (9, 23)
        np.testing.assert_allclose(result[: len(wanted)], wanted.numpy(), rtol=1e-5, atol=1e-6)
        assert not result[len(wanted) :].any()


@pytest.mark.parametrize("strict", [False, True])
def test_torch_export_sees_one_operator_for_a_call(strict: bool) -> None:
    """Strict or not. Strictly, Dynamo reads the functions' code."""
    layer = gnn.SAGEConv(GIVEN, COLUMNS, aggr="max").eval()
    for target, start in ((None, "sym_size"), ("8.6", "full")):
        with torch_geometric_as_plugins(target=target):
            dynamic = {"x": {0: torch.export.Dim.DYNAMIC}, "edge_index": {1: torch.export.Dim.DYNAMIC}}
            program = torch.export.export(layer, tuple(graph(1).values()), dynamic_shapes=dynamic, strict=strict)
        called = [node for node in program.graph.nodes if str(node.target).startswith("tensorrt_scatter.scatter_max")]
        assert len(called) == 1 and any(start in str(argument) for argument in called[0].args[2:])


def test_everything_is_as_before() -> None:
    """Also after an error, and wherever a function is held; and nested the innermost arguments count."""
    x, (source, index) = graph(1)["x"], graph(1)["edges"]
    held = {"pool": functools.partial(utils.scatter, reduce="max"), "call": gnn.Aggregation.__call__}
    before = utils.scatter.__code__, utils.softmax.__code__, utils.segment.__code__, held["call"]
    with pytest.raises(RuntimeError, match="inside"), torch_geometric_as_plugins(dim_size=9):
        assert held["pool"](x[source], index).shape[0] == 9
        with torch_geometric_as_plugins(dim_size=12):
            assert held["pool"](x[source], index).shape[0] == 12
            assert gnn.MaxAggregation()(x[source], index).shape[0] == 12
            assert utils.scatter(x[source], index, 0, 8, "any").shape[0] == 8
        assert held["pool"](x[source], index).shape[0] == 9
        raise RuntimeError("inside")
    assert before == (utils.scatter.__code__, utils.softmax.__code__, utils.segment.__code__, gnn.Aggregation.__call__)
    assert held["pool"](x[source], index).shape[0] == int(index.max()) + 1


def test_all_imported_libraries_at_once() -> None:
    x, index = graph(1)["x"], torch.zeros(7, dtype=torch.int64)
    with libraries_as_plugins(dim_size=9):
        assert utils.scatter(x, index).shape[0] == 9
        # Not all processes have torch_scatter.
        if "torch_scatter" in sys.modules:
            assert sys.modules["torch_scatter"].scatter_sum(x, index, 0).shape[0] == 9
    assert utils.scatter(x, index).shape[0] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dim_size": -1}, "dim_size is -1: expected a number of groups"),
        ({"dim_size": True}, "dim_size is True"),
        ({"target": "7"}, "target is '7': expected a version"),
        ({"target": "newest"}, "target is 'newest'"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words), torch_geometric_as_plugins(**arguments):
        pass
