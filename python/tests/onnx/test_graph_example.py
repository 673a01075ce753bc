"""examples/graph: the exported files compute what PyTorch computes, without a row of columns for each edge."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from exporting import plugin_nodes

from tensorrt_scatter.onnx import reference

pytest.importorskip("torch_geometric")

EXAMPLE = Path(__file__).parents[3] / "examples" / "graph"
NODES, EDGES = 200, 1000
PLUGINS = {
    "gat": ["TRTS_GroupIndex"] + ["TRTS_AttentionCSR"] * 3,
    "sage": ["TRTS_GroupIndex"] + ["TRTS_GatherSegmentCSR"] * 3,
}


@pytest.fixture(scope="module")
def graph() -> ModuleType:
    """graph.py, under a name of its own."""
    spec = importlib.util.spec_from_file_location("example_graph", EXAMPLE / "graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def call(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of the example, with the package of this checkout."""
    path = os.pathsep.join(filter(None, [str(EXAMPLE.parents[1] / "python"), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(EXAMPLE / script), "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False)


def check(name: str, folder: Path, graph: ModuleType, operators: ModuleType) -> None:
    """A model's file has the plugins, no row of columns for each edge, and PyTorch's result."""
    model = onnx.load(folder / f"{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    # TensorRT 8 knows no newer opset.
    assert [declared.version for declared in model.opset_import if declared.domain == ""] == [17]
    assert sorted(node.op_type for node in plugin_nodes(model)) == sorted(PLUGINS[name])
    inputs = graph.exported(folder).inputs(name)
    edges = inputs["edges"].shape[1]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in inferred.value_info]
    of_edges = [shape for shape in shapes if edges in shape]
    # The scores of GAT's heads are the largest.
    assert max(int(np.prod(shape)) for shape in of_edges) == edges * (8 if name == "gat" else 1)
    result = np.asarray(reference.evaluator(model, operators).run(None, inputs)[0])
    np.testing.assert_allclose(result, np.load(folder / f"{name}.npy"), rtol=1e-5, atol=1e-5)


def test_the_command(tmp_path: Path, graph: ModuleType, operators: ModuleType) -> None:
    """All but the step that needs TensorRT."""
    sizes = ["--nodes", str(NODES), "--edges", str(EDGES)]
    steps = ["--steps", "export", "pytorch", "--device", "cpu", "--repetitions", "1"]
    done = call("run.py", tmp_path, *steps, *sizes)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in PLUGINS:
        check(name, tmp_path, graph, operators)
    facts = json.loads((tmp_path / "pytorch.json").read_text())
    for form, title in (("gat", "GAT"), ("sage", "GraphSAGE"), ("sage, CSR", "GraphSAGE, edges as a CSR matrix")):
        assert facts[form]["error"] <= 1e-5, form
        assert f"| {title}: PyTorch {facts['PyTorch']} | {facts[form]['enqueued']:.3f} ms |" in done.stdout


@pytest.mark.parametrize("linear", ["convolution", "products"])
def test_without_matrix_products(linear: str, tmp_path: Path, graph: ModuleType, operators: ModuleType) -> None:
    done = call("export.py", tmp_path, "--nodes", str(NODES), "--edges", str(EDGES), "--linear", linear)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" before, 0 after") == 2, done.stdout
    for name in PLUGINS:
        check(name, tmp_path, graph, operators)
        nodes = {node.op_type for node in onnx.load(tmp_path / f"{name}.onnx").graph.node}
        assert not nodes & {"Gemm", "MatMul"}
        assert ("Conv" in nodes) == (linear == "convolution")


def test_the_graph(graph: ModuleType) -> None:
    made = graph.make(NODES, EDGES)
    source, destination = made.edges
    assert made.x.shape == (NODES, graph.COLUMNS) and made.edges.shape == (2, EDGES)
    assert made.edges.min() >= 0 and made.edges.max() < NODES
    assert not np.any(source == destination)
    # A power law: one node has more of the edges than 10 nodes have in the mean.
    assert np.bincount(destination).max() > 10 * EDGES / NODES
    loops = made.with_self_loops()
    assert loops.shape == (2, EDGES + NODES) and np.array_equal(loops[0, EDGES:], np.arange(NODES))


def test_the_graph_is_the_same_in_every_release_of_numpy(graph: ModuleType) -> None:
    # This is the number with NumPy 1.26.4 and with 2.4.6.
    assert graph.make(NODES, EDGES).checksum() == 1303148661


def test_another_graph_is_refused(graph: ModuleType, tmp_path: Path) -> None:
    graph.write_facts(tmp_path, "graph", {"nodes": NODES, "edges": EDGES, "checksum": 1})
    with pytest.raises(SystemExit, match="the generated graph is another one"):
        graph.exported(tmp_path)


def test_a_missing_export_is_named(tmp_path: Path, graph: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"run export\.py first"):
        graph.exported(tmp_path)
