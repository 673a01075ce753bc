"""torch_scatter's times for the cells of `cargo bench --bench peers`, as the same lines of CSV.

    python torch_scatter_times.py TORCH_SCATTER_CUDA_LIBRARY
"""

import sys
import time

import torch

PATTERNS = (("uniform", 1 << 22, 1 << 18, 1), ("few", 1 << 22, 1 << 10, 1), ("skewed", 1 << 22, 1 << 18, 4),
            ("sweep", 35_000, 10_000, 1))
REPETITIONS = 31

torch.ops.load_library(sys.argv[1])
ops = torch.ops.torch_scatter
flushed = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")


def median(run):
    """Milliseconds of a run between two events, the second-level cache filled with other data before each."""
    run()
    torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    torch.cuda.synchronize()
    # 16-bit sums into few groups take seconds.
    repetitions = 3 if time.perf_counter() - began > 0.05 else REPETITIONS
    times = []
    for _ in range(repetitions):
        flushed.zero_()
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[repetitions // 2]


def main():
    torch.manual_seed(0)
    for pattern, rows, groups, power in PATTERNS:
        index = (groups * torch.rand(rows, device="cuda", dtype=torch.float64) ** power).long()
        ordered = index.sort().values
        indptr = torch.searchsorted(ordered, torch.arange(groups + 1, device="cuda"))
        for columns in (1, 4, 16, 64, 256):
            src = torch.randn(rows, columns, device="cuda")
            wide = index[:, None].expand(-1, columns)
            cells = {
                "scatter sum": lambda: ops.scatter_sum(src, wide, 0, None, groups),
                "scatter max": lambda: ops.scatter_max(src, wide, 0, None, groups),
                "segment_coo max": lambda: ops.segment_max_coo(src, ordered, None, groups),
                "segment_csr max": lambda: ops.segment_max_csr(src, indptr, None),
                "segment_coo sum": lambda: ops.segment_sum_coo(src, ordered, None, groups),
                "segment_csr sum": lambda: ops.segment_sum_csr(src, indptr, None),
                "gather_coo": lambda: ops.gather_coo(src[:groups], ordered, None),
                "index_select": lambda: src[:groups].index_select(0, ordered),
                "gather_csr": lambda: ops.gather_csr(src[:groups], indptr, None),
                "repeat_interleave": lambda: src[:groups].repeat_interleave(indptr.diff(), 0, output_size=rows),
            }
            if columns < 256:
                half = src.half()
                cells["scatter sum half"] = lambda: ops.scatter_sum(half, wide, 0, None, groups)
            for operator, run in cells.items():
                print(f"{operator},{pattern},{rows},{columns},{median(run):.4f}", flush=True)


main()
