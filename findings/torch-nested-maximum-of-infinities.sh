#!/usr/bin/env bash
# In a nested tensor, the maximum of a group of -inf depends on the length of the other groups, and argmax may leave the group.
#
# Expected: a jagged nested tensor is a list of tensors: amax and argmax over its ragged axis give for a group what they give for
# its tensor, whatever the other groups are. For one element, -inf, that is -inf and the position 0.
# Seen: it is so beside a group of one element. Beside a group of two elements the maximum is -3.4e38 (float16: -65504) and the
# position 1, where the group has no element. The groups are padded to the longest one with the lowest finite number. amin and
# argmin of +inf likewise, and torch.max with a dim. Made of values and offsets by nested_tensor_from_jagged, it is so beside a
# group of one element too.
# Packages: torch 2.15.0
# Date: 2026-11-28
# Why: nested tensors are PyTorch's own way to groups of different lengths, with the offsets of segment_csr. Masked scores are
# -inf: the same group has another maximum in another batch, and the position added to its offset is that of another group.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch

INF = float("inf")


def reduced(values, offsets, function):
    """What a function gives for each group: of the nested tensor, and of the group's own tensor."""
    groups = [values[begin:end, None] for begin, end in zip(offsets, offsets[1:])]
    nested = torch.nested.nested_tensor(groups, layout=torch.jagged)
    return function(nested, dim=1).ravel().tolist(), [function(group, dim=0).item() for group in groups]


for dtype in (torch.float32, torch.float16):
    largest = torch.finfo(dtype).max
    for other in (1, 2, 3):
        offsets = [0, 1, 1 + other]
        for sign, extreme, position in ((-1, torch.amax, torch.argmax), (1, torch.amin, torch.argmin)):
            values = torch.tensor([sign * INF] + [1.0] * other, dtype=dtype)
            extremes, right = reduced(values, offsets, extreme)
            positions, right_positions = reduced(values, offsets, position)
            print(f"{values.tolist()} by {offsets}, {extreme.__name__}: {extremes}, of each group's tensor {right};", end=" ")
            print(f"{position.__name__}: {positions}, of each group's tensor {right_positions}")
            assert right == [sign * INF, 1.0] and right_positions == [0, 0]
            seen = (sign * INF, 0) if other == 1 else (sign * largest, 1)
            assert (extremes[0], positions[0]) == seen and extremes[1] == 1, "nested tensors have changed"
greatest = torch.max(torch.nested.nested_tensor([torch.tensor([[-INF]]), torch.ones(2, 1)], layout=torch.jagged), dim=1)
print(f"torch.max: {greatest.values.ravel().tolist()}, {greatest.indices.ravel().tolist()}")
assert greatest.values[0].isfinite() and greatest.indices[0] == 1, "nested tensors have changed"
by_offsets = torch.nested.nested_tensor_from_jagged(torch.tensor([[-INF], [1.0]]), offsets=torch.tensor([0, 1, 2]))
print(f"nested_tensor_from_jagged, groups of one element: {by_offsets.amax(1).ravel().tolist()}", end=", ")
print(f"{by_offsets.argmax(1).ravel().tolist()}")
assert by_offsets.amax(1)[0].isfinite() and by_offsets.argmax(1)[0] == 1, "nested tensors have changed"
PYTHON
