#!/usr/bin/env bash
# The precision of index_add depends on the rank of its tensors.
#
# Expected: a sum of 4,096 bfloat16 ones by index_add is 4,096 or, where sums are kept in bfloat16, 256, whatever the shape;
# and the same as by scatter_add.
# Seen: on the CPU a vector gives 256 and a matrix of one column 4,096. scatter_add gives 4,096. With float16 the vector gives
# 2,048.
# Packages: torch 2.15.0
# Date: 2026-11-27
# Why: index_add is what models use in place of torch_scatter. A test that compares a plugin with index_add passes for rows of
# features and fails by a factor of 16 for a single value a row, as degrees and counts are.
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
for dtype, stops_at in ((torch.bfloat16, 256), (torch.float16, 2048)):
    ones = torch.ones(count, dtype=dtype)
    vector = torch.zeros(1, dtype=dtype).index_add(0, index, ones).item()
    column = torch.zeros(1, 1, dtype=dtype).index_add(0, index, ones[:, None]).item()
    scattered = torch.zeros(1, dtype=dtype).scatter_add(0, index, ones).item()
    print(f"{dtype}: index_add of a vector {vector}, of a column {column}; scatter_add of a vector {scattered}")
    assert column == scattered == count
    assert vector == stops_at, "index_add of a vector has changed"
PYTHON
