#!/usr/bin/env bash
# The gradient of scatter_reduce("amax", include_self=False) is shared with an element that is not in the group.
#
# Expected: include_self=False takes the start values out of the result and out of the gradient. If one element alone has a
# group's maximum, the gradient of that element is 1, whatever the tensor held before; elements that are equal share it.
# Seen: where the start value equals the maximum, it counts as one more equal element: for a start of 0 and a group of one
# element, 0, the gradient is 1/2, and 1/3 each for two zeros. The rest is lost: the gradient of the start values is 0. It is so
# for amin and in index_reduce, and torch.autograd.gradcheck fails. Forward mode (torch.func.jvp) is right, and so is any
# other start, such as 7. torch_geometric starts from zeros: utils.scatter, MaxAggregation and global_max_pool have 1/2,
# utils.segment has 1.
# Packages: torch 2.15.0, torch_geometric 2.8.1, without torch_scatter
# Date: 2026-11-28
# Why: behind a ReLU many maxima are 0. Their gradients are halved or worse in torch_geometric, and are not in torch_scatter,
# in segments, or in a kernel that follows the formula. A test with random values does not show it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torch_geometric==2.8.1 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch_geometric.nn import MaxAggregation, global_max_pool
from torch_geometric.utils import scatter, segment

index, ptr = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 3, 4])
HALVED, RIGHT = [1 / 2, 1 / 3, 1 / 3, 1.0], [1.0, 1 / 2, 1 / 2, 1.0]


def start(value):
    return torch.full((3,), value, dtype=torch.float64)


def gradient(function):
    values = torch.tensor([0.0, 0.0, 0.0, 5.0], dtype=torch.float64, requires_grad=True)
    function(values).sum().backward()
    return values.grad


def show(name, seen, expected):
    print(f"{name}: {[round(number, 4) for number in seen.tolist()]}")
    torch.testing.assert_close(seen, torch.tensor(expected, dtype=torch.float64), msg="the gradient has changed")


for value, expected in ((0.0, HALVED), (7.0, RIGHT)):
    for reduce, sign in (("amax", 1), ("amin", -1)):
        for name in ("scatter_reduce", "index_reduce"):

            def function(x, name=name, reduce=reduce, sign=sign, value=value):
                return sign * getattr(start(value), name)(0, index, sign * x, reduce, include_self=False)

            show(f"{name}, {reduce}, from {value}", gradient(function), expected)

for name, function, expected in (
    ("utils.scatter", lambda x: scatter(x, index, reduce="max"), HALVED),
    ("MaxAggregation", lambda x: MaxAggregation()(x[:, None], index), HALVED),
    ("global_max_pool", lambda x: global_max_pool(x[:, None], index), HALVED),
    ("utils.segment", lambda x: segment(x, ptr, "max"), RIGHT),
):
    show(f"torch_geometric, {name}", gradient(function), expected)


def maximum_from_zeros(x):
    return start(0.0).scatter_reduce(0, torch.tensor([0, 1, 1]), x, "amax", include_self=False)


# No element equals another one of its group, so that the maximum is differentiable.
distinct = torch.tensor([0.0, 5.0, 2.0], dtype=torch.float64, requires_grad=True)
passes = torch.autograd.gradcheck(maximum_from_zeros, (distinct,), raise_exception=False)
forward = torch.func.jvp(maximum_from_zeros, (distinct.detach(),), (torch.ones(3, dtype=torch.float64),))[1]
print(f"gradcheck {'passes' if passes else 'fails'}; jvp with ones {forward.tolist()}")
assert not passes, "gradcheck passes now"
assert forward.tolist() == [1.0, 1.0, 0.0]
PYTHON
