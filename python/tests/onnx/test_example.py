"""The example models of the documentation: by either exporter, they compute what PyTorch computes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, plugin_nodes, run

from tensorrt_scatter.onnx import export, export_example
from tensorrt_scatter.onnx.example import PILLARS, POINT_VALUES, PillarModel

POINT_CLOUD = Path(__file__).parents[3] / "examples" / "point_cloud"


def seeded_model() -> PillarModel:
    """The model that export_example writes."""
    torch.manual_seed(1)
    return PillarModel()


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_export_example(exporter: str, tmp_path: Path, operators: ModuleType) -> None:
    path = tmp_path / "example.onnx"
    export_example(path, exporter)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in plugin_nodes(model)] == ["TRTS_Scatter"] * 2
    reference = seeded_model()
    for n in (64, 200):
        inputs = {"points": torch.rand(n, POINT_VALUES), "pillar": torch.randint(0, PILLARS, (n,))}
        expected = reference(*inputs.values()).detach().numpy()
        np.testing.assert_allclose(run(model, inputs, operators)[0], expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_exporter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exporter is 'caffe': expected 'dynamo' or 'torchscript', or None"):
        export_example(tmp_path / "example.onnx", "caffe")


@pytest.mark.parametrize("with_matmul", [True, False])
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ["pillars", "rings", "attention"])
def test_point_cloud_models(
    name: str, exporter: str, with_matmul: bool, tmp_path: Path, operators: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(POINT_CLOUD))
    models, sweep = importlib.import_module("models"), importlib.import_module("sweep")
    model, inputs_of, dynamic = models.MODELS[name]
    exported_model = model if with_matmul else models.without_matmul(model)
    export(
        exported_model,
        inputs_of(sweep.make(300, 0)),
        tmp_path / "model.onnx",
        target="8.6",
        dynamic_shapes=dynamic,
        exporter=exporter,
    )
    exported = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(exported, full_check=True)
    assert any(node.op_type in ("Gemm", "MatMul") for node in exported.graph.node) == with_matmul
    for count in (300, 150):
        inputs = inputs_of(sweep.make(count, count))
        with torch.no_grad():
            expected = model(*inputs.values()).numpy()
        np.testing.assert_allclose(run(exported, inputs, operators)[0], expected, rtol=1e-4, atol=1e-5)


def test_importing_needs_neither_torch_nor_onnx() -> None:
    code = """import sys
sys.modules["torch"] = sys.modules["onnx"] = None
import tensorrt_scatter.onnx
print(len(tensorrt_scatter.onnx.__all__))"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0
