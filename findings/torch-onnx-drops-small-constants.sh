#!/usr/bin/env bash
# PyTorch's default ONNX exporter leaves out an addition of 1e-8, and a multiplication by 1.000001.
#
# Expected: the exported model adds what the module adds. An optimizer may leave out x + 0 and x * 1, where the constant is
# exactly 0 or 1.
# Seen: x + c and x - c become x for every c up to 1e-8, which is how far numpy.isclose lets a number be from 0; x * c becomes
# x for c = 1 + 1e-6. So x / (x + 1e-8) is 0 for x = 0 in PyTorch, and NaN in the exported model. No warning.
# optimize=False keeps the constants.
# Packages: torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2
# Date: 2026-11-28
# Why: the constant guards a division by zero. torch_geometric's softmax over neighbours adds 1e-16 to its sums, and layers that
# divide by a weighted count or by a norm add 1e-8: a node without neighbours, or one whose weights are all 0, turns into NaN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from onnx.reference import ReferenceEvaluator


class Mean(torch.nn.Module):
    """The weighted mean of the values of each group."""

    def __init__(self, guard):
        super().__init__()
        self.guard = guard

    def forward(self, values, weights, index):
        total = torch.zeros(3).scatter_add(0, index, values * weights)
        return total / (torch.zeros(3).scatter_add(0, index, weights) + self.guard)


class Scaled(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, values):
        return values * self.factor


# Group 2 has no values.
inputs = {"values": torch.tensor([1.0, 3.0, 5.0]), "weights": torch.tensor([1.0, 1.0, 2.0]), "index": torch.tensor([0, 0, 1])}
for guard, optimize, is_kept in ((1e-16, True, False), (1e-8, True, False), (1.1e-8, True, True), (1e-8, False, True)):
    model = Mean(guard)
    program = torch.onnx.export(model, tuple(inputs.values()), dynamo=True, verbose=False, optimize=optimize)
    given = {name: tensor.numpy() for name, tensor in inputs.items()}
    exported = ReferenceEvaluator(program.model_proto).run(None, given)[0]
    print(f"+ {guard}, optimize={optimize}: PyTorch {model(**inputs).tolist()}, exported {exported.tolist()}")
    assert model(**inputs)[2] == 0
    assert bool(exported[2] == 0) is is_kept, "the exporter has changed"

for factor, is_kept in ((1 + 1e-6, False), (1 + 1e-4, True)):
    program = torch.onnx.export(Scaled(factor), (inputs["values"],), dynamo=True, verbose=False)
    operators = [node.op_type for node in program.model_proto.graph.node]
    print(f"* {factor}: {operators}")
    assert ("Mul" in operators) is is_kept, "the exporter has changed"
PYTHON
