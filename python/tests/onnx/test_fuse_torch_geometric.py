"""torch_geometric's layers, exported by PyTorch and converted: no tensor with a row of columns for each edge stays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import assert_same, export, plugin_nodes, run
from graphs import op_types
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from tensorrt_scatter.onnx import convert, reference
from tensorrt_scatter.onnx.conversion.report import Report

gnn = pytest.importorskip("torch_geometric.nn")

NODES, EDGES = 7, 23
GIVEN, COLUMNS, HEADS = 40, 56, 4
"""Columns of x and of a result. A tensor of fewer than GIVEN numbers for each edge is none of rows."""

ALONE, SHARED, ATTENTION = "TRTS_GatherScatter", "TRTS_GatherSegmentCSR", "TRTS_AttentionCSR"
SCORES = "TRTS_GatherDot"


class OnEdges(nn.Module):
    """Layers one after the other, over the same edges."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, edges).tanh()
        return x


@dataclass(frozen=True)
class Case:
    """A model, and what its conversion has."""

    layers: Callable[[], list[nn.Module]]
    plugins: list[str]
    """The op types of the nodes that read rows."""
    has_scores_of_pairs: bool = False
    """Whether a TRTS_GatherDot computes the scores of the attention from the rows of both ends."""
    may_vary: bool = True
    """Whether PyTorch exports it where the number of nodes varies."""


