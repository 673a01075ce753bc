"""A GAT and a GraphSAGE of three layers each. Needs PyTorch and torch_geometric."""

from __future__ import annotations

import numpy as np
import torch
from graph import COLUMNS, SEED
from torch import Tensor, nn
from torch_geometric.nn import GATConv, SAGEConv
from torch_geometric.nn.dense import Linear

HEADS, CLASSES = 8, 16


class GAT(nn.Module):
    """Two layers of 8 heads with 8 columns each, and one of 16 classes. The edges have the self loops already."""

    def __init__(self) -> None:
        super().__init__()
        head = COLUMNS // HEADS
        self.first = GATConv(COLUMNS, head, heads=HEADS, add_self_loops=False)
        self.second = GATConv(COLUMNS, head, heads=HEADS, add_self_loops=False)
        self.last = GATConv(COLUMNS, CLASSES, add_self_loops=False)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x = nn.functional.elu(self.first(x, edges))
        x = nn.functional.elu(self.second(x, edges))
        result: Tensor = self.last(x, edges)
        return result


class GraphSAGE(nn.Module):
    """Two layers of 64 columns, and one of 16 classes; each takes the mean of the neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.first = SAGEConv(COLUMNS, COLUMNS)
        self.second = SAGEConv(COLUMNS, COLUMNS)
        self.last = SAGEConv(COLUMNS, CLASSES)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x = self.first(x, edges).relu()
        x = self.second(x, edges).relu()
        result: Tensor = self.last(x, edges)
        return result


def make(name: str) -> nn.Module:
    """A model with weights that depend on nothing but SEED: uniform, and so large that values keep their size."""
    model = {"gat": GAT, "sage": GraphSAGE}[name]()
    random = np.random.RandomState(SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            bound = (3 / parameter.shape[-1]) ** 0.5
            values = random.random_sample(tuple(parameter.shape)) * 2 - 1
            parameter.copy_(torch.from_numpy((values * bound).astype(np.float32)))
    return model.eval()


class ProductsAndSums(nn.Module):
    """A linear layer without a matrix product: each row times some rows of the weight, added up; and so on."""

    ROWS = 8
    """Rows of the weight at a time: the products are 8 times as large as the rows, not 64 times."""

    def __init__(self, linear: nn.Linear | Linear) -> None:
        super().__init__()
        self.parts = nn.ParameterList(linear.weight.detach().split(self.ROWS))
        self.bias = linear.bias

    def forward(self, rows: Tensor) -> Tensor:
        parts = [(rows.unsqueeze(1) * part).sum(2) for part in self.parts]
        result = torch.cat(parts, 1)
        return result if self.bias is None else result + self.bias


class Convolution(nn.Module):
    """A linear layer as a convolution of one pixel, with the rows for pixels and their columns for channels."""

    def __init__(self, linear: nn.Linear | Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().unsqueeze(2).unsqueeze(3))
        self.bias = linear.bias

    def forward(self, rows: Tensor) -> Tensor:
        pixels = rows.t().unsqueeze(0).unsqueeze(3)
        result = nn.functional.conv2d(pixels, self.weight, self.bias)
        return result.squeeze(3).squeeze(0).t()


LINEAR = {"matmul": None, "convolution": Convolution, "products": ProductsAndSums}
"""How a linear layer is written, for a TensorRT that has no kernels for matrices."""


def with_linear(model: nn.Module, kind: str) -> nn.Module:
    """Replaces the linear layers of a model by those of a kind of LINEAR."""
    made = LINEAR[kind]
    if made is not None:
        for module in list(model.modules()):
            for name, layer in module.named_children():
                if isinstance(layer, (nn.Linear, Linear)):
                    setattr(module, name, made(layer))
    return model
