#!/usr/bin/env bash
# PyTorch's older ONNX exporter loses elements of index_put(accumulate=True).
#
# Expected: equal indices add up in the exported model, by ScatterND with reduction add (opset 16 and later), or the export
# fails, as that of index_add does for an example with equal indices.
# Seen: the export at opset 18 succeeds without a warning. The updates go into zeros by a ScatterND without a reduction and are
# added afterwards, so one of several elements with one index is kept.
# Packages: torch 2.15.0, onnx 1.23.2
# Date: 2026-11-27
# Why: histograms, bird's-eye views and voxel grids are made by index_put(accumulate=True). The file loads and runs everywhere,
# with sums that are too small.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator


class Model(torch.nn.Module):
    def forward(self, values, index):
        return torch.zeros(2).index_put((index,), values, accumulate=True)


values, index = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 0, 1])
torch.onnx.export(
    Model(), (values, index), "model.onnx", dynamo=False, opset_version=18, input_names=["values", "index"]
)
exported = ReferenceEvaluator(onnx.load("model.onnx")).run(None, {"values": values.numpy(), "index": index.numpy()})[0]
print(f"PyTorch {Model()(values, index).tolist()}, exported {exported.tolist()}")
assert Model()(values, index).tolist() == [3.0, 4.0]
np.testing.assert_array_equal(exported, [2.0, 4.0], "the exporter has changed")
PYTHON
