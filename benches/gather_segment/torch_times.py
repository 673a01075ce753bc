"""Prints the times of cuSPARSE, torch_geometric and torch_scatter for the cells of `cargo bench --bench gather_segment`, on the same data and in
the same format.

    python torch_times.py [TORCH_SCATTER_CUDA_LIBRARY]
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))
from torch_scatter_times import median, mix, shifted  # noqa: E402

#: Name, nodes, edges, the power that skews destinations, columns: those of benches/sizes.
GRAPHS = (
    ("uniform", 1 << 18, 1 << 22, 1, (16, 64, 256)),
    ("skewed", 1 << 18, 1 << 22, 4, (16, 64, 256)),
    ("large", 1 << 20, 1 << 24, 1, (32,)),
    ("small", 10_000, 160_000, 1, (64,)),
)


def floats(count):
    return shifted(mix(count), 40).float() / (1 << 23) - 1


def edge_index_of(edges, nodes):
    """torch_geometric's EdgeIndex, with what it keeps for products made ahead. None without torch_geometric."""
    try:
        from torch_geometric import EdgeIndex
    except ModuleNotFoundError:
        print("SKIPPED: torch_geometric is not installed", file=sys.stderr)
        return None
    return EdgeIndex(edges, sparse_size=(nodes, nodes), sort_order="col").fill_cache_()


def main():
    if len(sys.argv) > 1:
        torch.ops.load_library(sys.argv[1])
    for name, nodes, edges, power, columns_of_graph in GRAPHS:
        drawn = shifted(mix(edges), 11).double() / (1 << 53)
        destinations = (nodes * drawn**power).long().sort().values
        indptr = torch.searchsorted(destinations, torch.arange(nodes + 1, device="cuda")).int()
        sources = (nodes * (shifted(mix(2 * edges)[edges:], 11).double() / (1 << 53))).int()
        weight = floats(edges)
        matrix = torch.sparse_csr_tensor(indptr, sources, weight, (nodes, nodes))
        edge_index = edge_index_of(torch.stack([sources.long(), destinations]), nodes)
        for columns in columns_of_graph:
            src = floats(nodes * columns).view(nodes, columns)
            cells = {"cuSPARSE weighted sum": lambda: matrix @ src}
            if edge_index is not None:
                product = edge_index.matmul(src, weight, transpose=True)
                torch.testing.assert_close(product, matrix @ src, rtol=1e-4, atol=1e-4)
                cells["EdgeIndex weighted sum"] = lambda: edge_index.matmul(src, weight, transpose=True)
            gathered = src.index_select(0, sources)
            cells["torch's multiplication of gathered rows"] = lambda: gathered * weight[:, None]
            if len(sys.argv) > 1:
                half, half_weight = src.half(), weight.half()
                scatter = torch.ops.torch_scatter.scatter_sum
                wide = destinations[:, None].expand(-1, columns)
                cells["torch and torch_scatter weighted sum half"] = lambda: scatter(
                    half.index_select(0, sources) * half_weight[:, None], wide, 0, None, nodes
                )
            for operator, run in cells.items():
                print(f"{operator},{name},{edges},{columns},{median(run):.4f}", flush=True)


if __name__ == "__main__":
    main()
