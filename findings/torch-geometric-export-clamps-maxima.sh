#!/usr/bin/env bash
# torch_geometric's maxima are never below 0 in a TorchScript export.
#
# Expected: a model that is exported gives what it gives in PyTorch, or the export fails.
# Seen: utils.scatter(..., reduce='max') of negative values gives 0 in the exported model, without a warning. While an export
# runs, torch_geometric starts the maximum from the larger of 0 and the smallest value; minima likewise are never above 0.
# Packages: torch_geometric 2.8.1, torch 2.15.0, onnx 1.23.2
# Date: 2026-11-27
# Why: SAGEConv with max, EdgeConv, PNAConv, PointNetConv and global_max_pool export by this path. Their maxima are right
# behind a ReLU and wrong elsewhere, so a test on one model says nothing of the next.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torch_geometric==2.8.1 onnx==1.23.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from torch_geometric.utils import scatter


class Model(torch.nn.Module):
    def __init__(self, reduce):
        super().__init__()
        self.reduce = reduce

    def forward(self, values, index):
        return scatter(values, index, 0, 2, self.reduce)


index = torch.tensor([0, 0, 1])
for reduce, values in (("max", torch.tensor([-1.0, -2.0, -3.0])), ("min", torch.tensor([1.0, 2.0, 3.0]))):
    model = Model(reduce)
    torch.onnx.export(model, (values, index), "model.onnx", dynamo=False, input_names=["values", "index"])
    inputs = {"values": values.numpy(), "index": index.numpy()}
    exported = ReferenceEvaluator(onnx.load("model.onnx")).run(None, inputs)[0]
    print(f"{reduce} of {values.tolist()}: PyTorch {model(values, index).tolist()}, exported {exported.tolist()}")
    assert 0 not in model(values, index).tolist()
    np.testing.assert_array_equal(exported, [0.0, 0.0], "torch_geometric has changed")
PYTHON