def heads(layer: Callable[..., nn.Module], given: int = GIVEN, **options: Any) -> nn.Module:
    return layer(given, COLUMNS // HEADS, heads=HEADS, **options)


CASES = {
    "GCNConv": Case(lambda: [gnn.GCNConv(GIVEN, COLUMNS)], [ALONE]),
    "SAGEConv": Case(lambda: [gnn.SAGEConv(GIVEN, COLUMNS)], [ALONE]),
    "SAGEConv max": Case(lambda: [gnn.SAGEConv(GIVEN, COLUMNS, aggr="max")], [ALONE]),
    "SAGEConv mean, max, sum": Case(lambda: [gnn.SAGEConv(GIVEN, COLUMNS, aggr=["mean", "max", "sum"])], [SHARED] * 2),
    "GINConv": Case(lambda: [gnn.GINConv(nn.Linear(GIVEN, COLUMNS))], [ALONE]),
    # PyTorch cannot export the self loops of torch_geometric's GATConv where the number of nodes varies.
    "GATConv": Case(lambda: [heads(gnn.GATConv)], [ATTENTION], may_vary=False),
    "GATConv without self loops": Case(lambda: [heads(gnn.GATConv, add_self_loops=False)], [ATTENTION]),
    "GATConv with one head": Case(lambda: [gnn.GATConv(GIVEN, COLUMNS, add_self_loops=False)], [ATTENTION]),
    "GATv2Conv": Case(lambda: [heads(gnn.GATv2Conv)], [ATTENTION], has_scores_of_pairs=True),
    "TransformerConv": Case(lambda: [heads(gnn.TransformerConv)], [ATTENTION], has_scores_of_pairs=True),
    "two GCNConv": Case(lambda: [gnn.GCNConv(GIVEN, COLUMNS), gnn.GCNConv(COLUMNS, COLUMNS)], [SHARED] * 2),
    "SAGEConv and GINConv": Case(
        lambda: [gnn.SAGEConv(GIVEN, COLUMNS), gnn.GINConv(nn.Linear(COLUMNS, GIVEN))], [SHARED] * 2
    ),
    "two GATConv": Case(
        lambda: [
            heads(gnn.GATConv, add_self_loops=False),
            heads(gnn.GATConv, given=COLUMNS, add_self_loops=False),
        ],
        [ATTENTION] * 2,
    ),
}
SIZES = {
    "static": {"x": {}, "edges": {}},
    "edges vary": {"x": {}, "edges": {1: "e"}},
    "nodes and edges vary": {"x": {0: "n"}, "edges": {1: "e"}},
}


def graph(seed: int, nodes: int = NODES, edges: int = EDGES) -> dict[str, Tensor]:
    """Random rows and edges, without self loops and without an edge to the last node."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(0, nodes, (edges,), generator=generator)
    steps = torch.randint(1, nodes - 1, (edges,), generator=generator)
    destination = (source + steps) % (nodes - 1)
    destination = torch.where(destination == source, (destination + 1) % (nodes - 1), destination)
    return {"x": torch.randn(nodes, GIVEN, generator=generator), "edges": torch.stack([source, destination])}


@functools.cache
def exported(name: str, sizes: str) -> tuple[nn.Module, onnx.ModelProto]:
    """The layers of a case, and the model that PyTorch exports. An export takes seconds."""
    torch.manual_seed(1)
    layers = OnEdges(*CASES[name].layers()).eval()
    return layers, export("dynamo", layers, graph(1), SIZES[sizes])


def converted(name: str, sizes: str) -> tuple[nn.Module, onnx.ModelProto, Report]:
    """The layers of a case, the converted model and the report."""
    layers, original = exported(name, sizes)
    model, report = convert(original)
    onnx.checker.check_model(model, full_check=True)
    return layers, model, report


def rows_of_edges(model: onnx.ModelProto) -> list[str]:
    """The op types of the nodes whose result has, by shape inference, a row of columns for each edge."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    of_nodes = inferred.graph.input[0].type.tensor_type.shape.dim[0]
    values = (*inferred.graph.value_info, *inferred.graph.output)
    shapes = {value.name: list(value.type.tensor_type.shape.dim) for value in values}
    found = []
    for node in inferred.graph.node:
        for name in filter(None, node.output):
            assert name in shapes, f"the shape of {name} is not known"
            # Which axis varies with the edges: with self loops there are more of them, and fewer without.
            fixed = [dim.dim_value for dim in shapes[name] if dim.HasField("dim_value")]
            varies = [dim for dim in shapes[name] if not dim.HasField("dim_value") and dim != of_nodes]
            of_edges = bool(varies) or EDGES in fixed or NODES + EDGES in fixed
            others = np.prod([size for size in fixed if size not in (EDGES, NODES + EDGES)] or [1])
            if of_edges and (others >= GIVEN or len(varies) > 1):
                found.append(node.op_type)
    return found


def large_when_run(model: onnx.ModelProto, inputs: dict[str, Tensor], operators: ModuleType) -> list[str]:
    """The op types of the nodes whose result is as large as the rows of all edges, when the model runs."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    made_by = {name: node.op_type for node in watched.graph.node for name in node.output if name}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made_by)
    session = ReferenceEvaluator(watched, new_ops=reference.reference_ops(operators))
    results = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return [op_type for op_type, result in zip(made_by.values(), results) if np.size(result) >= EDGES * GIVEN]


RUNS = [(name, sizes) for name, case in CASES.items() for sizes in SIZES if case.may_vary or "nodes" not in sizes]


@pytest.mark.parametrize(("name", "sizes"), RUNS)
def test_layers(name: str, sizes: str, operators: ModuleType) -> None:
    case = CASES[name]
    layers, model, report = converted(name, sizes)
    plugins = [node.op_type for node in plugin_nodes(model)]
    assert [plugin for plugin in plugins if plugin in (ALONE, SHARED, ATTENTION)] == case.plugins, report
    assert plugins.count("TRTS_GroupIndex") == any(plugin in (SHARED, ATTENTION) for plugin in case.plugins)
    if ATTENTION in case.plugins:
        # Nothing of the softmax stays.
        scores = {SCORES} if case.has_scores_of_pairs else set()
        assert set(plugins) == {"TRTS_GroupIndex", ATTENTION} | scores and "Exp" not in op_types(model.graph), report
    assert plugins.count(SCORES) == case.has_scores_of_pairs
    assert not report.unfused and not report.kept, report
    assert rows_of_edges(model) == []
    assert large_when_run(model, graph(1), operators) == []
    for seed, nodes, edges in ((1, NODES, EDGES), (2, 12, 40)):
        if sizes == "static" and edges != EDGES:
            continue
        given = graph(seed, nodes if "nodes" in sizes else NODES, edges)
        with torch.no_grad():
            expected = layers(*given.values())
        (result,) = run(model, given, operators)
        np.testing.assert_allclose(result, expected.numpy(), rtol=1e-5, atol=1e-5)
    again, second = convert(model)
    assert not second.changes and again == model


@pytest.mark.parametrize(
    "name", ["GCNConv", "SAGEConv", "SAGEConv max", "GINConv", "GATConv without self loops", "GATv2Conv"]
)
def test_no_edges(name: str, operators: ModuleType) -> None:
    layers, model, _ = converted(name, "nodes and edges vary")
    given = graph(1, 5, 0)
    with torch.no_grad():
        expected = layers(*given.values())
    (result,) = run(model, given, operators)
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-5, atol=1e-5)


def test_what_the_checks_find() -> None:
    """Before the conversion, each layer has rows of edges."""
    for name in ("GCNConv", "SAGEConv", "GINConv"):
        for sizes in SIZES:
            assert {"Gather", "Expand"} <= set(rows_of_edges(exported(name, sizes)[1]))


def test_edge_weights(operators: ModuleType) -> None:
    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = gnn.GraphConv(GIVEN, COLUMNS)

        def forward(self, x: Tensor, edges: Tensor, weight: Tensor) -> Tensor:
            result: Tensor = self.layer(x, edges, weight)
            return result

    given = {**graph(1), "weight": torch.rand(EDGES)}
    layer = Weighted().eval()
    model, report = convert(export("dynamo", layer, given, {**SIZES["edges vary"], "weight": {0: "e"}}))
    assert [node.op_type for node in plugin_nodes(model)] == [ALONE], report
    assert rows_of_edges(model) == []
    with torch.no_grad():
        np.testing.assert_allclose(run(model, given, operators)[0], layer(*given.values()).numpy(), atol=1e-5)


def test_features_of_edges_that_are_multiplied(operators: ModuleType) -> None:
    """A filter for each edge, as in SchNet: the filters are rows of edges themselves; nothing else is."""

    def layer(x: Tensor, edges: Tensor, filters: Tensor) -> Tensor:
        return torch.zeros_like(x).index_add(0, edges[1], x[edges[0]] * filters)

    given = {**graph(1), "filters": torch.randint(-4, 5, (EDGES, GIVEN)).float()}
    given["x"] = given["x"].round()
    dynamic = {"x": {0: "n"}, "edges": {1: "e"}, "filters": {0: "e"}}
    model, report = convert(export("dynamo", layer, given, dynamic))
    assert [node.op_type for node in plugin_nodes(model)] == [ALONE], report
    assert rows_of_edges(model) == []
    assert_same(run(model, given, operators), layer(*given.values()))


def test_a_layer_that_computes_on_each_edge_is_reported() -> None:
    torch.manual_seed(1)
    layers = OnEdges(gnn.EdgeConv(nn.Linear(2 * GIVEN, COLUMNS))).eval()
    _, report = convert(export("dynamo", layers, graph(1), SIZES["edges vary"]))
    (unfused,) = report.unfused
    assert "its elements are not gathered rows times weights: Gemm computes them" in unfused.reason
