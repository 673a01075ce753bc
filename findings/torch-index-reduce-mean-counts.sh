#!/usr/bin/env bash
# The mean of index_reduce counts 16-bit values in their own type.
#
# Expected: the mean of 2,048 zeros and 2,048 bfloat16 ones is 0.5; or 0.0625 where the sum of ones stops at 256 and the count
# does not.
# Seen: it is 1: the sum stops at 256, and so does the count. scatter_reduce gives 0.5. segment_reduce gives 0.0625 for 4,096
# ones, since its count is right and its sum is not.
# Packages: torch 2.15.0
# Date: 2026-11-27
# Why: three functions of one library give three means of the same group. Means of features over large groups (pillars, pooled
# graphs) cannot be checked against index_reduce or segment_reduce in 16 bits.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch

count = 4096
index = torch.zeros(count, dtype=torch.long)
ones = torch.ones(count, dtype=torch.bfloat16)
halves = ones.clone()
halves[: count // 2] = 0
zero = torch.zeros(1, dtype=torch.bfloat16)
by_index = zero.index_reduce(0, index, halves, "mean", include_self=False).item()
by_scatter = zero.scatter_reduce(0, index, halves, "mean", include_self=False).item()
by_segment = torch.segment_reduce(ones, "mean", lengths=torch.tensor([count])).item()
print(f"2,048 zeros and 2,048 ones: index_reduce {by_index}, scatter_reduce {by_scatter}; 4,096 ones: segment_reduce {by_segment}")
assert by_scatter == 0.5
assert by_index == 1 and by_segment == 0.0625, "the means of 16-bit values have changed"
PYTHON
