"""An example model: it reduces the features of points over the pillars of a grid."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from . import ops
from .exporting import export

POINT_VALUES = 5
"""The number of values of a point: x, y, z, intensity and ring, as in a lidar sweep."""

PILLARS = 1024
"""The number of pillars in the grid of the written model."""


class PillarModel(nn.Module):
    """A layer for each point, the maximum and the mean of each pillar, and a layer for each pillar.

    The inputs are the points [n, POINT_VALUES] and the pillar of each point [n], in [0, pillars). The result is
    [pillars, 16].
    """

    def __init__(self, pillars: int = PILLARS) -> None:
        super().__init__()
        self.pillars = pillars
        self.point = nn.Linear(POINT_VALUES, 32)
        self.pillar = nn.Linear(64, 16)

    def forward(self, points: Tensor, pillar: Tensor) -> Tensor:
        features = self.point(points).relu()
        highest, _ = ops.scatter_max(features, pillar, 0, dim_size=self.pillars)
        mean = ops.scatter_mean(features, pillar, 0, dim_size=self.pillars)
        result: Tensor = self.pillar(torch.cat([highest, mean], 1))
        return result


def export_example(path: str | os.PathLike[str], exporter: str = "dynamo") -> None:
    """Writes a `PillarModel` with fixed weights.

    Its inputs are `points` [n, 5] and `pillar` [n]; n varies. Its output is `features` [1024, 16].

    Args:
        path: Where to write the ONNX file.
        exporter: "dynamo" or "torchscript".

    Raises:
        ValueError: there is no such exporter.
    """
    torch.manual_seed(1)
    model = PillarModel()
    inputs = (torch.rand(64, POINT_VALUES), torch.randint(0, PILLARS, (64,)))
    rows = {"points": {0: "n"}, "pillar": {0: "n"}}
    export(model, inputs, path, target="8.6", dynamic_shapes=rows, output_names=["features"], exporter=exporter)
