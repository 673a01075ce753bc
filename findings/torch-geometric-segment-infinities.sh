#!/usr/bin/env bash
# torch_geometric.utils.segment turns infinite maxima and minima into 0.
#
# Expected: utils.segment(src, ptr, 'max') and utils.scatter(src, index, reduce='max') agree, and so do utils.softmax by ptr
# and by index.
# Seen: segment gives 0 for a maximum or minimum that is infinite, of either sign; scatter keeps it. So the softmax of a fully
# masked group (all -inf) is 0 by ptr and NaN by index.
# Packages: torch_geometric 2.8.1, torch 2.15.0, without torch_scatter and pyg_lib
# Date: 2026-11-27
# Why: attention over neighbours masks with -inf. The same model gives NaN or 0 for a node whose neighbours are all masked, by
# how its groups are named; an engine can agree with one of the two.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torch_geometric==2.8.1 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch_geometric.utils import scatter, segment, softmax

infinity = float("inf")
values = torch.tensor([infinity, 1.0, -infinity])
index, ptr = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 3])
for reduce, expected in (("max", [infinity, -infinity]), ("min", [1.0, -infinity])):
    by_index, by_ptr = scatter(values, index, 0, 2, reduce).tolist(), segment(values, ptr, reduce).tolist()
    print(f"{reduce}: scatter {by_index}, segment {by_ptr}")
    assert by_index == expected
    assert by_ptr == [0.0 if abs(value) == infinity else value for value in expected], "segment has changed"
masked = torch.tensor([-infinity, -infinity, 1.0])
by_index, by_ptr = softmax(masked, index), softmax(masked, ptr=ptr)
print(f"softmax of a masked group: by index {by_index.tolist()}, by ptr {by_ptr.tolist()}")
assert by_index[:2].isnan().all() and by_ptr[:2].tolist() == [0.0, 0.0], "softmax has changed"
PYTHON
