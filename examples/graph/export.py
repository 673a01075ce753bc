"""Exports the models to ONNX, converts the files, and writes what PyTorch computes.

Needs PyTorch, torch_geometric, onnx, onnxscript and this repository's Python package; no GPU and no TensorRT.

    python export.py                               100,000 nodes and 2,000,000 edges
    python export.py --nodes 200 --edges 1000      a small graph

For each model it writes NAME.onnx, and NAME.npy: the result in float64, rounded to float32.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

import graph
import models
import numpy as np
import onnx
import torch
from torch import nn

try:
    from tensorrt_scatter.onnx import convert
except ImportError:
    # Not installed: the package of this checkout.
    sys.path.append(str(graph.REPOSITORY / "python"))
    from tensorrt_scatter.onnx import convert


def export(model: nn.Module, inputs: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The model as PyTorch exports it, with fixed sizes: TensorRT 8 must know the number of nodes when it builds."""
    program = torch.onnx.export(
        model,
        tuple(torch.from_numpy(array) for array in inputs.values()),
        dynamo=True,
        # PyTorch has no older one: ScatterElements, which messages are reduced by, knows no maximum before.
        opset_version=18,
        verbose=False,
        input_names=list(inputs),
        output_names=["out"],
    )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def lower_opset(model: onnx.ModelProto, opset: int) -> None:
    """Declares an older opset, which TensorRT 8 knows, where all nodes are the same in it."""
    for declared in model.opset_import:
        if declared.domain == "" and declared.version > opset:
            for node in model.graph.node:
                if node.domain == "":
                    since = onnx.defs.get_schema(node.op_type, declared.version).since_version
                    if since > opset:
                        print(f"stays at opset {declared.version}: {node.op_type} has changed in opset {since}")
                        return
            declared.version = opset


def rows_of_edges(model: onnx.ModelProto, edges: int) -> list[str]:
    """The tensors with a row of more columns than there are heads for each edge: what a layer's messages are."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    found = []
    for value in inferred.graph.value_info:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if edges in shape and np.prod(shape) > edges * models.HEADS:
            found.append(f"{value.name} {shape}")
    return found


def write(name: str, folder: Path, of: graph.Graph, linear: str) -> float:
    """Writes a model and its result. Returns the error of PyTorch's float32 on the CPU."""
    inputs = of.inputs(name)
    edges = inputs["edges"].shape[1]
    start = time.perf_counter()
    original = export(models.with_linear(models.make(name), linear), inputs)
    # No edge has a negative number, so nothing needs to look for one.
    model, report = convert(original, wrap_negative_indices=False)
    lower_opset(model, 17)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / f"{name}.onnx")
    print(f"\n{folder / name}.onnx, {time.perf_counter() - start:.1f} s\n{report}")
    before, after = rows_of_edges(original, edges), rows_of_edges(model, edges)
    print(f"tensors with a row of columns for each edge: {len(before)} before, {len(after)} after")
    print("".join(f"    {tensor}\n" for tensor in after), end="")

    start = time.perf_counter()
    given = [torch.from_numpy(array) for array in inputs.values()]
    with torch.no_grad():
        result = models.make(name)(*given).numpy()
        exact = models.make(name).double()(given[0].double(), *given[1:]).numpy()
    np.save(folder / f"{name}.npy", exact.astype(np.float32))
    error = graph.error(result, exact)
    seconds = time.perf_counter() - start
    print(
        f"PyTorch {torch.__version__} on the CPU: float32 differs from float64 by {error:.1e}; {seconds:.1f} s for both"
    )
    return error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=graph.FOLDER, help="the folder between the scripts")
    parser.add_argument("--nodes", type=int, default=graph.NODES)
    parser.add_argument("--edges", type=int, default=graph.EDGES)
    parser.add_argument(
        "--linear",
        choices=models.LINEAR,
        default="matmul",
        help="how linear layers are written, if not as matrix products",
    )
    arguments = parser.parse_args()
    if arguments.nodes < 2 or arguments.edges < 1:
        parser.error(f"{arguments.nodes} nodes and {arguments.edges} edges: there must be 2 nodes and an edge")
    # PyTorch's exporter names the packages that it could use too.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    of = graph.make(arguments.nodes, arguments.edges)
    print(of)
    errors = {name: write(name, arguments.folder, of, arguments.linear) for name in graph.MODELS}
    facts = {"nodes": arguments.nodes, "edges": arguments.edges, "checksum": of.checksum(), "linear": arguments.linear}
    graph.write_facts(arguments.folder, "graph", {**facts, "error of PyTorch's float32": errors})


if __name__ == "__main__":
    main()
