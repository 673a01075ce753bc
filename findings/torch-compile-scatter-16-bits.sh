#!/usr/bin/env bash
# A scatter_add in 16 bits that is compiled for one thread is less precise than for two.
#
# Expected: a compiled function is as precise as the eager one or more so, since the compiler computes 16-bit values in float32.
# The number of threads changes the last bits at most.
# Seen: on the CPU, 4,096 bfloat16 ones by scatter_add are 4,096 in eager mode, with one thread and with two, and compiled with
# two threads. Compiled with one thread they are 256, and in float16 2,048. So it is for rows of 64 values and with
# scatter_reduce("sum"). scatter_reduce("mean") is 1 in both modes.
# Packages: torch 2.15.0; a C++ compiler is needed, as torch.compile needs one
# Date: 2026-11-28
# Why: servers often run with one thread a process, and tests do not. Degrees, counts and sums over neighbours then stop at 256,
# after two changes that are meant for speed alone. A reference for a plugin that sums in float32 is the eager function.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.5.5
cd "$work"
export TORCHINDUCTOR_CACHE_DIR="$work/cache"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch

index = torch.zeros(4096, dtype=torch.int64)
CALLS = {
    "scatter_add": (lambda x: x.new_zeros(1).scatter_add(0, index, x), (4096,)),
    "scatter_reduce sum": (lambda x: x.new_zeros(1).scatter_reduce(0, index, x, "sum"), (4096,)),
    "scatter_add of rows": (lambda x: x.new_zeros(1, 64).scatter_add(0, index[:, None].expand(-1, 64), x), (4096, 64)),
    "scatter_reduce mean": (lambda x: x.new_zeros(1).scatter_reduce(0, index, x, "mean", include_self=False), (4096,)),
}
for threads in (1, 2):
    torch.set_num_threads(threads)
    for dtype, stops_at in ((torch.bfloat16, 256), (torch.float16, 2048)):
        for name, (function, shape) in CALLS.items():
            torch.compiler.reset()
            ones = torch.ones(shape, dtype=dtype)
            eager, compiled = (run(ones).ravel()[0].item() for run in (function, torch.compile(function)))
            print(f"threads {threads}, {dtype}, {name}: eager {eager}, compiled {compiled}")
            right = 1 if name == "scatter_reduce mean" else 4096
            stops = threads == 1 and name.startswith(("scatter_add", "scatter_reduce sum"))
            assert (eager, compiled) == (right, stops_at if stops else right), "a sum has changed"
PYTHON
