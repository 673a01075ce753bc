"""An example model: it reduces the features of points over the pillars of a grid."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from . import ops
from .symbolic import register_symbolic
from .translation import translation_table

EXPORTERS = ("dynamo", "torchscript")

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
    inputs = {"points": torch.rand(64, POINT_VALUES), "pillar": torch.randint(0, PILLARS, (64,))}
    rows = {"points": {0: "n"}, "pillar": {0: "n"}}
    export_model(model, inputs, rows, path, exporter, output="features")


def export_model(
    model: nn.Module,
    inputs: dict[str, Tensor],
    dynamic: dict[str, dict[int, str]],
    path: str | os.PathLike[str],
    exporter: str,
    output: str = "out",
) -> None:
    """Exports a model by one of PyTorch's exporters. The operators of `ops` become the plugins' nodes.

    Args:
        model: What to export.
        inputs: The inputs, by their names in the ONNX file.
        dynamic: The axes that vary, by input and axis. Equal names stand for equal sizes.
        path: Where to write the ONNX file, weights included.
        exporter: "dynamo" or "torchscript".
        output: The name of its one output.

    Raises:
        ValueError: there is no such exporter.
    """
    if exporter not in EXPORTERS:
        raise ValueError(f"exporter is {exporter!r}: expected one of {', '.join(EXPORTERS)}")
    model.eval()
    arguments = tuple(inputs.values())
    if exporter == "torchscript":
        register_symbolic()
        torch.onnx.export(
            model,
            arguments,
            os.fspath(path),
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes=dynamic,
        )
        return
    names = sorted({name for axes in dynamic.values() for name in axes.values()})
    dims = {name: torch.export.Dim(name) for name in names}
    torch.onnx.export(
        model,
        arguments,
        os.fspath(path),
        dynamo=True,
        # TensorRT 8 knows no newer one.
        opset_version=17,
        external_data=False,
        verbose=False,
        input_names=list(inputs),
        output_names=[output],
        dynamic_shapes=tuple({axis: dims[name] for axis, name in dynamic.get(key, {}).items()} for key in inputs),
        custom_translation_table=translation_table(),
    )
