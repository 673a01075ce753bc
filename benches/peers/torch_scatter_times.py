"""Prints the times of torch_scatter, torch and CuPy for the cells of `cargo bench --bench peers`, on the same data and in the
same format. Words behind the library choose lines, as there.

    python torch_scatter_times.py TORCH_SCATTER_CUDA_LIBRARY [WORD ...]
"""

import sys
import time

import torch

COLUMNS = (1, 4, 16, 64, 256)
#: More numbers of columns for scatters into uniform groups.
SCATTERED_COLUMNS = (2, 3, 5, 8, 24, 32, 33, 48, 63, 65, 96, 127, 128, 200)
#: Name, rows, groups, the power that skews the index, columns: those of benches/sizes.
PATTERNS = (
    ("uniform", 1 << 22, 1 << 18, 1, COLUMNS + SCATTERED_COLUMNS),
    ("few", 1 << 22, 1 << 10, 1, COLUMNS),
    ("skewed", 1 << 22, 1 << 18, 4, COLUMNS),
    ("sweep", 35_000, 10_000, 1, COLUMNS),
    ("one", 1 << 20, 1, 1, (1,)),
)
REPETITIONS = 31

flushed = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")


def wrapped(word):
    """A 64-bit word as torch's int64, whose products wrap around like those of unsigned words."""
    return word - (1 << 64) if word >> 63 else word


def shifted(z, bits):
    """z >> bits of unsigned 64-bit words."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def mix(count):
    """The first numbers of SplitMix64, as benches/sizes draws them."""
    z = torch.arange(1, count + 1, device="cuda") * wrapped(0x9e3779b97f4a7c15)
    z = (z ^ shifted(z, 30)) * wrapped(0xbf58476d1ce4e5b9)
    z = (z ^ shifted(z, 27)) * wrapped(0x94d049bb133111eb)
    return z ^ shifted(z, 31)


def median(run):
    """The median milliseconds of a run between two events. Other data fills the second-level cache before each run."""
    run()
    torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    torch.cuda.synchronize()
    # 16-bit sums into few groups take seconds.
    took = time.perf_counter() - began
    repetitions = 1 if took > 1 else 3 if took > 0.05 else REPETITIONS
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


def sums_of_all(src):
    """What sums up one segment that has all elements."""
    import cupy

    with cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream):
        array = cupy.from_dlpack(src)
    # CuPy's sum takes CUB's where it is the only accelerator.
    cupy._core.set_reduction_accelerators(["cub"])

    def by_cupy():
        with cupy.cuda.ExternalStream(torch.cuda.current_stream().cuda_stream):
            return array.sum()

    return {"CuPy's sum": by_cupy, "torch's sum": src.sum}


def main():
    torch.ops.load_library(sys.argv[1])
    ops = torch.ops.torch_scatter
    words = sys.argv[2:]
    for pattern, rows, groups, power, numbers_of_columns in PATTERNS:
        index = (groups * (shifted(mix(rows), 11).double() / (1 << 53)) ** power).long()
        ordered = index.sort().values
        indptr = torch.searchsorted(ordered, torch.arange(groups + 1, device="cuda"))
        for columns in numbers_of_columns:
            src = (shifted(mix(rows * columns), 40).float() / (1 << 23) - 1).view(rows, columns)
            wide = index[:, None].expand(-1, columns)
            cells = {
                "scatter sum": lambda: ops.scatter_sum(src, wide, 0, None, groups),
                "scatter_add": lambda: src.new_zeros(groups, columns).scatter_add_(0, wide, src),
                "index_add": lambda: src.new_zeros(groups, columns).index_add_(0, index, src),
                "scatter mean": lambda: ops.scatter_mean(src, wide, 0, None, groups),
                "scatter max": lambda: ops.scatter_max(src, wide, 0, None, groups),
            }
            of_sorted = {
                "segment_coo max": lambda: ops.segment_max_coo(src, ordered, None, groups),
                "segment_csr max": lambda: ops.segment_max_csr(src, indptr, None),
                "segment_coo sum": lambda: ops.segment_sum_coo(src, ordered, None, groups),
                "segment_csr mean": lambda: ops.segment_mean_csr(src, indptr, None),
                "segment_csr sum": lambda: ops.segment_sum_csr(src, indptr, None),
                "gather_coo": lambda: ops.gather_coo(src[:groups], ordered, None),
                "index_select": lambda: src[:groups].index_select(0, ordered),
                "gather_csr": lambda: ops.gather_csr(src[:groups], indptr, None),
                "repeat_interleave": lambda: src[:groups].repeat_interleave(indptr.diff(), 0, output_size=rows),
            }
            if columns in COLUMNS:
                cells |= of_sorted
            if pattern == "one":
                cells |= sums_of_all(src)
            if columns < 256:
                half = src.half()
                cells["scatter sum half"] = lambda: ops.scatter_sum(half, wide, 0, None, groups)
            for operator, run in cells.items():
                line = f"{operator},{pattern},{rows},{columns}"
                if not words or any(word in line for word in words):
                    print(f"{line},{median(run):.4f}", flush=True)


if __name__ == "__main__":
    main()
