#!/usr/bin/env bash
# PyTorch's default ONNX exporter writes scatter_reduce("mean") as an overwrite.
#
# Expected: ONNX's ScatterElements has no mean, so the export fails, as it does with dynamo=False, or counts and divides.
# Seen: the export succeeds without a warning. The file has a ScatterElements without a reduction: of the elements with one
# index the last is kept. It holds for include_self=True and False.
# Packages: torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2
# Date: 2026-11-27
# Why: mean aggregation is the commonest layer of graph networks. The exported model is wrong wherever a node has two
# neighbours, and nothing in the file says that it was a mean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import torch
from onnx.reference import ReferenceEvaluator


class Model(torch.nn.Module):
    def __init__(self, include_self):
        super().__init__()
        self.include_self = include_self

    def forward(self, values, index):
        return torch.zeros(2).scatter_reduce(0, index, values, "mean", include_self=self.include_self)


values, index = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 0, 1])
for include_self, right in ((True, [1.0, 2.0]), (False, [1.5, 4.0])):
    model = Model(include_self)
    proto = torch.onnx.export(model, (values, index), dynamo=True, verbose=False).model_proto
    exported = ReferenceEvaluator(proto).run(None, {"values": values.numpy(), "index": index.numpy()})[0]
    print(f"include_self={include_self}: PyTorch {model(values, index).tolist()}, exported {exported.tolist()}")
    assert model(values, index).tolist() == right
    np.testing.assert_array_equal(exported, [2.0, 4.0], "the exporter has changed")
    try:
        torch.onnx.export(model, (values, index), "model.onnx", dynamo=False)
        raise SystemExit("the older exporter takes it now")
    except torch.onnx.errors.OnnxExporterError as error:
        print(f"  dynamo=False: {str(error).splitlines()[0]}")
PYTHON
