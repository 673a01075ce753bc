"""Runs the exported models in PyTorch and torch_geometric on the GPU, for times and memory beside those of the engines.

    python pytorch.py

The models are run as their classes say ("eager"), without gradients, in float32 (TF32 is off by default). GraphSAGE is
run a second time with its edges as a sparse matrix in CSR form, which has been made beforehand: torch_geometric then
leaves the sums to cuSPARSE, and there are no messages. It has no such way for GAT.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import graph
import models
import numpy as np
import torch
from torch import Tensor

MEBIBYTE = 1 << 20


def as_csr(edges: Tensor, nodes: int) -> Tensor:
    """The matrix with a row for each node that edges end at, and a 1 for each edge: in the order of their starts."""
    order = torch.argsort(edges[1] * nodes + edges[0])
    bounds = torch.zeros(nodes + 1, dtype=torch.int64, device=edges.device)
    bounds[1:] = torch.bincount(edges[1], minlength=nodes).cumsum(0)
    ones = torch.ones(edges.shape[1], device=edges.device)
    # PyTorch's check would refuse two equal edges; a product with the matrix adds both.
    return torch.sparse_csr_tensor(bounds, edges[0][order], ones, (nodes, nodes), check_invariants=False)


def median(work: Callable[[], Tensor], repetitions: int, on_gpu: bool) -> float:
    """The median time of a run in milliseconds."""
    times = []
    for _ in range(repetitions):
        if on_gpu:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        else:
            begun = time.perf_counter()
            work()
            times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def measure(name: str, x: Tensor, edges: Tensor, expected: np.ndarray, repetitions: int) -> dict[str, float]:
    """Runs a model, and measures its time, its memory and its error."""
    on_gpu = x.is_cuda
    model = models.make(name).to(x.device)

    def work() -> Tensor:
        result: Tensor = model(x, edges)
        return result

    for _ in range(3):
        result = work()
    facts = {"error": graph.error(result.cpu().numpy(), expected)}
    del result
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        facts["working memory"] = torch.cuda.max_memory_allocated() - before
        facts["used memory"] = torch.cuda.max_memory_allocated()
    facts["enqueued"] = median(work, repetitions, on_gpu)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=graph.FOLDER, help="the folder that export.py wrote")
    parser.add_argument("--repetitions", type=int, default=100, help="runs whose median time is taken")
    parser.add_argument("--device", default="cuda", help="where PyTorch runs; memory is measured on a GPU only")
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no GPU: --device cpu runs the models on the CPU")
    # torch_geometric says that sparse CSR matrices are in beta.
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
    of = graph.exported(arguments.folder)
    x = torch.from_numpy(of.x).to(arguments.device)
    found = {}
    for form in ("gat", "sage", "sage, CSR"):
        name = form.split(",")[0]
        # Only the edges of this form are on the device: they count as memory.
        edges = torch.from_numpy(of.inputs(name)["edges"]).to(arguments.device)
        if form == "sage, CSR":
            edges = as_csr(edges, of.nodes)
        with torch.no_grad():
            facts = measure(name, x, edges, np.load(arguments.folder / f"{name}.npy"), arguments.repetitions)
        del edges
        found[form] = facts
        print(f"{form}: error {facts['error']:.1e}; {facts['enqueued']:.3f} ms", end="")
        if "used memory" in facts:
            working, used = facts["working memory"] / MEBIBYTE, facts["used memory"] / MEBIBYTE
            print(f"; working memory {working:.0f} MiB, all memory {used:.0f} MiB", end="")
        print()
    device = torch.cuda.get_device_name(arguments.device) if arguments.device.startswith("cuda") else "CPU"
    graph.write_facts(arguments.folder, "pytorch", {"PyTorch": torch.__version__, "device": device, **found})


if __name__ == "__main__":
    main()
