"""Three models over a lidar sweep, each with another way of grouping."""

from __future__ import annotations

import copy

import numpy as np
import sweep
import torch
from torch import Tensor, nn

from tensorrt_scatter.onnx import ops
from tensorrt_scatter.onnx.example import PillarModel

Inputs = dict[str, Tensor]
Axes = dict[str, dict[int, str]]


class Rings(nn.Module):
    """Points sorted by ring: segment_csr reduces each ring between its bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Linear(sweep.VALUES_PER_POINT, 32)
        self.ring = nn.Linear(64, 16)

    def forward(self, points: Tensor, indptr: Tensor) -> Tensor:
        features = self.point(points).relu()
        highest, _ = ops.segment_max_csr(features, indptr)
        mean = ops.segment_mean_csr(features, indptr)
        result: Tensor = self.ring(torch.cat([highest, mean], 1))
        return result


class Attention(nn.Module):
    """A graph attention layer: each node weighs its neighbours by a softmax over them, and adds them up.

    The numbers of nodes and edges vary. The softmax is told the most nodes that there can be: more groups than needed
    do not change it. The sum starts from zeros with a row for each node, so that it has as many rows: TensorRT 8 could
    not take the number from a shape.
    """

    def __init__(self, most_nodes: int) -> None:
        super().__init__()
        self.most_nodes = most_nodes
        self.value = nn.Linear(sweep.VALUES_PER_POINT, 16)
        self.source = nn.Linear(16, 1)
        self.target = nn.Linear(16, 1)

    def forward(self, nodes: Tensor, source: Tensor, target: Tensor) -> Tensor:
        value = self.value(nodes)
        score = ops.gather_coo(self.source(value), source) + ops.gather_coo(self.target(value), target)
        weight = ops.scatter_softmax(nn.functional.leaky_relu(score, 0.2), target, 0, dim_size=self.most_nodes)
        message = weight * ops.gather_coo(value, source)
        return ops.scatter_sum(message, target, 0, out=torch.zeros_like(value))


class ProductsAndSums(nn.Module):
    """A linear layer without a matrix product: each row times each row of the weight, element by element, added up."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, rows: Tensor) -> Tensor:
        return (rows.unsqueeze(1) * self.linear.weight).sum(2) + self.linear.bias


def without_matmul(model: nn.Module) -> nn.Module:
    """The same model with its linear layers as `ProductsAndSums`: for a TensorRT that has no kernels for matrices."""
    model = copy.deepcopy(model)
    for name, layer in model.named_children():
        if isinstance(layer, nn.Linear):
            setattr(model, name, ProductsAndSums(layer))
    return model


def pillar_inputs(points: np.ndarray) -> Inputs:
    on_grid, pillar = sweep.pillars(points)
    return {"points": torch.from_numpy(sweep.scaled(on_grid)), "pillar": torch.from_numpy(pillar)}


def ring_inputs(points: np.ndarray) -> Inputs:
    by_ring, indptr = sweep.rings(points)
    return {"points": torch.from_numpy(sweep.scaled(by_ring)), "indptr": torch.from_numpy(indptr)}


def graph_inputs(points: np.ndarray) -> Inputs:
    nodes, source, target = sweep.graph(points)
    return {
        "nodes": torch.from_numpy(sweep.scaled(nodes)),
        "source": torch.from_numpy(source),
        "target": torch.from_numpy(target),
    }


PILLARS = sweep.GRID_SIDE**2

MODELS = {
    "pillars": (PillarModel(PILLARS), pillar_inputs, {"points": {0: "n"}, "pillar": {0: "n"}}),
    "rings": (Rings(), ring_inputs, {"points": {0: "n"}}),
    "attention": (
        Attention(PILLARS),
        graph_inputs,
        {"nodes": {0: "nodes"}, "source": {0: "edges"}, "target": {0: "edges"}},
    ),
}
"""Each model, its inputs from a sweep's points, and the axes that vary."""
